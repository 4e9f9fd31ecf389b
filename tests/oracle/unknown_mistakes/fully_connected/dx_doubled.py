"""dx is twice what it is to be."""

import numpy as np


def forward(x, w, b):
    return np.einsum("nd,dm->nm", x, w) + b, (x, w, b)


def backward(dout, cache):
    x, w, _b = cache
    dx = np.einsum("nm,dm->nd", dout, w)
    dw = np.einsum("nd,nm->dm", x, dout)
    return 2 * dx, dw, np.einsum("nm->m", dout)
