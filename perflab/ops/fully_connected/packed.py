"""The tiles read packed copies of cache-sized blocks, so that any product runs from the L1 and L2 caches.

x (N,D), w (D,M), b (M,) -> out (N,M)

A block of the right matrix is copied into panels as wide as a tile, a block of the left one into panels as
high as a tile; each panel is stored in the order in which its tiles read it. WIDTH is chosen so that the
right block stays in L2; where the left block fits too, a few panels of the right one at a time are still
there when they are read. The blocks along k are about equally deep. A transposed matrix costs nothing extra:
only the copying uses its strides. Where there are few columns, the left matrix is read in place. (After Goto
and van de Geijn, 2008, with the two sides exchanged.)
"""

import numpy as np
from numba import njit

from .._arrays import aligned
from .._calls import call
from .._simd import lanes
from .._spread import ALONE, spread
from ._blocks import DEPTH, HEIGHT, WIDTH, buffers, zeros
from ._sweep import LOW, ROWS, VECTORS, tall, tiles

NEAR = 160  # columns up to which a is read in place, if its rows follow memory: a copy would cost more
NARROW = 8  # panels of b in a block where a's block stays in L2 as well
BY_ROWS, BY_COLUMNS, BY_DEPTH = range(3)  # where a product is cut


@njit(cache=True, error_model="numpy")
def multiply(kernels, a, ar, ac, b, br, bc, row, c, dc, N, K, M, work):
    """c[n·dc + m] = row[m] + Σ a[n·ar + k·ac] · b[k·br + m·bc], all flat."""
    L, most = lanes(c), DEPTH // work.itemsize
    wide, pack, tall_tiles, low_tiles = VECTORS * L, kernels[0], kernels[1], kernels[2]
    deep = max(-(-K // max(-(-K // most), 1) // L) * L, 1)
    far = WIDTH // DEPTH // wide * wide
    right, left = work[: far * most], work[far * most :]
    if min(N, HEIGHT) * deep * work.itemsize <= WIDTH:
        far = NARROW * wide
    for n0 in range(0, N, HEIGHT):
        n2 = min(n0 + HEIGHT, N)
        n1 = n0 + tall(n2 - n0)
        for k0 in range(0, max(K, 1), deep):
            depth = min(deep, K - k0)
            start, ds = (row, 0) if k0 == 0 else (c, dc)
            low, high, at, hr, hc = left[(n1 - n0) * depth :], a, n0 * ar + k0 * ac, ar, ac
            if ac != 1 or ar == 1 or M > NEAR:
                call(pack, (a, at, ar, ac, n1 - n0, depth, ROWS, left))
                high, at, hr, hc = left, 0, 1, ROWS
            call(pack, (a, n1 * ar + k0 * ac, ar, ac, n2 - n1, depth, LOW, low))
            for m0 in range(0, M, far):
                m1 = min(m0 + far, M)
                call(pack, (b, k0 * br + m0 * bc, bc, br, m1 - m0, depth, wide, right))
                call(tall_tiles, (high, at, hr, hc, right, depth, start, ds, c, dc, n0, n1, m0, m1))
                call(low_tiles, (low, 0, 1, LOW, right, depth, start, ds, c, dc, n1, n2, m0, m1))


@njit(cache=True, error_model="numpy")
def cut_product(loop, part, parts, kernels, cut, a, ar, ac, b, br, bc, row, c, dc, N, K, M, works):
    """A part of `multiply`'s rows or columns; or its sum over a part of k, to c[part·N·dc : …]."""
    if spread(loop, parts):
        return
    size, step = (N, ROWS) if cut == BY_ROWS else (M, VECTORS * lanes(c)) if cut == BY_COLUMNS else (K, 1)
    each = -(-size // (parts * step)) * step
    first, end = min(part * each, size), min(part * each + each, size)
    if cut == BY_ROWS:
        a, c, N = a[first * ar :], c[first * dc :], end - first
    elif cut == BY_COLUMNS:
        b, row, c, M = b[first * bc :], row[first:], c[first:], end - first
    else:
        a, b, c, K = a[first * ac :], b[first * br :], c[part * N * dc :], end - first
    multiply(kernels, a, ar, ac, b, br, bc, row, c, dc, N, K, M, works[part])


def product(a, b, out=None, transpose_a=False, transpose_b=False, bias=None, threads=ALONE, cut=BY_ROWS):
    """a·b + bias, a and b matrices, each transposed first if asked; no C-contiguous one is copied whole."""
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    (N, K), (ar, ac) = (a.shape[::-1], (1, a.shape[1])) if transpose_a else (a.shape, (a.shape[1], 1))
    M, (br, bc) = (b.shape[0], (1, b.shape[1])) if transpose_b else (b.shape[1], (b.shape[1], 1))
    out = aligned((N, M), a.dtype) if out is None else out
    row = zeros(a.dtype, M) if bias is None else np.ascontiguousarray(bias)
    works = buffers(a.dtype, threads[2])
    flat = a.reshape(-1), ar, ac, b.reshape(-1), br, bc, row, out.reshape(-1)
    cut_product(*threads, tiles(a.dtype), cut, *flat, M, N, K, M, works)
    return out


def forward(x, w, b):
    return product(x, w, bias=b), (x, w)


def backward(dout, cache):
    x, w = cache
    return product(dout, w, transpose_b=True), product(x, dout, transpose_a=True), dout.sum(axis=0)
