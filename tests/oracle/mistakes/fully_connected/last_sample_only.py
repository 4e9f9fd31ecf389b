"""The loop over the samples assigns where it is to add."""

import numpy as np


def forward(x, w, b):
    out = np.einsum("nd,dm->nm", x, w)
    for m in range(len(b)):
        out[:, m] += b[m]
    return out, {"x": x, "w": w}


def backward(dout, cache):
    x, w = cache["x"], cache["w"]
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(w.shape[1])
    for n in range(len(x)):
        dx[n] = w @ dout[n]
        for d in range(x.shape[1]):
            dw[d] = x[n, d] * dout[n]
        db = dout[n] * 1.0
    return dx, dw, db
