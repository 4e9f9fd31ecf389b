"""Little arithmetic and a large result, in fresh pages at every call."""

import numpy as np
from numba import njit

CAUSE = "fresh pages"


def inputs(rng):
    return rng.random(1024, np.float32), rng.random(12_000, np.float32)


def definition(x, y):
    return x + y[:, None]


def bound(gamma, dout, x, y):
    return gamma(1) * definition(x, y), ()


@njit
def loop(x, y):
    out = np.empty((y.shape[0], x.shape[0]), x.dtype)
    for i in range(y.shape[0]):
        for j in range(x.shape[0]):
            out[i, j] = x[j] + y[i]
    return out
