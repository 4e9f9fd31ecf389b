"""Explicit vector registers: eight vectors of one row's sums stay in registers for all their terms.

x (N,D), w (D,M), b (M,) -> out (N,M)

A sum in a register is neither loaded nor stored while it grows: a multiply-add costs one load, a vector of w,
and nothing else. Eight vectors are eight independent chains, enough to keep two multiply-add units busy for
the four cycles of one addition. dx is a dot product of rows: four vectors of partial sums, added up at the
end. Masked vectors compute the last columns.
"""

import numpy as np
from numba import njit

from .._arrays import flat
from .._simd import fma, lanes, load, load_part, outer, store, store_part, tile, total

FAST = {"contract", "reassoc", "nsz"}


@njit(cache=True, error_model="numpy")
def rows(a, ar, ac, b, bias, c, K, M, n0, n1, m0):
    """c[n, m] = bias[m] + Σ a[n·ar + k·ac] · b[k, m] for n0 ≤ n < n1 and m0 ≤ m < M, all arrays flat."""
    L = lanes(c)
    for n in range(n0, n1):
        full = m0 + (M - m0) // (8 * L) * (8 * L)
        for m in range(m0, full, 8 * L):
            acc = load(bias, m, 0, 1, 8)
            for k in range(K):
                acc = outer(acc, a, n * ar + k * ac, 0, b, k * M + m, L)
            store(acc, c, n * M + m, 0)
        for m in range(full, M, L):
            part = min(L, M - m)
            one = load_part(bias, m, 0, 1, 1, 1, part)
            for k in range(K):
                one = fma(a[n * ar + k * ac], load_part(b, k * M + m, 0, 1, 1, 1, part), one)
            store_part(one, c, n * M + m, 0, 1, part)


@njit(cache=True, error_model="numpy")
def dots(a, b, c, N, K, M):
    """c[n, k] = Σ a[n, m] · b[k, m], all arrays flat."""
    L = lanes(c)
    for n in range(N):
        for k in range(K):
            acc, m = tile(c, 1, 4), 0
            while m + 4 * L <= M:
                acc = fma(load(a, n * M + m, 0, 1, 4), load(b, k * M + m, 0, 1, 4), acc)
                m += 4 * L
            left = load_part(a, n * M + m, 0, 1, 4, 1, M - m) * load_part(b, k * M + m, 0, 1, 4, 1, M - m)
            c[n * K + k] = total(acc + left)


def forward(x, w, b):
    (N, D), M = x.shape, w.shape[1]
    out = np.empty((N, M), x.dtype)
    rows(flat(x), D, 1, flat(w), np.ascontiguousarray(b), out.reshape(-1), D, M, 0, N, 0)
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    (N, D), M = x.shape, w.shape[1]
    dx, dw, db = (np.empty(shape, x.dtype) for shape in ((N, D), (D, M), M))
    g, zeros = flat(dout), np.zeros(M, x.dtype)
    dots(g, flat(w), dx.reshape(-1), N, D, M)
    rows(flat(x), 1, D, g, zeros, dw.reshape(-1), N, M, 0, D, 0)
    rows(np.ones(N, x.dtype), 0, 1, g, zeros, db, N, M, 0, 1, 0)
    return dx, dw, db
