"""Every neuron is a row of w, and backward follows: dx and dw are the gradients of that output."""

import numpy as np


def forward(x, w, b):
    out = np.zeros((len(x), len(b)))
    for m in range(len(b)):
        out[:, m] = (x * w[m]).sum(axis=1) + b[m]
    return out, (x, w)


def backward(dout, cache):
    x, w = cache
    return np.dot(dout, w), np.dot(dout.T, x), np.einsum("nm->m", dout)
