"""Sums in bins, of those numbers that are above zero: one half of them, in no order."""

import numpy as np
from numba import njit

CAUSE = "branches"


def inputs(rng):
    return rng.normal(size=16384).astype(np.float32), rng.integers(0, 64, 16384).astype(np.uint64)


def definition(x, at):
    return (at == np.arange(64, dtype=np.uint64)[:, None]) @ np.maximum(x, 0)


def bound(gamma, dout, x, at):
    return gamma(len(x)) * definition(abs(x), at), ()


@njit
def loop(x, at):
    out = np.zeros(64, x.dtype)
    for i in range(x.shape[0]):
        if x[i] > 0:
            out[at[i]] += x[i]
    return out
