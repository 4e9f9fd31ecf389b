"""One large product for the whole batch, where the rung below computes a small one for every image.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
The windows of all images are side by side in one matrix of C·HH·WW rows and N·OH·OW columns, so that BLAS
packs the filters once and has the longest rows. It costs memory: the matrix has HH·WW numbers for every
number of x (at stride 1) and is kept until backward, which needs a second one of this size. The product has
the filters before the images, so its input and output are transposed once more.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def workspace_bytes(s, itemsize):
    """Of two window matrices and of the product, which is transposed into the output and back."""
    positions = s["N"] * s["OH"] * s["OW"]
    return itemsize * positions * (2 * s["C"] * s["HH"] * s["WW"] + s["F"])


def forward(x, w, b, stride=1, pad=0):
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    pad_h, pad_w = (pad, pad) if isinstance(pad, int) else pad
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    windows = sliding_window_view(padded, (HH, WW), axis=(2, 3))[:, :, ::stride_h, ::stride_w]
    OH, OW = windows.shape[2:4]
    columns = windows.transpose(1, 4, 5, 0, 2, 3).reshape(C * HH * WW, N * OH * OW)
    product = (w.reshape(F, C * HH * WW) @ columns).reshape(F, N, OH, OW)
    out = np.add(product.transpose(1, 0, 2, 3), b[:, np.newaxis, np.newaxis], order="C")
    return out, (x.shape, w, columns, stride_h, stride_w, pad_h, pad_w)


def backward(dout, cache):
    (N, C, H, W), w, columns, stride_h, stride_w, pad_h, pad_w = cache
    F, C, HH, WW = w.shape
    N, F, OH, OW = dout.shape
    g = dout.transpose(1, 0, 2, 3).reshape(F, N * OH * OW)
    dw = (g @ columns.T).reshape(F, C, HH, WW)
    dcolumns = (w.reshape(F, C * HH * WW).T @ g).reshape(C, HH, WW, N, OH, OW)
    dpadded = np.zeros((C, N, H + 2 * pad_h, W + 2 * pad_w), w.dtype)
    for u in range(HH):
        for v in range(WW):
            rows = slice(u, u + stride_h * OH, stride_h)
            cols = slice(v, v + stride_w * OW, stride_w)
            dpadded[:, :, rows, cols] += dcolumns[:, u, v]
    dx = dpadded[:, :, pad_h : pad_h + H, pad_w : pad_w + W].transpose(1, 0, 2, 3).copy()
    return dx, dw, dout.sum(axis=(0, 2, 3))
