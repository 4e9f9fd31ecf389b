"""The same arrays, each written where the last one lay: two arrays of the batch's size, not six.

x (N,D), g (D,), b (D,), eps -> out (N,D)
"""

import numpy as np


def forward(x, g, b, eps):
    D = x.dtype.type(x.shape[1])
    xhat = x - x.mean(axis=1, keepdims=True)
    variance = np.einsum("nd,nd->n", xhat, xhat)[:, np.newaxis] / D  # no array of squares
    scale = 1 / np.sqrt(variance + eps)
    xhat *= scale
    out = xhat * g
    out += b
    return out, (xhat, scale, g)


def backward(dout, cache):
    xhat, scale, g = cache
    D = xhat.dtype.type(xhat.shape[1])
    dx = dout * g
    along = np.einsum("nd,nd->n", dx, xhat)[:, np.newaxis] / D
    dx -= dx.mean(axis=1, keepdims=True)
    dx -= xhat * along
    dx *= scale
    return dx, np.einsum("nd,nd->d", dout, xhat), dout.sum(axis=0)
