"""Every sum of a beginning: each one is a result, so that they cannot take turns."""

import numpy as np
from numba import njit

CAUSE = ""


def inputs(rng):
    return (rng.random(4096, np.float32),)


def definition(x):
    return np.cumsum(x)


def bound(gamma, dout, x):
    return gamma(len(x)) * definition(x), ()


@njit
def loop(x):
    out = np.empty(x.shape[0], x.dtype)
    total = x.dtype.type(0)
    for i in range(x.shape[0]):
        total += x[i]
        out[i] = total
    return out
