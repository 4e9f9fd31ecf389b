"""A transposed copy: the loads go down the columns."""

import numpy as np
from numba import njit

CAUSE = "strided access"


def inputs(rng):
    return rng.random((64, 64), np.float32), np.float32(3)


def definition(x, scale):
    return scale * x.T


@njit
def loop(x, scale):
    R, C = x.shape
    out = np.empty((C, R), x.dtype)
    for j in range(C):
        for i in range(R):
            out[j, i] = scale * x[i, j]
    return out
