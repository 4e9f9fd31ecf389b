"""A dot product with all permissions."""

import numpy as np
from numba import njit

CAUSE = ""


def inputs(rng):
    x, y = rng.random((2, 2048), np.float32)
    return x, y


def definition(x, y):
    return (x * y).sum()


@njit(fastmath=True)
def loop(x, y):
    total = x.dtype.type(0)
    for i in range(x.shape[0]):
        total += x[i] * y[i]
    return total
