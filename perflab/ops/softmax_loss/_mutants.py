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


def shift_of_the_batch(X, W, y, reg):
    scores = X @ W
    with np.errstate(all="ignore"):
        E = np.exp(scores - scores.max())
        P = E / E.sum(axis=1, keepdims=True)
    return _loss(P, W, y, reg), (X, W, y, reg, P)


def log_of_zero(X, W, y, reg):
    _, cache = right(X, W, y, reg)
    return _loss(cache[4], W, y, reg), cache


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


def loss_reg_averaged(X, W, y, reg):
    loss, cache = right(X, W, y, reg)
    decay = X.dtype.type(0.5) * reg * (W * W).sum()
    return loss - decay + decay / X.dtype.type(len(X)), cache


def total_of_the_samples(X, W, y, reg):
    """The scores are shifted by their row's maximum, and exp is divided by its sum over the other axis."""
    scores = X @ W
    E = np.exp(scores - scores.max(axis=1, keepdims=True))
    P = E / E.sum(axis=0, keepdims=True)
    return _loss(P, W, y, reg), (X, W, y, reg, P)


def _of_data(of_loss):
    """A forward whose loss without its regularisation is what this makes of it and of log p of the labels."""

    def forward(X, W, y, reg):
        loss, cache = right(X, W, y, reg)
        decay = X.dtype.type(0.5) * reg * (W * W).sum()
        scores = X @ W
        shifted = scores - scores.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return X.dtype.type(of_loss(loss - decay, log_p[np.arange(len(y)), y])) + decay, cache

    return forward


def loss_reg_per_sample(X, W, y, reg):
    loss, cache = right(X, W, y, reg)
    return loss + X.dtype.type(0.5 * (len(X) - 1)) * reg * (W * W).sum(), cache


def _backward(dout, cache, *, mean=True, target=1.0, decay=1.0, P=None):
    X, W, y, reg, _ = cache
    dS = (cache[4] if P is None else P).copy()
    if target:
        dS[np.arange(len(X)), y] -= X.dtype.type(target)
    dS *= dout / X.dtype.type(len(X) if mean else 1)
    return dS @ W.T, X.T @ dS + X.dtype.type(decay) * dout * reg * W


def no_mean(dout, cache):
    return _backward(dout, cache, mean=False)


def no_target(dout, cache):
    return _backward(dout, cache, target=0)


def target_added(dout, cache):
    return _backward(dout, cache, target=-1)


def unnormalised(dout, cache):
    scores = cache[0] @ cache[1]
    return _backward(dout, cache, P=np.exp(scores - scores.max(axis=1, keepdims=True)))


def scores_for_probabilities(dout, cache):
    return _backward(dout, cache, P=cache[0] @ cache[1])


def mean_twice(dout, cache):
    dX, dW = _backward(dout, cache, decay=0)
    N = dX.dtype.type(len(dX))
    return dX / N, dW / N + dout * cache[3] * cache[1]


def last_sample_only(dout, cache):
    """`=` for `+=` in the loop over the samples."""
    X, W, y, reg, P = cache
    dX, _ = right_back(dout, cache)
    of_last = X[-1:], W, y[-1:], reg, P[-1:]
    _, dW = _backward(dout / X.dtype.type(len(X)), of_last, decay=0)
    return dX, dW + dout * reg * W


def reg_halved(dout, cache):
    return _backward(dout, cache, decay=0.5)


def reg_per_sample(dout, cache):
    return _backward(dout, cache, decay=len(cache[0]))


def no_reg(dout, cache):
    return _backward(dout, cache, decay=0)


def reg_doubled(dout, cache):
    return _backward(dout, cache, decay=2)


def reg_averaged(dout, cache):
    return _backward(dout, cache, decay=1 / len(cache[0]))


def reg_without_upstream(dout, cache):
    dX, dW = _backward(dout, cache, decay=0)
    return dX, dW + cache[3] * cache[1]


def divided_by_classes(dout, cache):
    """1/C for 1/N: the mean is taken along the wrong axis."""
    X, W, y, reg, P = cache
    dX, dW = _backward(dout, cache, decay=0)
    scale = X.dtype.type(len(X) / W.shape[1])
    return dX * scale, dW * scale + dout * reg * W


def target_in_every_row(dout, cache):
    """P[:, y] -= 1 for P[rows, y] -= 1: whole columns are lessened."""
    X, W, y, reg, P = cache
    dS = P.copy()
    dS[:, y] -= 1
    dS *= dout / X.dtype.type(len(X))
    return dS @ W.T, X.T @ dS + dout * reg * W


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


# Lines of derivation.md, each broken by some of the mistakes below.
MAXIMUM = r"m_i = \max_c(z_{i,c})"
TOTAL = r"s_i = \sum_c \exp(z_{i,c} - m_i)"
LOSS = (
    r"L = \frac{1}{N} \sum_i \left( \log(s_i) - (z_{i,y_i} - m_i) \right) +"
    r" \frac{\mathrm{reg}}{2} \sum_{d,c} W_{d,c}^2"
)
SCORES = r"\mathrm{dz}_{i,c} = \frac{p_{i,c} - [c = y_i]}{N} \cdot \mathrm{dout}"
WEIGHTS = (
    r"\mathrm{dW}_{d,c} = \sum_i X_{i,d}\, \mathrm{dz}_{i,c} + \mathrm{dout} \cdot \mathrm{reg} \cdot W_{d,c}"
)

