"""Square roots, as fast as the processor takes them."""

import math

import numpy as np
from numba import njit

CAUSE = ""


def inputs(rng):
    return (rng.random(4096, np.float32),)


def definition(x):
    return np.sqrt(x)


@njit
def loop(x):
    out = np.empty(x.shape[0], x.dtype)
    for i in range(x.shape[0]):
        out[i] = math.sqrt(x[i])
    return out
