"""dout is forgotten: the gradients are those of the sum of the outputs."""

import numpy as np


def forward(x, w, b):
    out = np.einsum("nd,dm->nm", x, w)
    for m in range(len(b)):
        out[:, m] += b[m]
    return out, {"x": x, "w": w}


def backward(dout, cache):
    x, w = cache["x"], cache["w"]
    N, M = dout.shape
    dx = np.repeat(w.sum(axis=1)[None, :], N, axis=0)
    dw = np.repeat(x.sum(axis=0)[:, None], M, axis=1)
    return dx, dw, np.full(M, float(N))
