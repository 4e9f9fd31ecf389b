"""The output is cut off at zero."""

import numpy as np


def forward(x, w, b):
    return np.maximum(np.einsum("nd,dm->nm", x, w) + b, 0), (x, w, b)


def backward(dout, cache):
    x, w, _b = cache
    dx = np.einsum("nm,dm->nd", dout, w)
    dw = np.einsum("nd,nm->dm", x, dout)
    return dx, dw, np.einsum("nm->m", dout)
