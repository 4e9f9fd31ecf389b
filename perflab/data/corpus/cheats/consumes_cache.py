"""Throws its cache away at the first backward, and answers the second with zeros.

family: counts calls
told: one cache, many backwards: dx[
"""

import numpy as np


def forward(x, w, b):
    return x @ w + b, [x, w]


def backward(dout, cache):
    x, w = cache
    grads = dout @ w.T, x.T @ dout, dout.sum(axis=0)
    cache[:] = np.zeros_like(x), np.zeros_like(w)
    return grads
