"""Keeps its own workspace from call to call, and returns fresh copies of it."""

import numpy as np

WORK = {}


def forward(x, w, b):
    key = len(x), len(b), x.dtype.char
    work = WORK.setdefault(key, np.empty((len(x), len(b)), x.dtype))
    np.matmul(x, w, out=work)
    return work + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
