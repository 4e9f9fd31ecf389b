"""One Python loop over the samples, each sample's formula on its whole row.

x (N,D), g (D,), b (D,), eps -> out (N,D)
"""

import numpy as np


def forward(x, g, b, eps):
    out, xhat, scales = np.empty_like(x), np.empty_like(x), np.empty(len(x), x.dtype)
    for n in range(len(x)):
        centred = x[n] - x[n].mean()
        scales[n] = 1 / np.sqrt((centred * centred).mean() + eps)
        xhat[n] = centred * scales[n]
        out[n] = xhat[n] * g + b
    return out, (xhat, scales, g)


def backward(dout, cache):
    xhat, scales, g = cache
    dx, dg, db = np.empty_like(xhat), np.zeros_like(g), np.zeros_like(g)
    for n in range(len(xhat)):
        dxhat = dout[n] * g
        dx[n] = (dxhat - dxhat.mean() - xhat[n] * (dxhat * xhat[n]).mean()) * scales[n]
        dg += dout[n] * xhat[n]
        db += dout[n]
    return dx, dg, db
