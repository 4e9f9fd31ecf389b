"""One loop over the neurons, one for each output position of each filter; those of a filter share weights.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair
"""

import numpy as np


def forward(x, w, b, stride=1, pad=0):
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    pad_h, pad_w = (pad, pad) if isinstance(pad, int) else pad
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    OH = (H + 2 * pad_h - HH) // stride_h + 1
    OW = (W + 2 * pad_w - WW) // stride_w + 1
    padded = np.pad(x, ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    out = np.empty((N, F, OH, OW), x.dtype)
    for f in range(F):
        for i in range(OH):
            for j in range(OW):
                top, left = i * stride_h, j * stride_w
                window = padded[:, :, top : top + HH, left : left + WW]
                out[:, f, i, j] = window.reshape(N, C * HH * WW) @ w[f].ravel() + b[f]
    return out, (x.shape, padded, w, stride_h, stride_w, pad_h, pad_w)


def backward(dout, cache):
    (N, C, H, W), padded, w, stride_h, stride_w, pad_h, pad_w = cache
    F, C, HH, WW = w.shape
    N, F, OH, OW = dout.shape
    dpadded = np.zeros_like(padded)
    dw = np.zeros_like(w)
    db = np.zeros(F, w.dtype)
    for f in range(F):
        for i in range(OH):
            for j in range(OW):
                top, left = i * stride_h, j * stride_w
                here = np.s_[:, :, top : top + HH, left : left + WW]
                g = dout[:, f, i, j]
                db[f] += g.sum()
                dw[f] += (g @ padded[here].reshape(N, C * HH * WW)).reshape(C, HH, WW)
                dpadded[here] += g[:, np.newaxis, np.newaxis, np.newaxis] * w[f]
    return dpadded[:, :, pad_h : pad_h + H, pad_w : pad_w + W].copy(), dw, db
