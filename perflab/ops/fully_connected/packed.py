"""The tiles read packed copies of cache-sized blocks, so that any product runs from the L1 and L2 caches.

x (N,D), w (D,M), b (M,) -> out (N,M)

A block of the right matrix is copied into panels as wide as a tile, a block of the left one into panels as
high as a tile; each panel is stored in the order in which its tiles read it. WIDTH is chosen so that the
right block stays in L2; where the left block fits too, a few panels of the right one at a time are still
there when they are read. The blocks along k are about equally deep. A transposed matrix costs nothing extra:
only the copying uses its strides. (After Goto and van de Geijn, 2008, with the two sides exchanged.)
"""

import numpy as np
from numba import njit

from .._arrays import aligned, flat, rows_of
from .._simd import lanes
from ._packing import pack
from ._sweep import LOW, ROWS, VECTORS, sweep_low, sweep_tall, tall

FEW = 128  # rows up to which b is read in place: a copy would cost more than it saves
DEPTH, HEIGHT, WIDTH = 2048, 294 * ROWS, 1 << 20  # of a block: bytes along k, rows of a, bytes of b
NARROW = 8  # panels of b in a block where a's block stays in L2 as well
_work = {}


@njit(cache=True, error_model="numpy")
def multiply(a, ar, ac, b, br, bc, row, c, dc, N, K, M, work):
    """c[n·dc + m] = row[m] + Σ a[n·ar + k·ac] · b[k·br + m·bc], all flat."""
    L, most = lanes(c), DEPTH // work.itemsize
    wide = VECTORS * L
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
            low = left[(n1 - n0) * depth :]
            pack(a, n0 * ar + k0 * ac, ar, ac, n1 - n0, depth, ROWS, left)
            pack(a, n1 * ar + k0 * ac, ar, ac, n2 - n1, depth, LOW, low)
            for m0 in range(0, M, far):
                m1 = min(m0 + far, M)
                block, bt, panel, db = b, k0 * br + m0 * bc, wide, br
                if bc != 1 or n2 - n0 > FEW or (m1 - m0) % wide > 0:
                    pack(b, bt, bc, br, m1 - m0, depth, wide, right)
                    block, bt, panel, db = right, 0, wide * depth, wide
                sweep_tall(left, block, bt, panel, db, depth, start, ds, c, dc, n0, n1, m0, m1)
                sweep_low(low, block, bt, panel, db, depth, start, ds, c, dc, n1, n2, m0, m1)


def buffers(dtype, parts=1):
    """A row of numbers for each of `parts` threads: room for a right block and a left one."""
    return rows_of(_work, dtype, parts, (WIDTH + DEPTH * (HEIGHT + ROWS)) // dtype.itemsize)


def operands(a, b, transpose_a, transpose_b, bias):
    """The arguments of `multiply`: sizes, flat arrays, their strides, a row to start from."""
    (N, K), (ar, ac) = (a.shape[::-1], (1, a.shape[1])) if transpose_a else (a.shape, (a.shape[1], 1))
    M, (br, bc) = (b.shape[0], (1, b.shape[1])) if transpose_b else (b.shape[1], (b.shape[1], 1))
    row = np.zeros(M, a.dtype)
    if bias is not None:
        row[:] = bias
    return N, K, M, flat(a), ar, ac, flat(b), br, bc, row


def product(a, b, out=None, transpose_a=False, transpose_b=False, bias=None):
    """a·b + bias, a and b C-contiguous matrices, each transposed first if asked; none is copied whole."""
    N, K, M, a, ar, ac, b, br, bc, row = operands(a, b, transpose_a, transpose_b, bias)
    out = aligned((N, M), a.dtype) if out is None else out
    multiply(a, ar, ac, b, br, bc, row, out.reshape(-1), M, N, K, M, buffers(a.dtype)[0])
    return out


def forward(x, w, b):
    return product(x, w, bias=b), (x, w)


def backward(dout, cache):
    x, w = cache
    return product(dout, w, transpose_b=True), product(x, dout, transpose_a=True), dout.sum(axis=0)
