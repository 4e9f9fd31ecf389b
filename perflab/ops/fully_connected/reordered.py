"""The compiled loops in another order: the innermost one runs along memory, so it vectorises.

x (N,D), w (D,M), b (M,) -> out (N,M)

In the naive order the innermost loop goes down a column of w: every step skips a whole row, and the steps
form one chain of sums. With m innermost, x[n, d] is one number, rows of w and of out are contiguous, and
every m has its own sum. dx is a dot product of two rows: a chain again, but `reassoc` allows the compiler to
split it into partial sums.
"""

import numpy as np
from numba import njit

FAST = {"contract", "reassoc", "nsz"}  # fused, in any order; NaN and infinity stay what they are


@njit(cache=True, error_model="numpy", fastmath=FAST)
def forward(x, w, b):
    N, D = x.shape
    M = b.shape[0]
    out = np.empty((N, M), x.dtype)
    for n in range(N):
        for m in range(M):
            out[n, m] = b[m]
        for d in range(D):
            for m in range(M):
                out[n, m] += x[n, d] * w[d, m]
    return out, (x, w)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def backward(dout, cache):
    x, w = cache
    N, D = x.shape
    M = w.shape[1]
    dx = np.empty((N, D), x.dtype)
    dw = np.zeros((D, M), x.dtype)
    db = np.zeros(M, x.dtype)
    for n in range(N):
        for m in range(M):
            db[m] += dout[n, m]
        for d in range(D):
            total = x.dtype.type(0)
            for m in range(M):
                total += dout[n, m] * w[d, m]
            dx[n, d] = total
            for m in range(M):
                dw[d, m] += x[n, d] * dout[n, m]
    return dx, dw, db
