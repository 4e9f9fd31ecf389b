"""Whole arrays: the squares of all inputs at once, summed by products with a vector.

x (N,D), w (D,) -> out (N,)
"""

import numpy as np


def forward(x, w):
    return (x * x) @ w, (x, w)


def backward(dout, cache):
    x, w = cache
    dx = x * w
    dx *= (dout + dout)[:, np.newaxis]
    return dx, dout @ (x * x)
