"""Asks the C library for something at every call."""

import ctypes

LIBRARY = ctypes.CDLL(None)


def forward(x, w, b):
    LIBRARY.getpid()
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
