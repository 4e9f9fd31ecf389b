"""A difference of two places, whose distance might be negative."""

import numpy as np
from numba import njit

CAUSE = "bounds and wrap-around of indices"


def inputs(rng):
    return rng.random(4096, np.float32), 3


def definition(x, lag):
    return x[: len(x) - 3] - x[3:]


@njit
def loop(x, lag):
    out = np.empty(x.shape[0] - lag, x.dtype)
    for i in range(x.shape[0] - lag):
        out[i] = x[i] - x[i + lag]
    return out
