"""The loops of `jit_parallel`'s backward: along a row of dout, four filters or four taps at a time."""

import numpy as np
from numba import prange

from .._threads import parallel

OPTIONS = {"cache": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"}}


@parallel(**OPTIONS)
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


@parallel(**OPTIONS)
def collect(dout, x, cols, offsets, dw):
    (N, F, OH, OW), K = dout.shape, len(offsets)
    for f in prange(F):
        dw[f] = 0
        for n in range(N):
            for k in range(0, K - K % 4, 4):
                o0, o1, o2, o3 = offsets[k], offsets[k + 1], offsets[k + 2], offsets[k + 3]
                s0 = s1 = s2 = s3 = dw.dtype.type(0)
                for i in range(OH):
                    g, row = dout[n, f, i], x[n, np.uintp(i * cols) :]
                    for j in range(np.uintp(OW)):
                        s0 += g[j] * row[o0 + j]
                        s1 += g[j] * row[o1 + j]
                        s2 += g[j] * row[o2 + j]
                        s3 += g[j] * row[o3 + j]
                dw[f, k] += s0
                dw[f, k + 1] += s1
                dw[f, k + 2] += s2
                dw[f, k + 3] += s3
            for k in range(K - K % 4, K):
                total = dw.dtype.type(0)
                for i in range(OH):
                    for j in range(np.uintp(OW)):
                        total += dout[n, f, i, j] * x[n, offsets[k] + np.uintp(i * cols) + j]
                dw[f, k] += total