mutants = (
    Mutant(
        "no_shift",
        "the scores are not shifted by their row's maximum: exp overflows",
        no_shift,
        right_back,
        TOTAL,
    ),
    Mutant(
        "shift_of_the_batch",
        "the scores are shifted by the largest of the batch, not of their row: whole rows underflow",
        shift_of_the_batch,
        right_back,
        MAXIMUM,
    ),
    Mutant(
        "log_of_zero", "the loss takes log(p), which may have underflowed to 0", log_of_zero, right_back, LOSS
    ),
    Mutant("wrong_axis", "the softmax runs over the samples, not the classes", wrong_axis, right_back, TOTAL),
    Mutant(
        "total_of_the_samples",
        "exp is divided by its sum over the samples, not over the classes",
        total_of_the_samples,
        right_back,
        TOTAL,
    ),
    Mutant(
        "loss_summed", "the loss is a sum over the samples: 1/N is missing", loss_summed, right_back, LOSS
    ),
    Mutant("loss_without_reg", "the loss lacks its regularisation", loss_without_reg, right_back, LOSS),
    Mutant("loss_reg_doubled", "the loss's regularisation lacks its ½", loss_reg_doubled, right_back, LOSS),
    Mutant(
        "loss_reg_averaged",
        "the loss's regularisation is divided by N as well",
        loss_reg_averaged,
        right_back,
        LOSS,
    ),
    Mutant(
        "loss_reg_per_sample",
        "the loss's regularisation is added for every sample, in the loop",
        loss_reg_per_sample,
        right_back,
        LOSS,
    ),
    Mutant(
        "loss_mean_twice",
        "the loss is divided by N twice",
        _of_data(lambda loss, log_p: loss / len(log_p)),
        right_back,
        LOSS,
    ),
    Mutant(
        "loss_sign_flipped",
        "the loss is the mean of log p, not of −log p",
        _of_data(lambda loss, log_p: -loss),
        right_back,
        LOSS,
    ),
    Mutant(
        "loss_without_log",
        "the loss takes −p, not −log p",
        _of_data(lambda loss, log_p: -np.exp(log_p).mean()),
        right_back,
        LOSS,
    ),
    Mutant(
        "loss_of_last_sample",
        "`=` for `+=`: the loss is the last sample's, divided by N",
        _of_data(lambda loss, log_p: -log_p[-1] / len(log_p)),
        right_back,
        LOSS,
    ),
    Mutant("missing_mean", "the gradient lacks 1/N", right, no_mean, SCORES),
    Mutant("divided_by_classes", "the gradient is divided by C, not by N", right, divided_by_classes, SCORES),
    Mutant("mean_twice", "the gradient is divided by N twice", right, mean_twice, SCORES),
    Mutant(
        "last_sample_only",
        "`=` for `+=`: dW is the last sample's",
        right,
        last_sample_only,
        WEIGHTS,
    ),
    Mutant(
        "unnormalised",
        "the gradient takes exp(z), not divided by its sum, for the probabilities",
        right,
        unnormalised,
        SCORES,
    ),
    Mutant(
        "scores_for_probabilities",
        "the gradient takes the scores, where it needs the probabilities",
        right,
        scores_for_probabilities,
        SCORES,
    ),
    Mutant(
        "target_added",
        "the target is added to the probabilities",
        right,
        target_added,
        SCORES,
    ),
    Mutant("missing_target", "the probabilities are not lessened by the target", right, no_target, SCORES),
    Mutant(
        "target_in_every_row",
        "P[:, y] -= 1 lessens whole columns, where each row has one target",
        right,
        target_in_every_row,
        SCORES,
    ),
    Mutant("missing_reg", "dW lacks reg·W", right, no_reg, WEIGHTS),
    Mutant("reg_doubled", "dW has 2·reg·W: the ½ of the loss was forgotten", right, reg_doubled, WEIGHTS),
    Mutant("reg_halved", "dW has ½·reg·W: the 2 of W² was forgotten", right, reg_halved, WEIGHTS),
    Mutant(
        "reg_per_sample", "reg·W is added to dW for every sample, in the loop", right, reg_per_sample, WEIGHTS
    ),
    Mutant("reg_averaged", "reg·W in dW is divided by N as well", right, reg_averaged, WEIGHTS),
    Mutant(
        "reg_without_upstream",
        "reg·W in dW is not multiplied by the upstream gradient",
        right,
        reg_without_upstream,
        WEIGHTS,
    ),
    Mutant("upstream_ignored", "the upstream gradient is taken to be one", right, upstream_ignored, SCORES),
    Mutant(
        "sign_flipped",
        "the sign is turned: target minus probabilities is the gradient of the log-likelihood",
        right,
        sign_flipped,
        SCORES,
    ),
    Mutant(
        "cache_spoiled", "backward changes its cache: the second call is wrong", right, probabilities_spoiled
    ),
    Mutant("zeros", "zeros are returned", right, zeros, WEIGHTS),
)
