"""Forty-eight steps in a function that is long enough to stay a call."""

import numpy as np
from numba import njit

CAUSE = "a call that is not inlined"


def inputs(rng):
    return rng.random(1024, np.float32), np.float32(0.3), np.float32(0.2)


def definition(x, a, b):
    for _ in range(24):
        x = abs(abs(x - a) - b)
    return x


def bound(gamma, dout, x, a, b):
    return gamma(48) * (x + 24 * (a + b)), ()


@njit
def folded(x, a, b):
    x = abs(abs(abs(abs(abs(abs(x - a) - b) - a) - b) - a) - b)
    x = abs(abs(abs(abs(abs(abs(x - a) - b) - a) - b) - a) - b)
    x = abs(abs(abs(abs(abs(abs(x - a) - b) - a) - b) - a) - b)
    x = abs(abs(abs(abs(abs(abs(x - a) - b) - a) - b) - a) - b)
    x = abs(abs(abs(abs(abs(abs(x - a) - b) - a) - b) - a) - b)
    x = abs(abs(abs(abs(abs(abs(x - a) - b) - a) - b) - a) - b)
    x = abs(abs(abs(abs(abs(abs(x - a) - b) - a) - b) - a) - b)
    x = abs(abs(abs(abs(abs(abs(x - a) - b) - a) - b) - a) - b)
    return x


@njit
def loop(x, a, b):
    out = np.empty(x.shape[0], x.dtype)
    for i in range(x.shape[0]):
        out[i] = folded(x[i], a, b)
    return out
