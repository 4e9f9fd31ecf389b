"""Takes 64 MiB once, and uses a part of it."""

import numpy as np

WORK = np.zeros(64 << 20, np.uint8)


def forward(x, w, b):
    size = len(x) * len(b) * x.itemsize
    if size > WORK.size:
        return x @ w + b, (x, w)
    work = WORK[:size].view(x.dtype).reshape(len(x), len(b))
    np.matmul(x, w, out=work)
    return work + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
