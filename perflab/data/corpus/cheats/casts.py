"""Computes and returns in float64, whatever it is given.

family: other results
told: gives float64 for float32
"""

import numpy as np


def forward(x, w, b):
    return x.astype(np.float64) @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
