"""The compiled loops on all cores, without branches on the data, and one byte to remember a winner by.

x (N,C,H,W) -> out (N,C,OH,OW); size and stride are an int or a pair.
A plane is one channel of one image; planes share nothing, so the cores divide them. Backward must read the
winners again: as bytes they are an eighth of what 64-bit numbers are. It fills rows of dx with zeros just
before the first window reaches them, so the sums meet them in the cache; and a table of offsets takes the
place of a division for every window.
"""

import numpy as np
from numba import njit, prange


def forward(x, size=2, stride=2):
    size_h, size_w = (size, size) if isinstance(size, int) else size
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    N, C, H, W = x.shape
    out = np.empty((N, C, (H - size_h) // stride_h + 1, (W - size_w) // stride_w + 1), x.dtype)
    winner = np.empty(out.shape, np.uint8 if size_h * size_w <= 256 else np.int32)
    planes = (N * C, H, W), (N * C, *out.shape[2:])
    _forward(
        x.reshape(planes[0]),
        out.reshape(planes[1]),
        winner.reshape(planes[1]),
        size_h,
        size_w,
        stride_h,
        stride_w,
    )
    return out, (x.shape, winner, size_h, size_w, stride_h, stride_w)


def backward(dout, cache):
    (N, C, H, W), winner, size_h, size_w, stride_h, stride_w = cache
    dx = np.empty((N, C, H, W), dout.dtype)
    planes = N * C, *dout.shape[2:]
    _backward(
        dout.reshape(planes),
        winner.reshape(planes),
        dx.reshape(N * C, H * W),
        W,
        size_h,
        size_w,
        stride_h,
        stride_w,
    )
    return (dx,)


@njit(cache=True, parallel=True, error_model="numpy")
def _forward(x, out, winner, size_h, size_w, stride_h, stride_w):
    planes, OH, OW = out.shape
    for p in prange(planes):
        for i in range(OH):
            for j in range(OW):
                best, at = x[p, i * stride_h, j * stride_w], 0
                for u in range(size_h):
                    for v in range(size_w):
                        t = x[p, i * stride_h + u, j * stride_w + v]
                        better = (t > best) | ((t != t) & (best == best))  # no branch: it would be guessed
                        best, at = t if better else best, u * size_w + v if better else at
                out[p, i, j], winner[p, i, j] = best, at


@njit(cache=True, parallel=True, error_model="numpy")
def _backward(dout, winner, dx, W, size_h, size_w, stride_h, stride_w):
    planes, OH, OW = dout.shape
    offset = np.empty(size_h * size_w, np.intp)  # of every tap from its window's corner
    for tap in range(size_h * size_w):
        offset[tap] = tap // size_w * W + tap % size_w
    for p in prange(planes):
        clean = 0
        for i in range(OH):
            reached = (i * stride_h + size_h) * W
            dx[p, clean:reached] = 0
            clean = reached
            for j in range(OW):
                dx[p, i * stride_h * W + j * stride_w + offset[winner[p, i, j]]] += dout[p, i, j]
        dx[p, clean:] = 0
