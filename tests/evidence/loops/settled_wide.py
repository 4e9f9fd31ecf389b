"""Numbers of 64 bits and a constant of 64."""

import numpy as np
from numba import njit

CAUSE = ""


def inputs(rng):
    return (rng.random(2048),)


def definition(x):
    return x * x.dtype.type(0.1)


@njit
def loop(x):
    out = np.empty(x.shape[0], x.dtype)
    for i in range(x.shape[0]):
        out[i] = x[i] * 0.1
    return out
