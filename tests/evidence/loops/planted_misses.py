"""The sums of all columns of a matrix that no cache holds."""

import numpy as np
from numba import njit

CAUSE = "cache misses"


def inputs(rng):
    return (rng.random((32_768, 256), np.float32),)


def definition(x):
    return x.sum(axis=0)


def bound(gamma, dout, x):
    return gamma(len(x)) * definition(x), ()


@njit
def loop(x):
    out = np.zeros(x.shape[1], x.dtype)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[j] += x[i, j]
    return out
