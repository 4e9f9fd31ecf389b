"""Two mistakes: dw is divided by the batch size, and db is summed along the rows."""

import numpy as np


def forward(x, w, b):
    return np.einsum("nd,dm->nm", x, w) + b, (x, w)


def backward(dout, cache):
    x, w = cache
    dw = np.einsum("nd,nm->dm", x, dout) / max(len(x), 1)
    return np.einsum("nm,dm->nd", dout, w), dw, np.einsum("nm->n", dout)
