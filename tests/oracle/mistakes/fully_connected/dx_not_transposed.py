"""dx multiplies by w and not by its transpose."""

import numpy as np


def forward(x, w, b):
    out = np.einsum("nd,dm->nm", x, w)
    for m in range(len(b)):
        out[:, m] += b[m]
    return out, {"x": x, "w": w}


def backward(dout, cache):
    x, w = cache["x"], cache["w"]
    return np.dot(dout, w), np.einsum("nd,nm->dm", x, dout), np.einsum("nm->m", dout)
