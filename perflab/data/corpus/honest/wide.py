"""Sums in double precision, and rounds once."""

import numpy as np


def forward(x, w, b):
    return (x.astype(np.float64) @ w.astype(np.float64) + b).astype(x.dtype), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
