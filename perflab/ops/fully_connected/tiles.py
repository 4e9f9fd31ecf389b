"""Tiles of sums, 14 rows by 2 vectors: each loaded number is used for a whole row or column of the tile.

x (N,D), w (D,M), b (M,) -> out (N,M)

One row of eight vectors needs a load for each multiply-add. A tile of 14 × 2 vectors needs 16 for 28: two
vectors of w and fourteen numbers of x, each of which is loaded into all lanes by one instruction. 28 of 32
registers contain sums; with 16 registers, six rows make 12. The tile reads contiguous rows of its right
matrix, so for dx w is transposed, once. Rows and columns that do not fill a tile are computed by the rung
below.
"""

import numpy as np
from numba import njit

from .._arrays import flat
from .._simd import REGISTERS, lanes, load, outer, store
from .simd import rows

ROWS, VECTORS = (14 if REGISTERS == 32 else 6), 2


@njit(cache=True, error_model="numpy")
def multiply(a, ar, ac, b, bias, c, N, K, M):
    """c[n, m] = bias[m] + Σ a[n·ar + k·ac] · b[k, m], all arrays flat."""
    L = lanes(c)
    N1, M1 = N - N % ROWS, M - M % (VECTORS * L)
    for m in range(0, M1, VECTORS * L):
        for n in range(0, N1, ROWS):
            acc = load(bias, m, 0, ROWS, VECTORS)
            for k in range(K):
                acc = outer(acc, a, n * ar + k * ac, ar, b, k * M + m, L)
            store(acc, c, n * M + m, M)
    rows(a, ar, ac, b, bias, c, K, M, 0, N1, M1)
    rows(a, ar, ac, b, bias, c, K, M, N1, N, 0)


def forward(x, w, b):
    (N, D), M = x.shape, w.shape[1]
    out = np.empty((N, M), x.dtype)
    multiply(flat(x), D, 1, flat(w), np.ascontiguousarray(b), out.reshape(-1), N, D, M)
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    (N, D), M = x.shape, w.shape[1]
    dx, dw, db = (np.empty(shape, x.dtype) for shape in ((N, D), (D, M), M))
    g, zeros = flat(dout), np.zeros(max(D, M), x.dtype)
    multiply(g, M, 1, w.T.copy().reshape(-1), zeros, dx.reshape(-1), N, M, D)
    multiply(flat(x), 1, D, g, zeros, dw.reshape(-1), D, N, M)
    multiply(np.ones(N, x.dtype), 0, 1, g, zeros, db, 1, N, M)
    return dx, dw, db
