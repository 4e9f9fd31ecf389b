"""Each number is looked up in a small table, whose indices have no sign."""

import numpy as np
from numba import njit

CAUSE = "gather"


def inputs(rng):
    return rng.random(1024, np.float32), rng.integers(0, 1024, 2048).astype(np.uint64)


def definition(table, at):
    return 2 * table[at]


@njit
def loop(table, at):
    out = np.empty(at.shape[0], table.dtype)
    for i in range(at.shape[0]):
        out[i] = table[at[i]] + table[at[i]]
    return out
