"""Writes to an input.

family: buffers
told: forward or backward wrote to an input
"""


def forward(x, w, b):
    out = x @ w + b
    w *= 0.5
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
