"""Chooses between two ways by the size of the arrays."""

import numpy as np


def forward(x, w, b):
    if x.size < 5000:
        return np.dot(x, w) + b, (x, w)
    out = x @ w
    out += b
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
