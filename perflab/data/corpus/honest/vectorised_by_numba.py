"""A universal function that Numba makes."""

from numba import vectorize


@vectorize
def plus(a, b):
    return a + b


def forward(x, w, b):
    return plus(x @ w, b), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
