"""Counts in bins: where each one goes is known from the data alone."""

import numpy as np
from numba import njit

CAUSE = ""


def inputs(rng):
    return rng.integers(0, 256, 2048).astype(np.uint64), rng.random(256, np.float32)


def definition(at, before):
    return before + (at == np.arange(256, dtype=np.uint64)[:, None]).sum(axis=1)


@njit
def loop(at, before):
    out = before.copy()
    for i in range(at.shape[0]):
        out[at[i]] += before.dtype.type(1)
    return out
