"""A matrix times a vector along the rows, with all permissions."""

import numpy as np
from numba import njit

CAUSE = ""


def inputs(rng):
    return rng.random((32, 128), np.float32), rng.random(128, np.float32)


def definition(w, x):
    return w @ x


@njit(fastmath=True)
def loop(w, x):
    out = np.empty(w.shape[0], w.dtype)
    for i in range(w.shape[0]):
        total = x.dtype.type(0)
        for j in range(w.shape[1]):
            total += w[i, j] * x[j]
        out[i] = total
    return out
