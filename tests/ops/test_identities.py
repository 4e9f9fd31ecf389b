"""What holds between operations: the softmax of two classes is a sigmoid, and so is its loss."""

import numpy as np
import pytest
from conftest import slow_but
from hypothesis import given, settings
from hypothesis import strategies as st

import perflab
from perflab import catalog, oracle
from perflab.contract import DTYPES
from perflab.ops.mlp import sigmoid

drawn = settings(max_examples=25)
every_dtype = pytest.mark.parametrize("dtype", slow_but({"float32"}, DTYPES))


def asked(technique, X, W, y, dout=1.0, reg=0.0):
    """The loss and gradients of a technique, and the reference with its bounds."""
    raw, kind = catalog.raw("softmax_loss", technique), X.dtype.type
    args = X, W, y, kind(reg)
    out, cache = raw.forward(*args)
    right = oracle.reference(perflab.operation("softmax_loss"), args, kind(dout), X.dtype.name)
    return (out, *raw.backward(kind(dout), cache)), right


def less_label(difference, y):
    """σ(d) − y, as −σ(−d) where y is 1: nothing cancels."""
    return np.where(y == 1, -sigmoid(-difference), sigmoid(difference))


def logistic(X, W, y, dout):
    """The same loss by sigmoids: with d = s₁ − s₀, −log σ(d) of label 1 and −log σ(−d) of label 0."""
    X, W = X.astype(np.longdouble), W.astype(np.longdouble)
    difference = X @ (W[:, 1] - W[:, 0])
    towards = np.where(y == 1, difference, -difference)
    loss = (np.log1p(np.exp(-np.abs(towards))) + np.maximum(-towards, 0)).mean()
    dd = np.longdouble(dout) * less_label(difference, y) / len(y)  # the gradient of d
    both = np.array([-1, 1], np.longdouble)  # d is the second score minus the first
    return loss, np.outer(dd, W[:, 1] - W[:, 0]), np.outer(dd @ X, both)


def assert_alike(got, wanted, right, technique):
    for name, result, exact, bound in zip(right.names, got, wanted, right.bounds, strict=True):
        off = np.abs(np.asarray(result).astype(np.longdouble) - exact)
        share = float((off / bound).max())
        assert share <= 1, f"{technique}: {name} is off by {share:.2f} of the bound"


@every_dtype
def test_with_two_classes_every_softmax_is_the_sigmoid_of_the_logits_difference(dtype):
    @drawn
    @given(
        N=st.integers(1, 6),
        D=st.integers(1, 5),
        scale=st.sampled_from([0.1, 1.0, 30.0, 1e4]),
        dout=st.floats(-4, 4, width=32),
        seed=st.integers(0, 2**31 - 1),
    )
    def holds(N, D, scale, dout, seed):
        rng = np.random.default_rng(seed)
        X, W = (scale * rng.standard_normal((N, D))).astype(dtype), rng.standard_normal((D, 2)).astype(dtype)
        y = rng.integers(0, 2, N)
        for technique in perflab.techniques("softmax_loss"):
            got, right = asked(technique, X, W, y, dout)
            assert_alike(got, logistic(X, W, y, dout), right, technique)

    holds()


@every_dtype
def test_given_two_scores_dx_is_a_sigmoid_less_the_label(dtype):
    @drawn
    @given(N=st.integers(1, 9), spread=st.sampled_from([0.5, 5.0, 200.0]), seed=st.integers(0, 2**31 - 1))
    def holds(N, spread, seed):
        rng = np.random.default_rng(seed)
        S, y = (spread * rng.standard_normal((N, 2))).astype(dtype), rng.integers(0, 2, N)
        for technique in perflab.techniques("softmax_loss"):
            (_, dS, _), right = asked(technique, S, np.eye(2, dtype=dtype), y)
            wide = S.astype(np.longdouble)
            second = less_label(wide[:, 1] - wide[:, 0], y) / N
            wanted = np.stack([-second, second], axis=1)
            assert (np.abs(dS - wanted) <= right.bounds[1]).all(), technique

    holds()


@every_dtype
def test_a_sigmoid_neuron_is_the_second_class_of_two_whose_first_has_no_weights(dtype):
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((7, 4)).astype(dtype), rng.standard_normal((4, 1)).astype(dtype)
    W = np.hstack([np.zeros_like(w), w])
    args = X.astype(np.longdouble), w.T.astype(np.longdouble)
    neuron = sigmoid(args[0] @ args[1].T)[:, 0]
    for technique in perflab.techniques("softmax_loss"):
        for label in (0, 1):
            (loss, *_), right = asked(technique, X, W, np.full(7, label))
            wanted = -np.log(neuron if label else 1 - neuron).mean()
            assert abs(loss - wanted) <= right.bounds[0], technique
