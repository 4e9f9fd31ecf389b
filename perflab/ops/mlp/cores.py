"""Each core takes a block of rows through the whole network while it stays in the cache, then the next block.

x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k) -> J, a scalar

Forward and backward of a sample need no other sample: only the gradients of weights and biases are shared. So
the rows are distributed to the cores instead of parts of products. The errors of a block are computed, used
and discarded; arrays of all errors are never written. Every core packs the weights for itself, since loading
data that another core has just written takes longer. It adds up its own gradients, which are added once, at
the end. This needs weights that fit into the cache too, and enough rows for all cores; otherwise whole
products are cut, as on the rung below. Of a few rows, see _few.py.
"""

import numpy as np

from .._arrays import aligned, rows_of
from .._simd import LANES
from .._spread import shares
from ..fully_connected._blocks import zeros
from ..fully_connected._sweep import ROWS, VECTORS, tiles
from . import _few, _rows, packed

HIGH, CACHE = 7 * ROWS, 1 << 20  # a block's rows, and bytes of its arrays, at most
WEIGHTS = 1 << 20  # bytes of a layer's weights, at most
FEW = 32  # rows of a core, fewer than which are not worth gradients of its own
_work = {}


def plan(x, W2, W3):
    """Which threads take rows, and how many at a time; none where the rows are not to be cut."""
    (N, n), (k, h) = x.shape, W3.shape
    high = min(max(CACHE // x.itemsize // (n + 2 * h + 2 * k) // ROWS * ROWS, ROWS), HIGH)
    if max(W2.size, W3.size) * x.itemsize > WEIGHTS:
        return None, high
    cut = shares(N * (W2.size + W3.size))
    return (cut if FEW * cut[2] <= N or cut[2] == 1 else None), high


def workspace(x, W2, W3, parts, high):
    """A row of numbers for each core: the weights and a block's factors packed, its errors. And zeros."""
    (h, n), k, wide = W2.shape, len(W3), VECTORS * LANES[x.dtype]
    most = max(n, h, k) + wide
    size = (max(n, k) + h + 2 * wide) * most + high * (h + k + 2 * most)
    return rows_of(_work, x.dtype, parts, size), zeros(x.dtype, most)


def forward(x, W2, b2, W3, b3, t):
    if 0 < len(x) <= _few.FEW:
        return _few.forward(x, W2, b2, W3, b3, t)
    cut, high = plan(x, W2, W3)
    if cut is None:
        return packed.forward(x, W2, b2, W3, b3, t)
    x, W2, b2, W3, b3, t = map(np.ascontiguousarray, (x, W2, b2, W3, b3, t))
    a2, a3 = aligned((len(x), len(b2)), x.dtype), aligned(t.shape, x.dtype)
    works, none = workspace(x, W2, W3, cut[2], high)
    sums = np.empty(cut[2], x.dtype)
    _rows.forward(*cut, tiles(x.dtype), x, W2, b2, W3, b3, t, a2, a3, none, high, sums, works)
    return x.dtype.type(sum(sums.tolist()) / (2 * t.size)), (x, W2, W3, t, a2, a3)


def backward(dout, cache):
    x, W2, W3, t, a2, a3 = cache
    if 0 < len(x) <= _few.FEW:
        return _few.backward(dout, cache)
    cut, high = plan(x, W2, W3)
    if cut is None:
        return packed.backward(dout, cache)
    (k, h), share, parts = W3.shape, dout / x.dtype.type(t.size), cut[2]
    works, none = workspace(x, W2, W3, parts, high)
    dx = aligned(x.shape, x.dtype)
    dW2, dW3 = (aligned((parts, *W.shape), x.dtype) for W in (W2, W3))
    db2, db3 = np.zeros((parts, h), x.dtype), np.zeros((parts, k), x.dtype)
    _rows.backward(
        *cut, tiles(x.dtype), x, W2, W3, t, a2, a3, share, dx, dW2, db2, dW3, db3, none, high, works,
    )  # fmt: skip
    for part in range(1, parts):
        for gradient in (dW2, db2, dW3, db3):
            gradient[0] += gradient[part]
    return dx, dW2[0], db2[0], dW3[0], db3[0]
