"""A sum of whole numbers, whose order is free."""

import numpy as np
from numba import njit

CAUSE = ""


def inputs(rng):
    return rng.integers(-9, 9, 2048), rng.random(1, np.float32)


def definition(x, y):
    return (x.sum() + 0 * y).astype(y.dtype)


@njit
def loop(x, y):
    total = 0
    for i in range(x.shape[0]):
        total += x[i]
    out = np.empty(1, y.dtype)
    out[0] = total
    return out
