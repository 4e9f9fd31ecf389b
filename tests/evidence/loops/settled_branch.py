"""Sums in bins, with a branch that always goes the same way."""

import numpy as np
from numba import njit

CAUSE = ""


def inputs(rng):
    return 1 + rng.random(2048, np.float32), rng.integers(0, 64, 2048).astype(np.uint64)


def definition(x, at):
    return (at == np.arange(64, dtype=np.uint64)[:, None]) @ x


def bound(gamma, dout, x, at):
    return gamma(len(x)) * definition(abs(x), at), ()


@njit
def loop(x, at):
    out = np.zeros(64, x.dtype)
    for i in range(x.shape[0]):
        if x[i] > 0:
            out[at[i]] += x[i]
    return out
