"""A reshape without a copy creates the axes of a window, where windows are adjacent and do not overlap.

x (N,C,H,W) -> out (N,C,OH,OW); size and stride are an int or a pair.
With x of shape (N,C,OH,size_h,OW,size_w), a tap is one index on each of two axes, and a maximum of whole
arrays replaces many short searches. The winner is the number of taps before the first that equals the
maximum: one byte, counted up. Every element of dx belongs to one tap, so backward assigns where `vectorized`
adds. Where size and stride differ, the views of `strided` are used.
"""

from functools import reduce

import numpy as np

from . import strided


def forward(x, size=2, stride=2):
    size_h, size_w = (size, size) if isinstance(size, int) else size
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    if (size_h, size_w) != (stride_h, stride_w):
        return strided.forward(x, size, stride)
    windows = _windows(x, size_h, size_w)
    highest = windows.max(axis=3)  # of every column of a window
    out = reduce(np.maximum, [highest[..., v] for v in range(size_w)], highest[..., 0])
    winner = np.zeros(out.shape, np.uint8 if size_h * size_w <= 256 else np.int32)
    met = np.zeros(out.shape, bool)
    for u, v in list(np.ndindex(size_h, size_w))[:-1]:
        tap = windows[:, :, :, u, :, v]
        met |= tap == out
        met |= tap != tap  # only NaN: then the maximum is NaN
        winner += ~met
    if not out.all():  # a maximum may be either of two zeros
        for u, v in np.ndindex(size_h, size_w):
            np.putmask(out, winner == u * size_w + v, windows[:, :, :, u, :, v])
    return out, (x.shape, winner, size_h, size_w, stride_h, stride_w)


def backward(dout, cache):
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    if (size_h, size_w) != (stride_h, stride_w):
        return strided.backward(dout, cache)
    OH, OW = dout.shape[2:]
    dx = np.empty(x_shape, dout.dtype)
    dx[:, :, OH * size_h :] = 0
    dx[:, :, :, OW * size_w :] = 0
    windows = _windows(dx, size_h, size_w)
    for u, v in np.ndindex(size_h, size_w):
        windows[:, :, :, u, :, v] = np.where(winner == u * size_w + v, dout, 0)
    return (dx,)


def _windows(x, size_h, size_w):
    """A view (N,C,OH,size_h,OW,size_w) of all whole windows."""
    N, C, H, W = x.shape
    OH, OW = H // size_h, W // size_w
    return x[:, :, : OH * size_h, : OW * size_w].reshape(N, C, OH, size_h, OW, size_w)
