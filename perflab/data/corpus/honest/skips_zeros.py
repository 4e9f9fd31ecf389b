"""Leaves out the inputs that are zero in every sample."""

import numpy as np


def forward(x, w, b):
    used = np.flatnonzero(x.any(axis=0))
    return x[:, used] @ w[used] + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
