"""Short rows, with an array for every step."""

import numpy as np
from numba import njit

CAUSE = "temporary arrays"


def inputs(rng):
    x, y = rng.random((2, 64, 32), np.float32)
    return x, y


def definition(x, y):
    return (x * y + y) * (x * y)


@njit
def loop(x, y):
    out = np.empty(x.shape, x.dtype)
    for i in range(x.shape[0]):
        products = x[i] * y[i]
        sums = products + y[i]
        out[i] = sums * products
    return out
