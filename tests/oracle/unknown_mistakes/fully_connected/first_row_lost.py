"""dw leaves out the first input."""

import numpy as np


def forward(x, w, b):
    return np.einsum("nd,dm->nm", x, w) + b, (x, w, b)


def backward(dout, cache):
    x, w, _b = cache
    dx = np.einsum("nm,dm->nd", dout, w)
    dw = np.einsum("nd,nm->dm", x, dout)
    dw[0] = 0
    return dx, dw, np.einsum("nm->m", dout)
