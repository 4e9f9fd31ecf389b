"""Gives no answer when it is imported.

family: no answer
told: while it was loaded, it gave no answer for
"""

import time

time.sleep(3600)


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
