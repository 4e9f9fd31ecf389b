"""One loop over the neurons, the columns of w; each is one matrix-vector product.

x (N,D), w (D,M), b (M,) -> out (N,M)
"""

import numpy as np


def forward(x, w, b):
    N, M = x.shape[0], b.shape[0]
    out = np.empty((N, M), x.dtype)
    for m in range(M):
        out[:, m] = x @ w[:, m] + b[m]
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    dx = np.zeros_like(x)
    dw = np.empty_like(w)
    db = np.empty(w.shape[1], x.dtype)
    for m in range(w.shape[1]):
        g = dout[:, m]
        dx += g[:, np.newaxis] * w[:, m]
        dw[:, m] = g @ x
        db[m] = g.sum()
    return dx, dw, db
