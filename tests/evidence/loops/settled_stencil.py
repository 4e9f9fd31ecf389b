"""Sums of three neighbours along the rows."""

import numpy as np
from numba import njit

CAUSE = ""


def inputs(rng):
    return (rng.random((32, 128), np.float32),)


def definition(x):
    return x[:, :-2] + x[:, 1:-1] + x[:, 2:]


@njit
def loop(x):
    N, W = x.shape
    out = np.empty((N, W - 2), x.dtype)
    for i in range(N):
        for j in range(W - 2):
            out[i, j] = x[i, j] + x[i, j + 1] + x[i, j + 2]
    return out
