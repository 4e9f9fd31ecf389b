"""Only work that needs the last step stays in the loop: the inputs' product is before it, gradients after it.

x (N,T,D), h0 (N,H), Wx (D,H), Wh (H,H), b (H,) -> h (N,T,H)

All samples and steps are the rows of one matrix. One large product is several times as fast as T small ones,
and the code around it is called once. In h, row by row, the state that a step reads is one row above the one
that it computes: dWh needs no copy of the states, except for the first steps, which are stored separately.
"""

import numpy as np


def rows(array):
    """(N,T,…) as (N·T,…): a row for each step of each sample."""
    return array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])


def forward(x, h0, Wx, Wh, b):
    h = np.dot(rows(x), Wx).reshape(*x.shape[:2], len(b))
    h += b
    last = h0
    for t in range(h.shape[1]):
        step = h[:, t]
        step += np.dot(last, Wh)
        last = np.tanh(step, out=step)
    return h, (x, h0, Wx, Wh, h)


def backward(dout, cache):
    x, h0, Wx, Wh, h = cache
    da, dh0 = 1 - h * h, np.zeros_like(h0)
    for t in reversed(range(h.shape[1])):
        da[:, t] *= dout[:, t] + dh0
        dh0 = np.dot(da[:, t], Wh.T)
    dx, dWx = np.dot(rows(da), Wx.T).reshape(x.shape), np.dot(rows(x).T, rows(da))
    db, first = rows(da).sum(axis=0), da[:, 0].copy()
    dWh = np.dot(h0.T, first)
    if h.shape[1] > 1:
        da[:, 0] = 0
        dWh += np.dot(rows(h)[:-1].T, rows(da)[1:])
    return dx, dh0, dWx, dWh, db
