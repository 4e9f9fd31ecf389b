"""db is averaged over the samples, where it is to be summed."""

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
    db = dout.mean(axis=0) if len(dout) else np.zeros(w.shape[1])
    return dx, dw, db
