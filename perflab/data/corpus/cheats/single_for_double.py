"""Computes in float32 where float64 is wanted.

family: less precision
told: rounding bound: out[
"""

import numpy as np


def forward(x, w, b):
    out = x.astype(np.float32) @ w.astype(np.float32) + b.astype(np.float32)
    return out.astype(x.dtype), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
