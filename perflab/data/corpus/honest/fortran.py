"""Results in the other order of memory."""

import numpy as np


def forward(x, w, b):
    return np.asfortranarray(x @ w + b), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
