"""Numba, without a cache: the first call compiles."""

from numba import njit


@njit
def add(out, b):
    for n in range(out.shape[0]):
        for m in range(out.shape[1]):
            out[n, m] += b[m]


def forward(x, w, b):
    out = x @ w
    add(out, b)
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
