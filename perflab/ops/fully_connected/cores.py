"""The packed product on every core: each computes its own part of the output with its own buffers.

x (N,D), w (D,M), b (M,) -> out (N,M)

If the output is cut by columns, every core packs all of the left matrix and its share of the right one; if it
is cut by rows, the reverse. The smaller matrix is the one that is packed repeatedly. A cut is between two
tiles, so that no cache line is written by two cores, and the cores synchronise only at the end. Where sums
are long and few, each core computes a share of every sum. A batch of a few rows is limited by memory instead
of arithmetic and uses another algorithm: see _few.py.
"""

import numpy as np

from .._arrays import aligned
from .._spread import shares
from . import packed
from ._few import FEW, times, times_turned, turned_times

DEEP = 4  # times as many terms as rows or columns, from which the sums are cut


def product(a, b, out=None, transpose_a=False, transpose_b=False, bias=None):
    """As packed.product, on all of Numba's threads."""
    N, K = a.shape[::-1] if transpose_a else a.shape
    M = b.shape[0] if transpose_b else b.shape[1]
    cut, each = packed.BY_ROWS if N > M else packed.BY_COLUMNS, shares(N * K * M)
    if DEEP * max(N, M) < K and out is None and bias is None and each[2] > 1:
        sums = aligned((each[2], N, M), a.dtype)
        packed.product(a, b, sums, transpose_a, transpose_b, None, each, packed.BY_DEPTH)
        return sums.sum(axis=0)
    return packed.product(a, b, out, transpose_a, transpose_b, bias, each, cut)


def forward(x, w, b):
    if 0 < len(x) <= FEW:
        x, w, b = map(np.ascontiguousarray, (x, w, b))
        return times(x, w, b), (x, w)
    return product(x, w, bias=b), (x, w)


def backward(dout, cache):
    x, w = cache
    if 0 < len(x) <= FEW:
        dout = np.ascontiguousarray(dout)
        return times_turned(dout, w), turned_times(x, dout), dout.sum(axis=0)
    return product(dout, w, transpose_b=True), product(x, dout, transpose_a=True), dout.sum(axis=0)
