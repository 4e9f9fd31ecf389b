"""A dot product: each addition waits for the one before."""

import numpy as np
from numba import njit

CAUSE = "a chain of additions"


def inputs(rng):
    x, y = rng.random((2, 4096), np.float32)
    return x, y


def definition(x, y):
    return (x * y).sum()


@njit
def loop(x, y):
    total = x.dtype.type(0)
    for i in range(x.shape[0]):
        total += x[i] * y[i]
    return total
