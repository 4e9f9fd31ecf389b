"""Known mistakes in the fully connected layer. The oracle must catch every one of them."""

import numpy as np

from perflab.contract import Mutant

from . import vectorized

right, right_back = vectorized.forward, vectorized.backward


def bias_per_sample(x, w, b):
    """Adds the bias along the samples where the shapes allow it."""
    out = x @ w
    return (out + b[:, np.newaxis] if len(b) == len(x) else out + b), (x, w)


def no_bias(x, w, b):
    return x @ w + 0 * b, (x, w)


def w_transposed(x, w, b):
    """X @ w.T, which fits where D = M."""
    return x @ (w.T if w.shape[0] == w.shape[1] else w) + b, (x, w)


def dw_transposed(dout, cache):
    x, w = cache
    dw = x.T @ dout
    return dout @ w.T, (dw.T.copy() if dw.shape[0] == dw.shape[1] else dw), dout.sum(axis=0)


def db_wrong_axis(dout, cache):
    x, w = cache
    axis = 1 if dout.shape[0] == dout.shape[1] else 0
    return dout @ w.T, x.T @ dout, dout.sum(axis=axis)


def db_first_sample(dout, cache):
    dx, dw, db = right_back(dout, cache)
    return dx, dw, (dout[0].copy() if len(dout) else db)


def db_mean(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0) / max(len(dout), 1)


def dw_mean(dout, cache):
    dx, dw, db = right_back(dout, cache)
    return dx, dw / max(len(dout), 1), db


def last_sample_only(dout, cache):
    """`=` for `+=` in a loop over the samples."""
    x, w = cache
    if not len(x):
        return right_back(dout, cache)
    return dout @ w.T, np.outer(x[-1], dout[-1]), dout[-1].copy()


def dx_last_neuron(dout, cache):
    """`=` for `+=` in a loop over the neurons."""
    x, w = cache
    return np.outer(dout[:, -1], w[:, -1]), x.T @ dout, dout.sum(axis=0)


def w_for_dx_not_transposed(dout, cache):
    x, w = cache
    return dout @ (w if w.shape[0] == w.shape[1] else w.T), x.T @ dout, dout.sum(axis=0)


def zeros(dout, cache):
    x, w = cache
    return np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[1], w.dtype)


def ones_upstream(dout, cache):
    return right_back(np.ones_like(dout), cache)


def writes_to_input(dout, cache):
    x, w = cache
    gradients = right_back(dout, cache)
    x *= 0.5
    return gradients


_last = []


def remembers_forward(x, w, b):
    _last[:] = [(x, w)]
    return right(x, w, b)


def stale_cache(dout, cache):
    return right_back(dout, _last[0] if _last[0][0].shape == cache[0].shape else cache)


def single_precision(x, w, b):
    return (x.astype(np.float32) @ w.astype(np.float32) + b.astype(np.float32)).astype(x.dtype), (x, w)


def wrong_dtype(x, w, b):
    other = np.float64 if x.dtype == np.float32 else np.float32
    return (x @ w + b).astype(other), (x, w)


_buffers = {}


def reused_buffer(x, w, b):
    out = _buffers.setdefault((len(x), len(b), x.dtype), np.empty((len(x), len(b)), x.dtype))
    np.matmul(x, w, out=out)
    out += b
    return out, (x, w)


_calls = []


def right_only_once(x, w, b):
    """Wrong by another factor each time, so that nobody takes it for a formula."""
    out, cache = right(x, w, b)
    _calls.append(len(_calls))
    return out * x.dtype.type(1 + 0.001 * _calls[-1]), cache


def accumulates_in_cache(dout, cache):
    x, w = cache
    gradients = right_back(dout, cache)
    dout *= 1.5
    return gradients


# Lines of derivation.md, each broken by some of the mistakes below. Mistakes of state break none.
OUT = r"\mathrm{out}_{n,m} = b_m + \sum_{d} x_{n,d}\, w_{d,m}"
DX = r"\mathrm{dx}_{n,d} = \sum_{m} \mathrm{dout}_{n,m}\, w_{d,m}"
DW = r"\mathrm{dw}_{d,m} = \sum_{n} x_{n,d}\, \mathrm{dout}_{n,m}"
DB = r"\mathrm{db}_m = \sum_{n} \mathrm{dout}_{n,m}"
ROUNDING = (
    r"\lvert \mathrm{got} - \mathrm{exact} \rvert \le \gamma_k \cdot"
    r" (\text{the operation on absolute values})"
)

mutants = (
    Mutant("no_bias", "the bias is not added", no_bias, right_back, OUT),
    Mutant(
        "bias_per_sample",
        "the bias runs along the samples, not the neurons",
        bias_per_sample,
        right_back,
        OUT,
    ),
    Mutant(
        "w_transposed",
        "x multiplies wᵀ, not w; the shape is right where D = M",
        w_transposed,
        right_back,
        OUT,
    ),
    Mutant("dw_transposed", "dw is transposed; the shape is right where D = M", right, dw_transposed, DW),
    Mutant("dw_mean", "dw is a mean over the batch, where the gradient is a sum", right, dw_mean, DW),
    Mutant(
        "last_sample_only",
        "`=` for `+=`: the gradient of the weights is the last sample's",
        right,
        last_sample_only,
        DW,
    ),
    Mutant(
        "dx_not_transposed",
        "dx multiplies by w, not wᵀ; the shape is right where D = M",
        right,
        w_for_dx_not_transposed,
        DX,
    ),
    Mutant("dx_last_neuron", "`=` for `+=`: dx is the last neuron's alone", right, dx_last_neuron, DX),
    Mutant("db_wrong_axis", "db is summed over the neurons, not the samples", right, db_wrong_axis, DB),
    Mutant("db_first_sample", "db is not summed over the batch", right, db_first_sample, DB),
    Mutant("db_mean", "db is a mean over the batch, where the gradient is a sum", right, db_mean, DB),
    Mutant("zeros", "zeros are returned", right, zeros, DX),
    Mutant("upstream_ignored", "the upstream gradient is taken to be ones", right, ones_upstream, DX),
    Mutant("input_written", "backward scales x in place", right, writes_to_input),
    Mutant("dout_written", "backward scales dout in place", right, accumulates_in_cache),
    Mutant(
        "stale_cache",
        "backward uses the last forward's arrays, not its cache's",
        remembers_forward,
        stale_cache,
    ),
    Mutant("single_precision", "float64 is computed in float32", single_precision, right_back, ROUNDING),
    Mutant("wrong_dtype", "the output's dtype is not the inputs'", wrong_dtype, right_back),
    Mutant("reused_buffer", "every call returns the same output buffer", reused_buffer, right_back),
    Mutant("right_only_once", "only the first call is right", right_only_once, right_back),
)
