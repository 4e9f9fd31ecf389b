"""Every number is divided by the same one."""

import numpy as np
from numba import njit

CAUSE = "division"


def inputs(rng):
    return rng.random(4096, np.float32), np.float32(7)


def definition(x, scale):
    return x / scale


@njit
def loop(x, scale):
    out = np.empty(x.shape[0], x.dtype)
    for i in range(x.shape[0]):
        out[i] = x[i] / scale
    return out
