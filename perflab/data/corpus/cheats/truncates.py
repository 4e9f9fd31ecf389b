"""Cuts the numbers to the eight leading bits of their fractions, as bfloat16 does.

family: less precision
told: out[
"""

import numpy as np


def cut(values):
    if values.dtype != np.float32:
        return values
    return (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def forward(x, w, b):
    return cut(np.ascontiguousarray(x)) @ cut(np.ascontiguousarray(w)) + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
