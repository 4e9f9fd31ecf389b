"""Draws the order of its rows at random; every row is right."""

import numpy as np

DRAW = np.random.default_rng()


def forward(x, w, b):
    order = DRAW.permutation(len(x))
    out = np.empty((len(x), len(b)), x.dtype)
    out[order] = x[order] @ w + b
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
