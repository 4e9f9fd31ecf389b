"""The packed product on every core: each computes its own part of the output with its own buffers.

x (N,D), w (D,M), b (M,) -> out (N,M)

If the output is cut by columns, every core packs all of the left matrix and its share of the right one; if it
is cut by rows, the reverse. The smaller matrix is the one that is packed repeatedly. A cut is between two
tiles, so that no cache line is written by two cores, and the cores synchronise only at the end. A batch of a
few rows is limited by memory instead of arithmetic and uses another algorithm: see _few.py.
"""

import numpy as np
from numba import get_num_threads, prange

from .._arrays import aligned
from .._simd import LANES
from .._threads import parallel
from . import _few
from ._sweep import ROWS, VECTORS
from .packed import buffers, multiply, operands

FEW = 4  # rows up to which memory limits the speed


@parallel(cache=True, error_model="numpy")
def share(a, ar, ac, b, br, bc, row, c, N, K, M, high, wide, works):
    """Cut c into blocks of high × wide, each computed by one core."""
    across = -(-M // wide)
    for part in prange(-(-N // high) * across):
        n, m = part // across * high, part % across * wide
        rows, columns = min(high, N - n), min(wide, M - m)
        left, right, out = a[n * ar :], b[m * bc :], c[n * M + m :]
        multiply(left, ar, ac, right, br, bc, row[m:], out, M, rows, K, columns, works[part])


def product(a, b, out=None, transpose_a=False, transpose_b=False, bias=None):
    """As packed.product, on all of Numba's threads."""
    N, K, M, a, ar, ac, b, br, bc, row = operands(a, b, transpose_a, transpose_b, bias)
    out = aligned((N, M), a.dtype) if out is None else out
    if out.size == 0:
        return out
    threads, tile = get_num_threads(), VECTORS * LANES[a.dtype]
    high, wide = N, M
    if N > M:
        high = -(-N // threads // ROWS) * ROWS
    else:
        wide = -(-M // threads // tile) * tile
    works = buffers(a.dtype, threads)
    share(a, ar, ac, b, br, bc, row, out.reshape(-1), N, K, M, high, wide, works)
    return out


def forward(x, w, b):
    if 0 < len(x) <= FEW:
        out = np.empty((len(x), len(b)), x.dtype)
        _few.forward(*map(np.ascontiguousarray, (x, w, b)), out, get_num_threads())
        return out, (x, w)
    return product(x, w, bias=b), (x, w)


def backward(dout, cache):
    x, w = cache
    if 0 < len(x) <= FEW:
        dx, dw = np.empty(x.shape, x.dtype), aligned(w.shape, w.dtype)
        _few.backward(dout, x, w, dx, dw, get_num_threads())
        return dx, dw, dout.sum(axis=0)
    return product(dout, w, transpose_b=True), product(x, dout, transpose_a=True), dout.sum(axis=0)
