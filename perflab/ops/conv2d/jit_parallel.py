"""The loops in an order that vectorises, across cores: a core owns what it writes, so nobody races.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
Padding, and what a stride steps over, are dealt with first: x is copied so that a tap's numbers in a row are
neighbours. Then the innermost loop runs along a row, and the compiler turns it into vector instructions; four
taps at a time share a load and a store of the sums. forward hands out planes of out, backward planes of dx
and then filters of dw.
"""

import numpy as np
from numba import njit, prange

OPTIONS = {"cache": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"}}


def forward(x, w, b, stride=1, pad=0):
    stride = (stride, stride) if isinstance(stride, int) else stride
    pad = (pad, pad) if isinstance(pad, int) else pad
    OH, OW = ((x.shape[i] + 2 * pad[i - 2] - w.shape[i]) // stride[i - 2] + 1 for i in (2, 3))
    out = np.empty((x.shape[0], w.shape[0], OH, OW), x.dtype)
    w = np.ascontiguousarray(w)
    correlate(phases(x, stride, pad), w, b, *stride, out)
    return out, (x, w, stride, pad)


def backward(dout, cache):
    x, w, stride, pad = cache
    dout = np.ascontiguousarray(dout)
    split = phases(x, stride, pad)
    dw, db = np.empty_like(w), dout.sum(axis=(0, 2, 3))
    collect(dout, split, *stride, dw)
    dsplit = np.zeros(split.shape, x.dtype)
    spread(dout, w, *stride, dsplit)
    N, C, down, across, rows, cols = split.shape
    padded = dsplit.transpose(0, 1, 4, 2, 5, 3).reshape(N, C, rows * down, cols * across)
    dx = padded[:, :, pad[0] : pad[0] + x.shape[2], pad[1] : pad[1] + x.shape[3]]
    return np.array(dx, order="C"), dw, db


def phases(x, stride, pad):
    """The padded x, one small image for each phase of the stride: (N, C, down, across, rows, columns)."""
    (N, C, H, W), (down, across) = x.shape, stride
    rows, cols = -(-(H + 2 * pad[0]) // down), -(-(W + 2 * pad[1]) // across)
    padded = np.zeros((N, C, rows * down, cols * across), x.dtype)
    padded[:, :, pad[0] : pad[0] + H, pad[1] : pad[1] + W] = x
    split = padded.reshape(N, C, rows, down, cols, across).transpose(0, 1, 3, 5, 2, 4)
    return np.ascontiguousarray(split)


@njit(parallel=True, **OPTIONS)
def correlate(x, w, b, down, across, out):
    (F, C, HH, WW), (OH, OW) = w.shape, out.shape[2:]
    for nf in prange(out.shape[0] * F):
        n, f = nf // F, nf % F
        out[n, f] = b[f]
        for i in range(OH):
            to = out[n, f, i]
            for c in range(C):
                for u in range(HH):
                    for v in range(WW):
                        tap, row = w[f, c, u, v], x[n, c, u % down, v % across, i + u // down, v // across :]
                        for j in range(np.uintp(OW)):
                            to[j] += tap * row[j]


@njit(parallel=True, **OPTIONS)
def spread(dout, w, down, across, dx):
    (F, C, HH, WW), (OH, OW) = w.shape, dout.shape[2:]
    for nc in prange(dout.shape[0] * C):
        n, c = nc // C, nc % C
        for i in range(OH):
            for f in range(F):
                row = dout[n, f, i]
                for u in range(HH):
                    for v in range(WW):
                        tap, to = w[f, c, u, v], dx[n, c, u % down, v % across, i + u // down, v // across :]
                        for j in range(np.uintp(OW)):
                            to[j] += tap * row[j]


@njit(parallel=True, **OPTIONS)
def collect(dout, x, down, across, dw):
    (F, C, HH, WW), (N, _, OH, OW) = dw.shape, dout.shape
    for f in prange(F):
        for c in range(C):
            for u in range(HH):
                for v in range(WW):
                    total = dw.dtype.type(0)
                    for n in range(N):
                        for i in range(OH):
                            row = x[n, c, u % down, v % across, i + u // down, v // across :]
                            for j in range(np.uintp(OW)):
                                total += dout[n, f, i, j] * row[j]
                    dw[f, c, u, v] = total
