"""Returns another dtype where the arrays are large.

family: other results
told: gives float64 for float32
"""

import numpy as np


def forward(x, w, b):
    out = x @ w + b
    return (out.astype(np.float64) if len(x) > 60 else out), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
