"""Prints a word at each call, and warns at import."""

import warnings

warnings.warn("this is only a try", stacklevel=1)


def forward(x, w, b):
    print(".", end="")
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
