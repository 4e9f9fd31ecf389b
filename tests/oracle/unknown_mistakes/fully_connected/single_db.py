"""db goes through float32."""

import numpy as np


def forward(x, w, b):
    return np.einsum("nd,dm->nm", x, w) + b, (x, w, b)


def backward(dout, cache):
    x, w, _b = cache
    dx = np.einsum("nm,dm->nd", dout, w)
    dw = np.einsum("nd,nm->dm", x, dout)
    return dx, dw, np.einsum("nm->m", dout.astype(np.float32)).astype(x.dtype)
