"""dw is divided by the number of inputs."""

import numpy as np


def forward(x, w, b):
    return np.einsum("nd,dm->nm", x, w) + b, (x, w, b)


def backward(dout, cache):
    x, w, _b = cache
    dx = np.einsum("nm,dm->nd", dout, w)
    dw = np.einsum("nd,nm->dm", x, dout)
    return dx, dw / x.shape[1], np.einsum("nm->m", dout)
