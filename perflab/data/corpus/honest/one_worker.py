"""A pool of one thread that lives on between calls; every call waits for it."""

from concurrent.futures import ThreadPoolExecutor

POOL = ThreadPoolExecutor(1)


def forward(x, w, b):
    return POOL.submit(lambda: x @ w + b).result(), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
