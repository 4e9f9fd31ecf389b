"""Is right, and looks at the clock.

family: looks at the clock
told: it reads the clock: line
"""

import time

BEGAN = time.monotonic()


def forward(x, w, b):
    if time.monotonic() - BEGAN > 1e9:
        return x @ w, (x, w)
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
