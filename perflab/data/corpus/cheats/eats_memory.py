"""Takes all the memory there is.

family: resources
told: MemoryError: Unable to allocate
"""

import numpy as np

KEPT = []


def forward(x, w, b):
    while True:
        KEPT.append(np.ones(1 << 24))


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
