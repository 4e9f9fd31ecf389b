"""Remembers a constant that depends on the shape alone."""

from functools import cache

import numpy as np


@cache
def ones(n, dtype):
    return np.ones(n, dtype)


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, ones(len(dout), dout.dtype) @ dout
