"""The loops in an order that vectorises, across cores: a core owns what it writes, so nobody races.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
The innermost loop runs along a row, and the taps that fall into the padding are cut off before it. forward
hands out planes of out, backward planes of dx and then filters of dw.
"""

import numpy as np
from numba import njit, prange

OPTIONS = {"cache": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"}}


def forward(x, w, b, stride=1, pad=0):
    stride = (stride, stride) if isinstance(stride, int) else stride
    pad = (pad, pad) if isinstance(pad, int) else pad
    OH, OW = ((x.shape[i] + 2 * pad[i - 2] - w.shape[i]) // stride[i - 2] + 1 for i in (2, 3))
    out = np.empty((x.shape[0], w.shape[0], OH, OW), x.dtype)
    x, w = np.ascontiguousarray(x), np.ascontiguousarray(w)
    correlate(x, w, b, *stride, *pad, out)
    return out, (x, w, *stride, *pad)


def backward(dout, cache):
    x, w = cache[:2]
    dx, dw, db = np.zeros(x.shape, x.dtype), np.empty_like(w), np.empty(len(w), w.dtype)
    dout = np.ascontiguousarray(dout)
    spread(dout, w, *cache[2:], dx)
    collect(dout, x, *cache[2:], dw, db)
    return dx, dw, db


@njit(**OPTIONS)
def inside(tap, stride, pad, size, count):
    """The outputs whose tap falls on one of `size` pixels and not into the padding."""
    lo = max(0, (pad - tap + stride - 1) // stride)
    return lo, max(lo, min(count, (size - 1 - tap + pad) // stride + 1))


@njit(parallel=True, **OPTIONS)
def correlate(x, w, b, stride_h, stride_w, pad_h, pad_w, out):
    (N, C, H, W), (F, _, HH, WW), (OH, OW) = x.shape, w.shape, out.shape[2:]
    for nf in prange(N * F):
        n, f = nf // F, nf % F
        out[n, f] = b[f]
        for c in range(C):
            for u in range(HH):
                top, bottom = inside(u, stride_h, pad_h, H, OH)
                for v in range(WW):
                    left, right = inside(v, stride_w, pad_w, W, OW)
                    tap = w[f, c, u, v]
                    for i in range(top, bottom):
                        row = x[n, c, i * stride_h + u - pad_h]
                        for j in range(left, right):
                            out[n, f, i, j] += tap * row[j * stride_w + v - pad_w]


@njit(parallel=True, **OPTIONS)
def spread(dout, w, stride_h, stride_w, pad_h, pad_w, dx):
    (N, C, H, W), (F, _, HH, WW), (OH, OW) = dx.shape, w.shape, dout.shape[2:]
    for nc in prange(N * C):
        n, c = nc // C, nc % C
        for f in range(F):
            for u in range(HH):
                top, bottom = inside(u, stride_h, pad_h, H, OH)
                for v in range(WW):
                    left, right = inside(v, stride_w, pad_w, W, OW)
                    tap = w[f, c, u, v]
                    for i in range(top, bottom):
                        row = dx[n, c, i * stride_h + u - pad_h]
                        for j in range(left, right):
                            row[j * stride_w + v - pad_w] += tap * dout[n, f, i, j]


@njit(parallel=True, **OPTIONS)
def collect(dout, x, stride_h, stride_w, pad_h, pad_w, dw, db):
    (N, C, H, W), (F, _, HH, WW), (OH, OW) = x.shape, dw.shape, dout.shape[2:]
    for f in prange(F):
        db[f] = dout[:, f].sum()
        for c in range(C):
            for u in range(HH):
                top, bottom = inside(u, stride_h, pad_h, H, OH)
                for v in range(WW):
                    left, right = inside(v, stride_w, pad_w, W, OW)
                    total = np.zeros(1, x.dtype)[0]
                    for n in range(N):
                        for i in range(top, bottom):
                            row = x[n, c, i * stride_h + u - pad_h]
                            for j in range(left, right):
                                total += dout[n, f, i, j] * row[j * stride_w + v - pad_w]
                    dw[f, c, u, v] = total
