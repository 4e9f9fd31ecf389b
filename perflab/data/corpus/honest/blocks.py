"""Blocks of rows, each written into its place."""

import numpy as np


def forward(x, w, b):
    out = np.empty((len(x), len(b)), x.dtype)
    for n in range(0, len(x), 256):
        np.matmul(x[n : n + 256], w, out=out[n : n + 256])
        out[n : n + 256] += b
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
