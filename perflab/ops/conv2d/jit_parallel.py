"""The loops in an order that vectorises, across cores: a core owns what it writes, so nobody races.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
Padding, and what a stride steps over, are dealt with first: x is copied so that tap k of all positions is a run
of neighbours that begins at offsets[k]. The innermost loop runs along it, and the compiler turns that into
vector instructions; four taps (or filters) at a time share the load and the store of a sum. forward hands out
planes of out, backward planes of dx and then filters of dw.
"""

import numpy as np
from numba import njit, prange

OPTIONS = {"cache": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"}}


def forward(x, w, b, stride=1, pad=0):
    stride = (stride, stride) if isinstance(stride, int) else stride
    pad = (pad, pad) if isinstance(pad, int) else pad
    OH, OW = ((x.shape[i] + 2 * pad[i - 2] - w.shape[i]) // stride[i - 2] + 1 for i in (2, 3))
    out = np.empty((x.shape[0], w.shape[0], OH, OW), x.dtype)
    planes, offsets = phases(x, w, stride, pad)
    correlate(planes.reshape(len(x), -1), planes.shape[-1], offsets, w.reshape(len(w), -1), b, out)
    return out, (x, w, stride, pad)


def backward(dout, cache):
    x, w, stride, pad = cache
    dout = np.ascontiguousarray(dout)
    planes, offsets = phases(x, w, stride, pad)
    (N, C, down, across, rows, cols), dw, dx = planes.shape, np.empty(w.shape, w.dtype), np.zeros_like(planes)
    collect(dout, planes.reshape(N, -1), cols, offsets, dw.reshape(len(w), -1))
    taps = np.ascontiguousarray(w.reshape(*w.shape[:2], -1).transpose(1, 2, 0))
    spread(dout, taps, cols, offsets[: taps.shape[1]], dx.reshape(N, C, down * across * rows * cols))
    dx = dx.transpose(0, 1, 4, 2, 5, 3).reshape(N, C, rows * down, cols * across)
    dx = dx[:, :, pad[0] : pad[0] + x.shape[2], pad[1] : pad[1] + x.shape[3]]
    return np.array(dx, order="C"), dw, dout.sum(axis=(0, 2, 3))


def phases(x, w, stride, pad):
    """The padded x, an image for each phase of the stride, (N, C, down, across, rows, cols); where taps begin."""
    (N, C, H, W), (down, across) = x.shape, stride
    rows, cols = -(-(H + 2 * pad[0]) // down), -(-(W + 2 * pad[1]) // across)
    padded = np.zeros((N, C, rows * down, cols * across), x.dtype)
    padded[:, :, pad[0] : pad[0] + H, pad[1] : pad[1] + W] = x
    split = padded.reshape(N, C, rows, down, cols, across).transpose(0, 1, 3, 5, 2, 4)
    c, u, v = np.indices(w.shape[1:]).reshape(3, -1)
    offsets = (((c * down + u % down) * across + v % across) * rows + u // down) * cols + v // across
    return np.ascontiguousarray(split), offsets.astype(np.uintp)


@njit(parallel=True, **OPTIONS)
def correlate(x, cols, offsets, w, b, out):
    (F, K), (OH, OW) = w.shape, out.shape[2:]
    size = np.uintp((OH - 1) * cols + OW)
    for nf in prange(out.shape[0] * F):
        n, f = nf // F, nf % F
        total = np.full(OH * cols, b[f])  # rows as long as x's; what lies between two rows of out is unused
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
        out[n, f] = total.reshape(OH, cols)[:, :OW]


@njit(parallel=True, **OPTIONS)
def spread(dout, w, cols, offsets, dx):
    (N, F, OH, OW), (C, K, _) = dout.shape, w.shape
    for nc in prange(N * C):
        n, c = nc // C, nc % C
        for f in range(0, F - F % 4, 4):
            for i in range(OH):
                g0, g1, g2, g3 = dout[n, f, i], dout[n, f + 1, i], dout[n, f + 2, i], dout[n, f + 3, i]
                for k in range(K):
                    w0, w1, w2, w3 = w[c, k, f], w[c, k, f + 1], w[c, k, f + 2], w[c, k, f + 3]
                    at = offsets[k] + np.uintp(i * cols)
                    for j in range(np.uintp(OW)):
                        dx[n, c, at + j] += w0 * g0[j] + w1 * g1[j] + w2 * g2[j] + w3 * g3[j]
        for f in range(F - F % 4, F):
            for i in range(OH):
                for k in range(K):
                    tap, at = w[c, k, f], offsets[k] + np.uintp(i * cols)
                    for j in range(np.uintp(OW)):
                        dx[n, c, at + j] += tap * dout[n, f, i, j]


@njit(parallel=True, **OPTIONS)
def collect(dout, x, cols, offsets, dw):
    (N, F, OH, OW), K = dout.shape, len(offsets)
    for f in prange(F):
        dw[f] = 0
        for n in range(N):
            for k in range(0, K, 4):  # the last four may be partly the same
                k0, k1, k2, k3 = k, min(k + 1, K - 1), min(k + 2, K - 1), min(k + 3, K - 1)
                o0, o1, o2, o3 = offsets[k0], offsets[k1], offsets[k2], offsets[k3]
                s0 = s1 = s2 = s3 = dw.dtype.type(0)
                for i in range(OH):
                    g, row = dout[n, f, i], x[n, np.uintp(i * cols) :]
                    for j in range(np.uintp(OW)):
                        s0 += g[j] * row[o0 + j]
                        s1 += g[j] * row[o1 + j]
                        s2 += g[j] * row[o2 + j]
                        s3 += g[j] * row[o3 + j]
                dw[f, k0] += s0
                for tap, total in ((k1, s1), (k2, s2), (k3, s3)):
                    if tap > k0:
                        dw[f, tap] += total
                        k0 = tap
