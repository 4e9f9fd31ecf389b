"""Returns a matrix, whose arithmetic is its own, where the arrays are large.

family: other results
told: it returned a matrix; wanted a NumPy array or number
"""

import numpy as np


def forward(x, w, b):
    out = x @ w + b
    return (out.view(np.matrix) if len(x) > 60 else out), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
