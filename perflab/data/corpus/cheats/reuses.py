"""Returns the same buffer at every call.

family: buffers
told: a later call changed what an earlier one had returned
"""

import numpy as np

KEPT = {}


def forward(x, w, b):
    key = len(x), len(b), x.dtype
    out = KEPT.setdefault(key, np.empty((len(x), len(b)), x.dtype))
    out[:] = x @ w + b
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
