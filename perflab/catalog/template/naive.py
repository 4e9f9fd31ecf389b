"""Weighted squares in scalar loops: one multiplication at a time.

x (N,D), w (D,) -> out (N,)
"""

import numpy as np


def forward(x, w):
    N, D = x.shape
    out = np.empty(N, x.dtype)
    for n in range(N):
        total = x.dtype.type(0)
        for d in range(D):
            total += w[d] * x[n, d] * x[n, d]
        out[n] = total
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    N, D = x.shape
    dx = np.empty((N, D), x.dtype)
    dw = np.zeros(D, x.dtype)
    for n in range(N):
        for d in range(D):
            part = dout[n] * x[n, d]
            dx[n, d] = (part + part) * w[d]
            dw[d] += part * x[n, d]
    return dx, dw
