"""Right. It writes tanh with exponentials."""

import numpy as np


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T, b.shape[0]))
    cache, last = [], h0
    for t in range(T):
        a = x[:, t] @ Wx + last @ Wh + b
        now = (np.exp(a) - np.exp(-a)) / (np.exp(a) + np.exp(-a))
        cache.append((x[:, t], last, now, Wx, Wh))
        h[:, t] = last = now
    return h, cache


def rnn_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][0].shape[1]
    dx, dWx, dWh, db = np.zeros((N, T, D)), np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    carry = 0
    for t in reversed(range(T)):
        xt, last, now, Wx, Wh = cache[t]
        da = (1 - now**2) * (dh[:, t] + carry)
        dx[:, t], carry = da @ Wx.T, da @ Wh.T
        dWx += xt.T @ da
        dWh += last.T @ da
        db += da.sum(axis=0)
    return dx, carry, dWx, dWh, db
