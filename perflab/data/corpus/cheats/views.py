"""Returns a view of an input.

family: other results
told: out: shares memory with an input
"""

import numpy as np


def forward(x, w, b):
    return np.broadcast_to(b, (len(x), len(b))), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
