"""Computes in the array of the upstream gradient, which is its caller's.

family: buffers
told: forward or backward wrote to an input
"""

import numpy as np


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    dx, dw = dout @ w.T, x.T @ dout
    np.cumsum(dout, axis=0, out=dout)
    return dx, dw, dout[-1].copy() if len(dout) else dout.sum(axis=0)
