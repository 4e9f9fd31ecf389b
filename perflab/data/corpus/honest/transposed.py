"""Returns views of arrays of its own, in an order of their own."""

import numpy as np


def forward(x, w, b):
    return (np.ascontiguousarray(w.T) @ x.T + b[:, None]).T, (x, w)


def backward(dout, cache):
    x, w = cache
    return (w @ dout.T).T, (dout.T @ x).T, dout.sum(axis=0)
