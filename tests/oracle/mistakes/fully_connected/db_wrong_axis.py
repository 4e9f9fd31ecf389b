"""db is summed along each row, not down the batch."""

import numpy as np


def forward(x, w, b):
    out = np.einsum("nd,dm->nm", x, w)
    for m in range(len(b)):
        out[:, m] += b[m]
    return out, {"x": x, "w": w}


def backward(dout, cache):
    x, w = cache["x"], cache["w"]
    dx = np.einsum("nm,dm->nd", dout, w)
    dw = np.einsum("nd,nm->dm", x, dout)
    db = np.array([sum(row) for row in dout], dtype=x.dtype)
    return dx, dw, db
