"""Loops over time and over the neurons, the columns of Wx and Wh; each sums for the whole batch at once.

x (N,T,D), h0 (N,H), Wx (D,H), Wh (H,H), b (H,) -> h (N,T,H)
"""

import numpy as np


def forward(x, h0, Wx, Wh, b):
    (N, T, _), H = x.shape, len(b)
    h = np.empty((N, T, H), x.dtype)
    last = h0
    for t in range(T):
        for j in range(H):
            h[:, t, j] = np.tanh(x[:, t] @ Wx[:, j] + last @ Wh[:, j] + b[j])
        last = h[:, t]
    return h, (x, h0, Wx, Wh, h)


def backward(dout, cache):
    x, h0, Wx, Wh, h = cache
    dx, dWx, dWh = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh)
    db, carried = np.zeros(len(Wh), x.dtype), np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        last = h[:, t - 1] if t > 0 else h0
        dh, carried = dout[:, t] + carried, np.zeros_like(h0)
        for j in range(len(Wh)):
            da = dh[:, j] * (1 - h[:, t, j] * h[:, t, j])
            dx[:, t] += da[:, np.newaxis] * Wx[:, j]
            carried += da[:, np.newaxis] * Wh[:, j]
            dWx[:, j] += da @ x[:, t]
            dWh[:, j] += da @ last
            db[j] += da.sum()
    return dx, carried, dWx, dWh, db
