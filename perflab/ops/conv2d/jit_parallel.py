"""The loops in an order that vectorises, on all cores; each core writes its own part of the result.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
Padding and stride are handled first: x is copied so that tap k of all positions is a contiguous run that
begins at offsets[k]. The innermost loop runs along it, and the compiler turns it into vector instructions;
four taps (or filters) at a time share the load and the store of a sum. forward distributes planes of out to
the cores, backward filters of dw and then planes of dx.
"""

import math

import numpy as np
from numba import prange

from .._threads import parallel
from ._gradients import OPTIONS, collect, spread


def forward(x, w, b, stride=1, pad=0):
    stride = (stride, stride) if isinstance(stride, int) else stride
    pad = (pad, pad) if isinstance(pad, int) else pad
    OH, OW = ((x.shape[i] + 2 * pad[i - 2] - w.shape[i]) // stride[i - 2] + 1 for i in (2, 3))
    out = np.empty((x.shape[0], w.shape[0], OH, OW), x.dtype)
    planes, offsets = phases(x, w, stride, pad)
    correlate(flat(planes), planes.shape[-1], offsets, flat(w), b, out)
    return out, (x, w, stride, pad)


def backward(dout, cache):
    x, w, stride, pad = cache
    dout = np.ascontiguousarray(dout)
    planes, offsets = phases(x, w, stride, pad)
    (N, C, down, across, rows, cols), dw, dx = planes.shape, np.empty(w.shape, w.dtype), np.zeros_like(planes)
    collect(dout, flat(planes), cols, offsets, flat(dw))
    taps = np.ascontiguousarray(w.reshape(*w.shape[:2], w.shape[2] * w.shape[3]).transpose(1, 2, 0))
    spread(dout, taps, cols, offsets[: taps.shape[1]], dx.reshape(N, C, down * across * rows * cols))
    dx = dx.transpose(0, 1, 4, 2, 5, 3).reshape(N, C, rows * down, cols * across)
    dx = dx[:, :, pad[0] : pad[0] + x.shape[2], pad[1] : pad[1] + x.shape[3]]
    return np.array(dx, order="C"), dw, dout.sum(axis=(0, 2, 3))


def flat(a):
    return np.ascontiguousarray(a).reshape(len(a), math.prod(a.shape[1:]))


def phases(x, w, stride, pad):
    """The padded x by phases of the stride, (N, C, down, across, rows, cols), and where taps begin."""
    (N, C, H, W), (down, across) = x.shape, stride
    rows, cols = -(-(H + 2 * pad[0]) // down), -(-(W + 2 * pad[1]) // across)
    padded = np.zeros((N, C, rows * down, cols * across), x.dtype)
    padded[:, :, pad[0] : pad[0] + H, pad[1] : pad[1] + W] = x
    split = padded.reshape(N, C, rows, down, cols, across).transpose(0, 1, 3, 5, 2, 4)
    c, u, v = np.indices(w.shape[1:]).reshape(3, w.shape[1] * w.shape[2] * w.shape[3])
    offsets = (((c * down + u % down) * across + v % across) * rows + u // down) * cols + v // across
    return np.ascontiguousarray(split), offsets.astype(np.uintp)


@parallel(**OPTIONS)
def correlate(x, cols, offsets, w, b, out):
    (F, K), (OH, OW) = w.shape, out.shape[2:]
    size = np.uintp((OH - 1) * cols + OW)
    for nf in prange(out.shape[0] * F):
        n, f = nf // F, nf % F
        total = np.full(OH * cols, b[f])  # rows as long as x's; what is between rows of out is unused
        for k in range(0, K - K % 4, 4):
            x0, x1 = x[n, offsets[k] :], x[n, offsets[k + 1] :]
            x2, x3 = x[n, offsets[k + 2] :], x[n, offsets[k + 3] :]
            w0, w1, w2, w3 = w[f, k], w[f, k + 1], w[f, k + 2], w[f, k + 3]
            for p in range(size):
                total[p] += w0 * x0[p] + w1 * x1[p] + w2 * x2[p] + w3 * x3[p]
        for k in range(K - K % 4, K):
            row, tap = x[n, offsets[k] :], w[f, k]
            for p in range(size):
                total[p] += tap * row[p]
        for i in range(OH):  # assigning them at once takes 5 s to compile
            for j in range(OW):
                out[n, f, i, j] = total[i * cols + j]
