"""No window matrix: a sum over the taps of products, each with the image shifted by that tap.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
A single tap is a 1×1 convolution: F·C weights that are multiplied with the same pixel of every channel. So
out is the sum of HH·WW products, and the only temporaries are one shifted copy of x and one product: HH·WW
times less memory than the window matrix. The products are shorter, and out is read and written once for every
tap. Backward reverses the direction: dx is a sum of products shifted back, dw is one product for each tap.
"""

import numpy as np


def shifts(HH, WW, OH, OW, stride_h, stride_w):
    """For every tap, which pixels of the padded images it meets."""
    for u in range(HH):
        for v in range(WW):
            rows = slice(u, u + stride_h * OH, stride_h)
            cols = slice(v, v + stride_w * OW, stride_w)
            yield u, v, (slice(None), slice(None), rows, cols)


def forward(x, w, b, stride=1, pad=0):
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    pad_h, pad_w = (pad, pad) if isinstance(pad, int) else pad
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    OH = (H + 2 * pad_h - HH) // stride_h + 1
    OW = (W + 2 * pad_w - WW) // stride_w + 1
    padded = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    taps = np.ascontiguousarray(w.transpose(2, 3, 0, 1))  # (HH, WW, F, C): each tap a matrix
    out = np.empty((N, F, OH * OW), x.dtype)
    out[:] = b[:, np.newaxis]
    for u, v, met in shifts(HH, WW, OH, OW, stride_h, stride_w):
        out += taps[u, v] @ padded[met].reshape(N, C, OH * OW)
    return out.reshape(N, F, OH, OW), (x.shape, padded, taps, stride_h, stride_w, pad_h, pad_w)


def backward(dout, cache):
    (N, C, H, W), padded, taps, stride_h, stride_w, pad_h, pad_w = cache
    HH, WW, F, C = taps.shape
    N, F, OH, OW = dout.shape
    g = dout.reshape(N, F, OH * OW)
    dpadded = np.zeros_like(padded)
    dw = np.empty((F, C, HH, WW), taps.dtype)
    for u, v, met in shifts(HH, WW, OH, OW, stride_h, stride_w):
        shifted = padded[met].reshape(N, C, OH * OW)
        dw[:, :, u, v] = (g @ shifted.transpose(0, 2, 1)).sum(axis=0)
        dpadded[met] += (taps[u, v].T @ g).reshape(N, C, OH, OW)
    dx = dpadded[:, :, pad_h : pad_h + H, pad_w : pad_w + W].copy()
    return dx, dw, dout.sum(axis=(0, 2, 3))
