"""All neurons and all samples of a step at once; the loop over time stays, as each step needs the last.

x (N,T,D), h0 (N,H), Wx (D,H), Wh (H,H), b (H,) -> h (N,T,H)
"""

import numpy as np


def forward(x, h0, Wx, Wh, b):
    h = np.empty((*x.shape[:2], len(b)), x.dtype)
    last = h0
    for t in range(x.shape[1]):
        last = h[:, t] = np.tanh(x[:, t] @ Wx + last @ Wh + b)
    return h, (x, h0, Wx, Wh, h)


def backward(dout, cache):
    x, h0, Wx, Wh, h = cache
    dx, dh0, dWx, dWh = map(np.zeros_like, (x, h0, Wx, Wh))
    db = np.zeros(len(Wh), x.dtype)
    for t in reversed(range(x.shape[1])):
        last = h[:, t - 1] if t > 0 else h0
        da = (dout[:, t] + dh0) * (1 - h[:, t] * h[:, t])
        dx[:, t] = da @ Wx.T
        dh0 = da @ Wh.T
        dWx += x[:, t].T @ da
        dWh += last.T @ da
        db += da.sum(axis=0)
    return dx, dh0, dWx, dWh, db
