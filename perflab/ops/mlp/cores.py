"""Each core takes a block of rows through the whole network while it stays in the cache, then the next block.

x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k) -> J, a scalar

A sample's way forward needs no other sample, and neither does its way back: only the gradients of weights and
biases are shared. So the cores take rows instead of products. The weights are packed once. The errors of a
block are made, used and forgotten; arrays of all errors are never written. Every core adds what its rows say
to gradients of its own, which are added once, at the end. This wants weights that stay in the cache too, and
rows enough to go round; else whole products are cut, as on the rung below.
"""

import numpy as np
from numba import get_num_threads, njit, prange

from .._arrays import aligned, rows_of
from .._simd import LANES
from ..fully_connected._sweep import ROWS, VECTORS
from . import _rows, packed

CACHE = 1 << 19  # bytes of a block's arrays
WEIGHTS = 1 << 20  # bytes of a layer's weights, at most
FEW = 32  # rows of a core, fewer than which are not worth gradients of its own
_work, _panels = {}, {}


@njit(cache=True, error_model="numpy", parallel=True)
def activations(x, W2, b2, W3, b3, t, a2, a3, none, high, sums, works):
    N, parts = len(x), len(sums)
    for part in prange(parts):
        end = N * (part + 1) // parts
        for i in range(N * part // parts, end, high):
            j = min(i + high, end)
            sums[part] += _rows.forward(x[i:j], W2, b2, W3, b3, t[i:j], a2[i:j], a3[i:j], none, works[part])


@njit(cache=True, error_model="numpy", parallel=True)
def gradients(x, W2, W3, t, a2, a3, share, dx, dW2, db2, dW3, db3, none, high, works):
    N, parts = len(x), len(dW2)
    for part in prange(parts):
        end = N * (part + 1) // parts
        for i in range(N * part // parts, end, high):
            j = min(i + high, end)
            _rows.backward(
                x[i:j], W2, W3, t[i:j], a2[i:j], a3[i:j], share, dx[i:j],
                dW2[part], db2[part], dW3[part], db3[part], none, works[part],
            )  # fmt: skip


def plan(x, W2, W3):
    """How many cores take rows, and how many at a time; no core where the rows are not to be cut."""
    (N, n), (k, h) = x.shape, W3.shape
    high = max(CACHE // x.itemsize // (n + 2 * h + 2 * k) // ROWS, 1) * ROWS
    parts = get_num_threads()
    return (parts if max(W2.size, W3.size) * x.itemsize <= WEIGHTS and N >= FEW * parts else 0), high


def workspace(x, W2, W3, parts, high):
    """A row of numbers for each core, two for the weights' panels, and zeros."""
    (h, n), k, wide = W2.shape, len(W3), VECTORS * LANES[x.dtype]
    most = max(n, h, k) + wide
    panels = rows_of(_panels, x.dtype, 2, (max(n, k) + wide) * most)
    return rows_of(_work, x.dtype, parts, high * (h + k + 2 * most)), *panels[:2], np.zeros(most, x.dtype)


def forward(x, W2, b2, W3, b3, t):
    parts, high = plan(x, W2, W3)
    if parts == 0:
        return packed.forward(x, W2, b2, W3, b3, t)
    x, W2, b2, W3, b3, t = map(np.ascontiguousarray, (x, W2, b2, W3, b3, t))
    (h, n), k = W2.shape, len(W3)
    a2, a3, sums = aligned((len(x), h), x.dtype), aligned(t.shape, x.dtype), np.zeros(parts, x.dtype)
    works, p2, p3, none = workspace(x, W2, W3, parts, high)
    _rows.panels(W2.reshape(-1), 1, n, n, h, p2)
    _rows.panels(W3.reshape(-1), 1, h, h, k, p3)
    activations(x, p2, b2, p3, b3, t, a2, a3, none, high, sums, works)
    return sums.sum() / x.dtype.type(2 * t.size), (x, W2, W3, t, a2, a3)


def backward(dout, cache):
    x, W2, W3, t, a2, a3 = cache
    parts, high = plan(x, W2, W3)
    if parts == 0:
        return packed.backward(dout, cache)
    (h, n), k, share = W2.shape, len(W3), dout / x.dtype.type(t.size)
    works, p2, p3, none = workspace(x, W2, W3, parts, high)
    _rows.panels(W2.reshape(-1), n, 1, h, n, p2)
    _rows.panels(W3.reshape(-1), h, 1, k, h, p3)
    dx = aligned(x.shape, x.dtype)
    dW2, db2, dW3, db3 = (np.zeros((parts, *shape), x.dtype) for shape in ((h, n), (h,), (k, h), (k,)))
    gradients(x, p2, p3, t, a2, a3, share, dx, dW2, db2, dW3, db3, none, high, works)
    return dx, dW2.sum(axis=0), db2.sum(axis=0), dW3.sum(axis=0), db3.sum(axis=0)
