"""Fully connected layer in scalar loops: one multiplication at a time.

x (N,D), w (D,M), b (M,) -> out (N,M)
"""

import numpy as np


def forward(x, w, b):
    N, D = x.shape
    M = b.shape[0]
    out = np.empty((N, M), x.dtype)
    for n in range(N):
        for m in range(M):
            total = b[m]
            for d in range(D):
                total += x[n, d] * w[d, m]
            out[n, m] = total
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    N, D = x.shape
    M = w.shape[1]
    dx = np.zeros((N, D), x.dtype)
    dw = np.zeros((D, M), x.dtype)
    db = np.zeros(M, x.dtype)
    for n in range(N):
        for m in range(M):
            g = dout[n, m]
            db[m] += g
            for d in range(D):
                dx[n, d] += g * w[d, m]
                dw[d, m] += g * x[n, d]
    return dx, dw, db
