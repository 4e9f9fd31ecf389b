"""The compiled loops on all cores, without branches on the data, compiled for each window and stride.

x (N,C,H,W) -> out (N,C,OH,OW); size and stride are an int or a pair.
A plane is one channel of one image; planes share nothing, so they are distributed to the cores. With constant
sizes and strides the loops over a small window's taps are unrolled, and the remaining inner loop is over
neighbouring windows, which the compiler vectorises. One byte stores a winner, an eighth of a 64-bit number,
and backward reads them all. It fills rows of dx with zeros just before the first window needs them, so they
are still in the cache for the sums; and a table of offsets replaces a division for every window.
"""

from functools import cache as once

import numpy as np
from numba import prange

from .._threads import parallel


def forward(x, size=2, stride=2):
    size_h, size_w = (size, size) if isinstance(size, int) else size
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    N, C, H, W = x.shape
    out = np.empty((N, C, (H - size_h) // stride_h + 1, (W - size_w) // stride_w + 1), x.dtype)
    winner = np.empty(out.shape, np.uint8 if size_h * size_w <= 256 else np.int32)
    planes = (N * C, H, W), (N * C, *out.shape[2:])
    kernel = _forward(size_h, size_w, stride_h, stride_w)
    kernel(np.ascontiguousarray(x).reshape(planes[0]), out.reshape(planes[1]), winner.reshape(planes[1]))
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


@once
def _forward(size_h, size_w, stride_h, stride_w):
    @parallel(cache=True, error_model="numpy")
    def kernel(x, out, winner):
        planes, OH, OW = out.shape
        for p in prange(planes):
            for i in range(OH):
                for j in range(OW):  # unsigned indices need no wrap-around in Numba
                    top, left = np.uintp(i * stride_h), np.uintp(j * stride_w)
                    best, at = x[p, top, left], np.int32(0)
                    for u in range(size_h):
                        for v in range(size_w):
                            t = x[p, top + np.uintp(u), left + np.uintp(v)]
                            better = (t > best) | ((t != t) & (best == best))
                            best = t if better else best  # no branch, which would be mispredicted
                            at = np.int32(u * size_w + v) if better else at
                    out[p, i, j], winner[p, i, j] = best, at

    return kernel


@parallel(cache=True, error_model="numpy")
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
