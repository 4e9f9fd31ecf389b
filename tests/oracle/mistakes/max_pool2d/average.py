"""The mean of each window, and its gradient: that is average pooling."""

import numpy as np


def _pair(value):
    return (value, value) if isinstance(value, int) else value


def forward(x, size=2, stride=2):
    (kh, kw), (sh, sw) = _pair(size), _pair(stride)
    N, C, H, W = x.shape
    out = np.zeros((N, C, (H - kh) // sh + 1, (W - kw) // sw + 1))
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            out[:, :, i, j] = np.mean(x[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw], axis=(2, 3))
    return out, (x, out, kh, kw, sh, sw)


def backward(dout, cache):
    x, _out, kh, kw, sh, sw = cache
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dout.shape):
        dx[n, c, i * sh : i * sh + kh, j * sw : j * sw + kw] += dout[n, c, i, j] / (kh * kw)
    return (dx,)
