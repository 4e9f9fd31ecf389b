"""Each core takes a block of rows through the whole network while it stays in the cache, then the next block.

x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k) -> J, a scalar

Forward and backward of a sample need no other sample: only the gradients of weights and biases are shared. So
the rows are distributed to the cores instead of parts of products. The errors of a block are computed, used
and discarded; arrays of all errors are never written. Every core packs the weights for itself, since loading
data that another core has just written takes longer. It adds up its own gradients, which are added once, at
the end. This needs weights that fit into the cache too, and enough rows for all cores; otherwise whole
products are cut, as on the rung below.
"""

import numpy as np
from numba import get_num_threads, prange

from .._arrays import aligned, rows_of
from .._simd import LANES
from .._threads import parallel
from ..fully_connected._sweep import ROWS, VECTORS
from . import _rows, packed

HIGH, CACHE = 7 * ROWS, 1 << 20  # a block's rows, and bytes of its arrays, at most
WEIGHTS = 1 << 20  # bytes of a layer's weights, at most
FEW = 32  # rows of a core, fewer than which are not worth gradients of its own
_work = {}


@parallel(cache=True, error_model="numpy")
def activations(x, W2, b2, W3, b3, t, a2, a3, none, high, sums, works):
    N, parts = len(x), len(sums)
    for part in prange(parts):
        i, j = N * part // parts, N * (part + 1) // parts
        sums[part] = _rows.forward(
            x[i:j], W2, b2, W3, b3, t[i:j], a2[i:j], a3[i:j], none, high, works[part],
        )  # fmt: skip


@parallel(cache=True, error_model="numpy")
def gradients(x, W2, W3, t, a2, a3, share, dx, dW2, db2, dW3, db3, none, high, works):
    N, parts = len(x), len(dW2)
    for part in prange(parts):
        i, j = N * part // parts, N * (part + 1) // parts
        _rows.backward(
            x[i:j], W2, W3, t[i:j], a2[i:j], a3[i:j], share, dx[i:j],
            dW2[part], db2[part], dW3[part], db3[part], none, high, works[part],
        )  # fmt: skip


def plan(x, W2, W3):
    """How many cores take rows, and how many at a time; no core where the rows are not to be cut."""
    (N, n), (k, h) = x.shape, W3.shape
    high = min(max(CACHE // x.itemsize // (n + 2 * h + 2 * k) // ROWS * ROWS, ROWS), HIGH)
    parts = get_num_threads()
    return (parts if max(W2.size, W3.size) * x.itemsize <= WEIGHTS and FEW * parts <= N else 0), high


def workspace(x, W2, W3, parts, high):
    """A row of numbers for each core: the weights and a block's factors packed, its errors. And zeros."""
    (h, n), k, wide = W2.shape, len(W3), VECTORS * LANES[x.dtype]
    most = max(n, h, k) + wide
    size = (max(n, k) + h + 2 * wide) * most + high * (h + k + 2 * most)
    return rows_of(_work, x.dtype, parts, size), np.zeros(most, x.dtype)


def forward(x, W2, b2, W3, b3, t):
    parts, high = plan(x, W2, W3)
    if parts == 0:
        return packed.forward(x, W2, b2, W3, b3, t)
    x, W2, b2, W3, b3, t = map(np.ascontiguousarray, (x, W2, b2, W3, b3, t))
    a2, a3 = aligned((len(x), len(b2)), x.dtype), aligned(t.shape, x.dtype)
    works, none = workspace(x, W2, W3, parts, high)
    sums = np.empty(parts, x.dtype)
    activations(x, W2, b2, W3, b3, t, a2, a3, none, high, sums, works)
    return sums.sum() / x.dtype.type(2 * t.size), (x, W2, W3, t, a2, a3)


def backward(dout, cache):
    x, W2, W3, t, a2, a3 = cache
    parts, high = plan(x, W2, W3)
    if parts == 0:
        return packed.backward(dout, cache)
    (k, h), share = W3.shape, dout / x.dtype.type(t.size)
    works, none = workspace(x, W2, W3, parts, high)
    dx = aligned(x.shape, x.dtype)
    dW2, dW3 = (aligned((parts, *W.shape), x.dtype) for W in (W2, W3))
    db2, db3 = np.zeros((parts, h), x.dtype), np.zeros((parts, k), x.dtype)
    gradients(x, W2, W3, t, a2, a3, share, dx, dW2, db2, dW3, db3, none, high, works)
    for part in range(1, parts):
        dW2[0] += dW2[part]
        dW3[0] += dW3[part]
    return dx, dW2[0], db2.sum(axis=0), dW3[0], db3.sum(axis=0)
