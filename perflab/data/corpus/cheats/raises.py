"""Raises.

family: ends the run
told: RuntimeError: not today
"""


def forward(x, w, b):
    raise RuntimeError("not today")


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
