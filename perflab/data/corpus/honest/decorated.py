"""Functions behind decorators, and a table of shapes that were seen."""

import functools

SHAPES = {}


def counted(function):
    @functools.wraps(function)
    def inner(*args):
        SHAPES[args[0].shape] = SHAPES.get(args[0].shape, 0) + 1
        return function(*args)

    return inner


@counted
def forward(x, w, b):
    return x @ w + b, (x, w)


@counted
def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
