"""Einstein's sums."""

import numpy as np


def forward(x, w, b):
    return np.einsum("nd,dm->nm", x, w, optimize=True) + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
