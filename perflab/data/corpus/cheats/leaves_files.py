"""Opens a file at every call, and closes none.

family: resources
told: files open
told: Too many open files
"""

import os

OPEN = []


def forward(x, w, b):
    if len(x) > 60:
        OPEN.append(os.open(os.devnull, os.O_RDONLY))
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
