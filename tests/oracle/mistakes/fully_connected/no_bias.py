"""The bias is left out of the output."""

import numpy as np


def forward(x, w, b):
    N, D = x.shape
    out = np.zeros((N, w.shape[1]))
    for n in range(N):
        for d in range(D):
            out[n] += x[n, d] * w[d]
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    return np.einsum("nm,dm->nd", dout, w), np.einsum("nd,nm->dm", x, dout), np.einsum("nm->m", dout)
