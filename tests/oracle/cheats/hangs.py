"""Gives no answer."""


def forward(x, w, b):
    while True:
        pass


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
