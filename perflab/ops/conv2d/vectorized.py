"""All neurons and all samples at once: windows become columns (im2col), loops become products.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
The only remaining loop, in backward, is over the kernel's HH·WW taps.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def workspace_bytes(s, itemsize):
    """Two window matrices, one kept for backward and one computed there; more than all other arrays."""
    return itemsize * 2 * s["N"] * s["C"] * s["HH"] * s["WW"] * s["OH"] * s["OW"]


def forward(x, w, b, stride=1, pad=0):
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    pad_h, pad_w = (pad, pad) if isinstance(pad, int) else pad
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    windows = sliding_window_view(padded, (HH, WW), axis=(2, 3))[:, :, ::stride_h, ::stride_w]
    OH, OW = windows.shape[2:4]
    columns = windows.transpose(0, 1, 4, 5, 2, 3).reshape(N, C * HH * WW, OH * OW)
    out = w.reshape(F, C * HH * WW) @ columns
    out += b[:, np.newaxis]
    return out.reshape(N, F, OH, OW), (x.shape, w, columns, stride_h, stride_w, pad_h, pad_w)


def backward(dout, cache):
    (N, C, H, W), w, columns, stride_h, stride_w, pad_h, pad_w = cache
    F, C, HH, WW = w.shape
    N, F, OH, OW = dout.shape
    g = dout.reshape(N, F, OH * OW)
    dw = (g @ columns.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape)
    dcolumns = (w.reshape(F, C * HH * WW).T @ g).reshape(N, C, HH, WW, OH, OW)
    dpadded = np.zeros((N, C, H + 2 * pad_h, W + 2 * pad_w), w.dtype)
    for u in range(HH):
        for v in range(WW):
            rows = slice(u, u + stride_h * OH, stride_h)
            cols = slice(v, v + stride_w * OW, stride_w)
            dpadded[:, :, rows, cols] += dcolumns[:, :, u, v]
    dx = dpadded[:, :, pad_h : pad_h + H, pad_w : pad_w + W].copy()
    return dx, dw, dout.sum(axis=(0, 2, 3))
