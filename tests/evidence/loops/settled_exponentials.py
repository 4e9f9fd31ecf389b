"""A library's function in every turn."""

import math

import numpy as np
from numba import njit

CAUSE = ""


def inputs(rng):
    return (rng.random(2048, np.float32),)


def definition(x):
    return np.exp(x)


@njit
def loop(x):
    out = np.empty(x.shape[0], x.dtype)
    for i in range(x.shape[0]):
        out[i] = math.exp(x[i])
    return out
