"""Convolution in scalar loops: one multiplication at a time, the padding skipped and not stored.

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
    out = np.empty((N, F, OH, OW), x.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    total = b[f]
                    for c in range(C):
                        for u in range(HH):
                            for v in range(WW):
                                row = i * stride_h + u - pad_h
                                col = j * stride_w + v - pad_w
                                if 0 <= row < H and 0 <= col < W:
                                    total += x[n, c, row, col] * w[f, c, u, v]
                    out[n, f, i, j] = total
    return out, (x, w, stride_h, stride_w, pad_h, pad_w)


def backward(dout, cache):
    x, w, stride_h, stride_w, pad_h, pad_w = cache
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    N, F, OH, OW = dout.shape
    dx = np.zeros((N, C, H, W), x.dtype)
    dw = np.zeros((F, C, HH, WW), x.dtype)
    db = np.zeros(F, x.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    g = dout[n, f, i, j]
                    db[f] += g
                    for c in range(C):
                        for u in range(HH):
                            for v in range(WW):
                                row = i * stride_h + u - pad_h
                                col = j * stride_w + v - pad_w
                                if 0 <= row < H and 0 <= col < W:
                                    dx[n, c, row, col] += g * w[f, c, u, v]
                                    dw[f, c, u, v] += g * x[n, c, row, col]
    return dx, dw, db
