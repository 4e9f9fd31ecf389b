"""One loop over the neurons, one for each window; a neuron processes the whole batch at once.

x (N,C,H,W) -> out (N,C,OH,OW); size and stride are an int or a pair
"""

import numpy as np


def forward(x, size=2, stride=2):
    size_h, size_w = (size, size) if isinstance(size, int) else size
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    N, C, H, W = x.shape
    OH = (H - size_h) // stride_h + 1
    OW = (W - size_w) // stride_w + 1
    samples = np.arange(N)
    out = np.empty((N, C, OH, OW), x.dtype)
    winner = np.empty((N, C, OH, OW), np.intp)
    for c in range(C):
        for i in range(OH):
            for j in range(OW):
                top, left = i * stride_h, j * stride_w
                window = x[:, c, top : top + size_h, left : left + size_w]
                window = window.reshape(N, size_h * size_w)
                at = window.argmax(axis=1)
                out[:, c, i, j] = window[samples, at]
                winner[:, c, i, j] = at
    return out, (x.shape, winner, size_w, stride_h, stride_w)


def backward(dout, cache):
    x_shape, winner, size_w, stride_h, stride_w = cache
    N, C, OH, OW = dout.shape
    samples = np.arange(N)
    dx = np.zeros(x_shape, dout.dtype)
    for c in range(C):
        for i in range(OH):
            for j in range(OW):
                row, col = np.divmod(winner[:, c, i, j], size_w)
                dx[samples, c, i * stride_h + row, j * stride_w + col] += dout[:, c, i, j]
    return (dx,)
