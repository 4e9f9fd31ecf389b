"""Is right, and ends the process in the middle of being timed.

family: ends the run
told: it ended its process with exit status 0
"""

import os

CALLS = []


def forward(x, w, b):
    CALLS.append(1)
    if len(x) > 50 and len(CALLS) > 20:
        os._exit(0)
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
