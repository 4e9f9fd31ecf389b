"""Each core takes a block of rows through the whole network while it stays in the cache, then the next block.

x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k) -> J, a scalar

A sample's way forward needs no other sample, and neither does its way back: only the gradients of weights and
biases are shared. So the cores take rows instead of products. The errors of a block are made, used four times
and forgotten; arrays of all errors are never written. Every core adds its rows to gradients of its own,
which are added once, at the end. This wants weights that stay in the cache too, and rows enough to go round;
else whole products are cut, as on the rung below.
"""

import numpy as np
from numba import get_num_threads, njit, prange

from .._arrays import aligned, rows_of
from ..fully_connected._sweep import ROWS
from ..fully_connected.packed import buffers
from . import _rows, packed

CACHE = 1 << 20  # bytes of a block's arrays, and of a layer's weights
FEW = 8 * ROWS  # rows of a core, fewer than which are not worth a share of the weights' gradients
_errors = {}


@njit(cache=True, error_model="numpy", parallel=True)
def activations(x, W2, b2, W3, b3, t, a2, a3, none, high, sums, works):
    N, parts = len(x), len(sums)
    for part in prange(parts):
        for i0 in range(N * part // parts, N * (part + 1) // parts, high):
            i1 = min(i0 + high, N * (part + 1) // parts)
            sums[part] += _rows.forward(x, W2, b2, W3, b3, t, a2, a3, none, i0, i1, works[part])


@njit(cache=True, error_model="numpy", parallel=True)
def gradients(x, W2, W3, t, a2, a3, share, dx, dW2, db2, dW3, db3, none, d, high, works):
    N, parts = len(x), len(dW2)
    for part in prange(parts):
        for i0 in range(N * part // parts, N * (part + 1) // parts, high):
            i1 = min(i0 + high, N * (part + 1) // parts)
            _rows.backward(
                x, W2, W3, t, a2, a3, share, dx,
                dW2[part], db2[part], dW3[part], db3[part], none, d[part], i0, i1, works[part],
            )  # fmt: skip


def plan(x, W2, W3):
    """How many cores take rows, and how many rows at a time; no core where rows are not to be cut."""
    N, n, (k, h), size = *x.shape, W3.shape, x.itemsize
    high = CACHE // size // (n + 2 * h + 2 * k + 1) // ROWS * ROWS
    parts = min(get_num_threads(), max(N // FEW, 1))
    fits = max(W2.size, W3.size) * size <= CACHE and high >= FEW
    return parts if fits and parts == get_num_threads() else 0, min(high, 252)


def forward(x, W2, b2, W3, b3, t):
    parts, high = plan(x, W2, W3)
    if parts == 0:
        return packed.forward(x, W2, b2, W3, b3, t)
    x, W2, b2, W3, b3, t = map(np.ascontiguousarray, (x, W2, b2, W3, b3, t))
    a2, a3 = aligned((len(x), len(b2)), x.dtype), aligned(t.shape, x.dtype)
    sums, none = np.zeros(parts, x.dtype), np.zeros(max(W2.shape + W3.shape), x.dtype)
    activations(x, W2, b2, W3, b3, t, a2, a3, none, high, sums, buffers(x.dtype, parts))
    return sums.sum() / x.dtype.type(2 * t.size), (x, W2, W3, t, a2, a3)


def backward(dout, cache):
    x, W2, W3, t, a2, a3 = cache
    parts, high = plan(x, W2, W3)
    if parts == 0:
        return packed.backward(dout, cache)
    share = dout / x.dtype.type(t.size)
    dx, none = aligned(x.shape, x.dtype), np.zeros(max(W2.shape + W3.shape), x.dtype)
    dW2, db2, dW3, db3 = (
        np.zeros((parts, *shape), x.dtype) for shape in (W2.shape, W2.shape[:1], W3.shape, W3.shape[:1])
    )
    d = rows_of(_errors, x.dtype, parts, high * (len(W2) + len(W3)))
    works = buffers(x.dtype, parts)
    gradients(x, W2, W3, t, a2, a3, share, dx, dW2, db2, dW3, db3, none, d, high, works)
    return dx, dW2.sum(axis=0), db2.sum(axis=0), dW3.sum(axis=0), db3.sum(axis=0)
