"""Recurrent layer in scalar loops: one multiplication at a time.

x (N,T,D), h0 (N,H), Wx (D,H), Wh (H,H), b (H,) -> h (N,T,H)
"""

import math

import numpy as np


def forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = b.shape[0]
    h = np.empty((N, T, H), x.dtype)
    for n in range(N):
        for t in range(T):
            last = h[n, t - 1] if t > 0 else h0[n]
            for j in range(H):
                total = b[j]
                for d in range(D):
                    total += x[n, t, d] * Wx[d, j]
                for k in range(H):
                    total += last[k] * Wh[k, j]
                h[n, t, j] = math.tanh(total)
    return h, (x, h0, Wx, Wh, h)


def backward(dout, cache):
    x, h0, Wx, Wh, h = cache
    N, T, D = x.shape
    H = h0.shape[1]
    dx = np.zeros((N, T, D), x.dtype)
    dh0 = np.zeros((N, H), x.dtype)
    dWx = np.zeros((D, H), x.dtype)
    dWh = np.zeros((H, H), x.dtype)
    db = np.zeros(H, x.dtype)
    da = np.empty(H, x.dtype)
    one = x.dtype.type(1)
    for n in range(N):
        for t in range(T - 1, -1, -1):
            last = h[n, t - 1] if t > 0 else h0[n]
            for j in range(H):  # dh0[n] contains the gradient from the later steps
                da[j] = (dout[n, t, j] + dh0[n, j]) * (one - h[n, t, j] * h[n, t, j])
                dh0[n, j] = 0
            for j in range(H):
                db[j] += da[j]
                for d in range(D):
                    dx[n, t, d] += da[j] * Wx[d, j]
                    dWx[d, j] += da[j] * x[n, t, d]
                for k in range(H):
                    dh0[n, k] += da[j] * Wh[k, j]
                    dWh[k, j] += da[j] * last[k]
    return dx, dh0, dWx, dWh, db
