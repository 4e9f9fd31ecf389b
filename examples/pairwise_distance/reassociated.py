"""The compiled loops with leave to sum in any order: the sums too become packed instructions.

x (N,D), y (M,D) -> out (N,M)
"""

import numpy as np
from numba import njit

ANY_ORDER = {"reassoc", "contract", "nsz"}


@njit(cache=True, fastmath=ANY_ORDER)
def forward(x, y):
    (N, D), M = x.shape, y.shape[0]
    out = np.empty((N, M), x.dtype)
    for n in range(N):
        for m in range(M):
            total = x.dtype.type(0)
            for d in range(D):
                apart = x[n, d] - y[m, d]
                total += apart * apart
            out[n, m] = total
    return out, (x, y)


@njit(cache=True, fastmath=ANY_ORDER)
def backward(dout, cache):
    x, y = cache
    (N, D), M = x.shape, y.shape[0]
    dx = np.zeros((N, D), x.dtype)
    dy = np.zeros((M, D), x.dtype)
    for n in range(N):
        for m in range(M):
            twice = dout[n, m] + dout[n, m]
            for d in range(D):
                part = twice * (x[n, d] - y[m, d])
                dx[n, d] += part
                dy[m, d] -= part
    return dx, dy
