"""Newton's steps to a square root: each divisor is the result of the step before."""

import numpy as np
from numba import njit

CAUSE = ""


def inputs(rng):
    return (1 + rng.random(128, np.float32),)


def definition(x):
    return np.sqrt(x)


@njit
def loop(x):
    out = np.empty(x.shape[0], x.dtype)
    half = x.dtype.type(0.5)
    for i in range(x.shape[0]):
        root = x[i]
        for _ in range(16):
            root = half * (root + x[i] / root)
        out[i] = root
    return out
