"""Numbers of 32 bits and a constant of 64."""

import numpy as np
from numba import njit

CAUSE = "conversion of dtypes"


def inputs(rng):
    return (rng.random(4096, np.float32),)


def definition(x):
    return x * 0.1


@njit
def loop(x):
    out = np.empty(x.shape[0], x.dtype)
    for i in range(x.shape[0]):
        out[i] = x[i] * 0.1
    return out
