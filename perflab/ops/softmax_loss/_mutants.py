"""Known mistakes in the softmax loss. The oracle must catch every one of them."""

import numpy as np

from perflab.contract import Mutant

from . import vectorized

right, right_back = vectorized.forward, vectorized.backward


def _probabilities(scores, axis=1, shift=True):
    with np.errstate(all="ignore"):  # a mutant is caught by its answer, not by a warning alone
        E = np.exp(scores - scores.max(axis=axis, keepdims=True) if shift else scores)
        return E / E.sum(axis=axis, keepdims=True)


def _loss(P, W, y, reg):
    with np.errstate(all="ignore"):
        return (-np.log(P[np.arange(len(y)), y])).mean() + P.dtype.type(0.5) * reg * (W * W).sum()


def no_shift(X, W, y, reg):
    P = _probabilities(X @ W, shift=False)
    return _loss(P, W, y, reg), (X, W, y, reg, P)


def wrong_axis(X, W, y, reg):
    P = _probabilities(X @ W, axis=0)
    return _loss(P, W, y, reg), (X, W, y, reg, P)


def loss_summed(X, W, y, reg):
    loss, cache = right(X, W, y, reg)
    decay = X.dtype.type(0.5) * reg * (W * W).sum()
    return (loss - decay) * X.dtype.type(len(X)) + decay, cache


def loss_without_reg(X, W, y, reg):
    loss, cache = right(X, W, y, reg)
    return loss - X.dtype.type(0.5) * reg * (W * W).sum(), cache


def loss_reg_doubled(X, W, y, reg):
    loss, cache = right(X, W, y, reg)
    return loss + X.dtype.type(0.5) * reg * (W * W).sum(), cache


def _backward(dout, cache, *, mean=True, target=True, decay=1.0):
    X, W, y, reg, P = cache
    dS = P.copy()
    if target:
        dS[np.arange(len(X)), y] -= 1
    dS *= dout / X.dtype.type(len(X) if mean else 1)
    return dS @ W.T, X.T @ dS + X.dtype.type(decay) * dout * reg * W


def no_mean(dout, cache):
    return _backward(dout, cache, mean=False)


def no_target(dout, cache):
    return _backward(dout, cache, target=False)


def no_reg(dout, cache):
    return _backward(dout, cache, decay=0)


def reg_doubled(dout, cache):
    return _backward(dout, cache, decay=2)


def upstream_ignored(dout, cache):
    return right_back(cache[0].dtype.type(1), cache)


def sign_flipped(dout, cache):
    X, W, y, reg, P = cache
    dX, dW = right_back(dout, cache)
    decay = dout * reg * W
    return -dX, -(dW - decay) + decay


def probabilities_spoiled(dout, cache):
    X, W, y, reg, P = cache
    P[np.arange(len(X)), y] -= 1
    dS = P * (dout / X.dtype.type(len(X)))
    return dS @ W.T, X.T @ dS + dout * reg * W


def zeros(dout, cache):
    return np.zeros_like(cache[0]), np.zeros_like(cache[1])


mutants = (
    Mutant(
        "no_shift", "the scores are not shifted by their row's maximum: exp overflows", no_shift, right_back
    ),
    Mutant("wrong_axis", "the softmax runs over the samples, not the classes", wrong_axis, right_back),
    Mutant("loss_summed", "the loss is a sum over the samples: 1/N is missing", loss_summed, right_back),
    Mutant("loss_without_reg", "the loss lacks its regularisation", loss_without_reg, right_back),
    Mutant("loss_reg_doubled", "the loss's regularisation lacks its ½", loss_reg_doubled, right_back),
    Mutant("missing_mean", "the gradient lacks 1/N", right, no_mean),
    Mutant("missing_target", "the probabilities are not lessened by the target", right, no_target),
    Mutant("missing_reg", "dW lacks reg·W", right, no_reg),
    Mutant("reg_doubled", "dW has 2·reg·W: the ½ of the loss was forgotten", right, reg_doubled),
    Mutant("upstream_ignored", "the upstream gradient is taken to be one", right, upstream_ignored),
    Mutant(
        "sign_flipped",
        "target minus probabilities: the log-likelihood's gradient, not the loss's",
        right,
        sign_flipped,
    ),
    Mutant(
        "cache_spoiled", "backward changes its cache: the second call is wrong", right, probabilities_spoiled
    ),
    Mutant("zeros", "zeros are returned", right, zeros),
)
