"""The loop over the neurons assigns dx where it is to add."""

import numpy as np


def forward(x, w, b):
    out = np.einsum("nd,dm->nm", x, w)
    for m in range(len(b)):
        out[:, m] += b[m]
    return out, {"x": x, "w": w}


def backward(dout, cache):
    x, w = cache["x"], cache["w"]
    dx = np.zeros(x.shape)
    for m in range(w.shape[1]):
        for n in range(len(x)):
            dx[n] = dout[n, m] * w[:, m]
    return dx, np.einsum("nd,nm->dm", x, dout), np.einsum("nm->m", dout)
