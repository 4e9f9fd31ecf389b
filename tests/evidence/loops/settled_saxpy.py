"""A scaled sum of two arrays, in the first cache and in vectors."""

import numpy as np
from numba import njit

CAUSE = ""


def inputs(rng):
    x, y = rng.random((2, 2048), np.float32)
    return x, y, np.float32(3)


def definition(x, y, scale):
    return scale * x + y


@njit
def loop(x, y, scale):
    out = np.empty(x.shape[0], x.dtype)
    for i in range(x.shape[0]):
        out[i] = scale * x[i] + y[i]
    return out
