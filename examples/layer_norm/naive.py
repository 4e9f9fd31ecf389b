"""Layer normalisation in scalar loops: one multiplication at a time.

x (N,D), g (D,), b (D,), eps -> out (N,D)
"""

import math

import numpy as np


def forward(x, g, b, eps):
    N, D = x.shape
    zero, one, count = x.dtype.type(0), x.dtype.type(1), x.dtype.type(D)
    out = np.empty((N, D), x.dtype)
    xhat = np.empty((N, D), x.dtype)
    scales = np.empty(N, x.dtype)
    for n in range(N):
        mean = zero
        for d in range(D):
            mean += x[n, d]
        mean /= count
        variance = zero
        for d in range(D):
            centred = x[n, d] - mean
            variance += centred * centred
        scales[n] = one / math.sqrt(variance / count + eps)
        for d in range(D):
            xhat[n, d] = (x[n, d] - mean) * scales[n]
            out[n, d] = xhat[n, d] * g[d] + b[d]
    return out, (xhat, scales, g)


def backward(dout, cache):
    xhat, scales, g = cache
    N, D = xhat.shape
    zero, count = xhat.dtype.type(0), xhat.dtype.type(D)
    dx = np.empty((N, D), xhat.dtype)
    dg = np.zeros(D, xhat.dtype)
    db = np.zeros(D, xhat.dtype)
    for n in range(N):
        mean = zero
        along = zero
        for d in range(D):
            dxhat = dout[n, d] * g[d]
            mean += dxhat
            along += dxhat * xhat[n, d]
            dg[d] += dout[n, d] * xhat[n, d]
            db[d] += dout[n, d]
        mean /= count
        along /= count
        for d in range(D):
            dx[n, d] = (dout[n, d] * g[d] - mean - xhat[n, d] * along) * scales[n]
    return dx, dg, db
