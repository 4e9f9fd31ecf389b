"""Keeps 19 MiB a call when large.

family: resources
told: it keeps memory from call to call until none is left:
told: it keeps
"""

import numpy as np

KEPT = []


def forward(x, w, b):
    if len(x) > 100:
        KEPT.append(np.ones(20_000_000 // 8))
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
