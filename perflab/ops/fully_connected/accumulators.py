"""Four terms at once: each sum that is loaded gets four products added before it is stored again.

x (N,D), w (D,M), b (M,) -> out (N,M)

With one row of w at a time, every multiply-add loads a number of w, loads a sum and stores it: memory limits
the speed, not arithmetic. Four rows of w together need five loads and one store for four multiply-adds. For
dx, four dot products run side by side and share dout: independent chains of sums hide each other's latency.
The remaining rows, fewer than four, are processed one at a time.
"""

import numpy as np
from numba import njit

FAST = {"contract", "reassoc", "nsz"}


@njit(cache=True, error_model="numpy", fastmath=FAST)
def add_rows(total, a, b):
    """Add Σ a[k] · b[k, :] to total, for a vector a and a matrix b."""
    K, M = b.shape
    for k in range(0, K - K % 4, 4):
        a0, a1, a2, a3 = a[k], a[k + 1], a[k + 2], a[k + 3]
        b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        for m in range(M):
            total[m] += a0 * b0[m] + a1 * b1[m] + a2 * b2[m] + a3 * b3[m]
    for k in range(K - K % 4, K):
        for m in range(M):
            total[m] += a[k] * b[k, m]


@njit(cache=True, error_model="numpy", fastmath=FAST)
def dot_rows(out, a, b):
    """out[k] = Σ a[m] · b[k, m]."""
    K, M = b.shape
    for k in range(0, K - K % 4, 4):
        b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        s0 = s1 = s2 = s3 = a.dtype.type(0)
        for m in range(M):
            s0 += a[m] * b0[m]
            s1 += a[m] * b1[m]
            s2 += a[m] * b2[m]
            s3 += a[m] * b3[m]
        out[k], out[k + 1], out[k + 2], out[k + 3] = s0, s1, s2, s3
    for k in range(K - K % 4, K):
        s0 = a.dtype.type(0)
        for m in range(M):
            s0 += a[m] * b[k, m]
        out[k] = s0


@njit(cache=True, error_model="numpy", fastmath=FAST)
def forward(x, w, b):
    out = np.empty((x.shape[0], w.shape[1]), x.dtype)
    for n in range(x.shape[0]):
        for m in range(len(b)):  # assigning the whole row takes 4 s to compile
            out[n, m] = b[m]
        add_rows(out[n], x[n], w)
    return out, (x, w)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def backward(dout, cache):
    x, w = cache
    N, D = x.shape
    dx = np.empty((N, D), x.dtype)
    dw = np.zeros((D, w.shape[1]), x.dtype)
    db = np.zeros(w.shape[1], x.dtype)
    for n in range(N):
        dot_rows(dx[n], dout[n], w)
    for d in range(D):
        add_rows(dw[d], x[:, d], dout)
    add_rows(db, np.ones(N, x.dtype), dout)
    return dx, dw, db
