"""Leaves a zombie at every call.

family: children
told:  ended processes behind
"""

import os


def forward(x, w, b):
    if os.fork() == 0:
        os._exit(0)
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
