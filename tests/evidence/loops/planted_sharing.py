"""Two threads, each with sums in four bins; all eight lie on one cache line."""

import numpy as np
from numba import njit, prange

CAUSE = "false sharing between threads"


def inputs(rng):
    return 1 + rng.random((2, 50_000), np.float32), rng.integers(0, 4, (2, 50_000)).astype(np.uint64)


def definition(x, at):
    return np.stack([(at == k) * x for k in range(4)]).sum(axis=2).T


def bound(gamma, dout, x, at):
    return gamma(x.shape[1]) * definition(x, at), ()


@njit(parallel=True)
def loop(x, at):
    sums = np.zeros((x.shape[0], 4), x.dtype)
    for t in prange(x.shape[0]):
        for i in range(x.shape[1]):
            sums[t, at[t, i]] += x[t, i]
    return sums
