"""dw is divided by the batch size once more."""

import numpy as np


def forward(x, w, b):
    out = np.einsum("nd,dm->nm", x, w)
    for m in range(len(b)):
        out[:, m] += b[m]
    return out, {"x": x, "w": w}


def backward(dout, cache):
    x, w = cache["x"], cache["w"]
    N = x.shape[0]
    dx = np.einsum("nm,dm->nd", dout, w)
    dw = np.zeros(w.shape)
    for n in range(N):
        dw += x[n][:, None] * dout[n][None, :] / N
    return dx, dw, np.einsum("nm->m", dout)
