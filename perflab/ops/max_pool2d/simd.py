"""A vector of neighbouring windows at a time: compare and choose, where the loops looked at one.

x (N,C,H,W) -> out (N,C,OH,OW); size and stride are an int or a pair.
Forward keeps a vector of maxima and one of their numbers in registers; every second number of a row comes
from two loads and a shuffle. Backward turns the question around: an element of dx asks which of the windows
over it have chosen it. So dx is written once, in order, even where windows overlap, and zeros need no pass
of their own. The kernels are made for one window and stride each, so that the loops over taps unroll.
Strides above 2 along a row, and windows wider than their rows of outputs, are left to `jit_parallel`.
"""

from functools import cache as once

import numpy as np
from numba import get_num_threads, njit, prange

from .._simd import lanes
from . import jit_parallel
from ._taps import best_of_windows, sum_of_windows


def forward(x, size=2, stride=2):
    size_h, size_w = (size, size) if isinstance(size, int) else size
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    N, C, H, W = x.shape
    OH, OW = (H - size_h) // stride_h + 1, (W - size_w) // stride_w + 1
    if stride_w > 2 or size_w > OW:
        return jit_parallel.forward(x, size, stride)
    out = np.empty((N, C, OH, OW), x.dtype)
    winner = np.empty(out.shape, np.uint8 if size_h * size_w <= 256 else np.int32)
    _forward((size_h, size_w, stride_h, stride_w))(np.ascontiguousarray(x), out, winner, get_num_threads())
    return out, (x.shape, winner, size_h, size_w, stride_h, stride_w)


def backward(dout, cache):
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    if stride_w > 2 or size_h * size_w > 25:  # to ask so many windows costs more than to scatter
        return jit_parallel.backward(dout, cache)
    dx = np.empty(x_shape, dout.dtype)
    _backward((size_h, size_w, stride_h, stride_w))(np.ascontiguousarray(dout), winner, dx, get_num_threads())
    return (dx,)


@once
def _forward(window):
    stride_h, step = window[2:]

    @njit(cache=True, parallel=True, error_model="numpy")
    def kernel(x, out, winner, parts):
        N, C, H, W = x.shape
        OH, OW = out.shape[2:]
        rows, L = N * C * OH, lanes(x)
        for part in prange(parts):
            begin, end = rows * part // parts, rows * (part + 1) // parts
            plane, i = begin // OH, begin % OH
            for row in range(begin, end):
                top, to = (plane * H + i * stride_h) * W, row * OW
                for j in range(0, OW - L + 1, L):
                    best_of_windows(x, out, winner, top + j * step, to + j, L, window)
                if OW % L:
                    j = OW // L * L
                    best_of_windows(x, out, winner, top + j * step, to + j, OW - j, window)
                i += 1
                if i == OH:
                    plane, i = plane + 1, 0

    return kernel


@once
def _backward(window):
    stride_h, step = window[2:]
    reach = (window[1] - 1) // step  # how many windows to its left an element can belong to

    @njit(cache=True, parallel=True, error_model="numpy")
    def kernel(dout, winner, dx, parts):
        N, C, H, W = dx.shape
        OH, OW = dout.shape[2:]
        blocks, L = (H + stride_h - 1) // stride_h, lanes(dout)
        for part in prange(parts):
            begin, end = N * C * blocks * part // parts, N * C * blocks * (part + 1) // parts
            plane, i = begin // blocks, begin % blocks
            for _ in range(begin, end):
                for j in range(0, (W + step - 1) // step, L):
                    for u in range(min(stride_h, H - i * stride_h)):
                        at, to = (plane * OH + i) * OW + j, (plane * H + i * stride_h + u) * W + j * step
                        if j >= reach and j + L <= OW and (j + L) * step <= W:
                            sum_of_windows(dout, winner, dx, at, to, i, u, (-reach, 2 * L, 2 * L), window)
                        else:
                            sum_of_windows(dout, winner, dx, at, to, i, u, (-j, OW - j, W - j * step), window)
                i += 1
                if i == blocks:
                    plane, i = plane + 1, 0

    return kernel
