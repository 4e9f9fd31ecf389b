"""Explicit vectors: lanes for neighbouring windows, or for one window's taps, without scalar remainder loops.

x (N,C,H,W) -> out (N,C,OH,OW); size and stride are an int or a pair.
The compiler fills its vectors with neighbouring windows and processes the rest of a row one window at a time.
Here a mask switches off the unused lanes. Where a row has few windows but many taps, the lanes compare the
taps of one window, and a reduction finds the first maximum. Backward, windows with stride two that do not
overlap give pairs of numbers, a gradient or zero; all others scatter theirs as in `jit_parallel`.
"""

from functools import cache as once

import numpy as np
from numba import get_num_threads, prange

from .._simd import LANES, lanes
from .._threads import parallel
from . import jit_parallel
from ._lanes import choose, equals, filled
from ._rows import load, store_zipped
from ._taps import alone, neighbours

FAR = 8  # windows at a larger distance share no vector


def forward(x, size=2, stride=2):
    size_h, size_w = (size, size) if isinstance(size, int) else size
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    N, C, H, W = x.shape
    OH, OW = (H - size_h) // stride_h + 1, (W - size_w) // stride_w + 1
    out = np.empty((N, C, OH, OW), x.dtype)
    winner = np.empty(out.shape, np.uint8 if size_h * size_w <= 256 else np.int32)
    window = size_h, size_w, stride_h, stride_w
    if size_w == W:  # the window's rows follow one another
        size_h, size_w = 1, size_h * W
    vector = size_h * size_w * (2 * stride_w + 4)  # instructions for neighbours, about
    alone = size_h * -(-size_w // LANES[x.dtype]) * 6 + 40  # and for one window alone
    pays, rest = -(-vector // alone), OW % LANES[x.dtype]
    together = OW if rest >= pays else OW - rest  # windows of a row that are computed in vectors
    if pays > LANES[x.dtype] or stride_w > FAR:
        together = 0
    kernel = _forward(size_h, size_w, stride_h, stride_w)
    kernel(np.ascontiguousarray(x), out, winner, together, get_num_threads())
    return out, (x.shape, winner, *window)


def backward(dout, cache):
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    if size_h > stride_h or size_w > 2 or stride_w != 2:
        return jit_parallel.backward(dout, cache)
    dx = np.empty(x_shape, dout.dtype)
    _backward(np.ascontiguousarray(dout), winner, dx, size_w, stride_h, get_num_threads())
    return (dx,)


@once
def _forward(size_h, size_w, stride_h, stride_w):
    step = min(stride_w, FAR)

    @parallel(cache=True, error_model="numpy")
    def kernel(x, out, winner, together, parts):
        (N, C, H, W), (OH, OW) = x.shape, out.shape[2:]
        rows, L = N * C * OH, lanes(x)
        values, taps = out.reshape(-1), winner.reshape(-1)
        rest = together % L
        for part in prange(parts):
            begin, end = rows * part // parts, rows * (part + 1) // parts
            for plane in range(begin // OH, -(-end // OH)):
                for i in range(max(begin - plane * OH, 0), min(end - plane * OH, OH)):
                    top, to = (plane * H + i * stride_h) * W, (plane * OH + i) * OW
                    for _ in range(together // L):
                        neighbours(x, out, winner, top, to, L, size_h, size_w, step)
                        top, to = top + L * stride_w, to + L
                    if rest:
                        neighbours(x, out, winner, top, to, rest, size_h, size_w, step)
                        top, to = top + rest * stride_w, to + rest
                    for _ in range(together, OW):
                        values[to], taps[to] = alone(x, winner, top, L, size_h, size_w)
                        top, to = top + stride_w, to + 1

    return kernel


@parallel(cache=True, error_model="numpy")
def _backward(dout, winner, dx, size_w, stride_h, parts):
    (N, C, H, W), (OH, OW) = dx.shape, dout.shape[2:]
    rows, L = N * C * H, lanes(dx)
    for part in prange(parts):
        zero = filled(dx, 0, dx)
        begin, end = rows * part // parts, rows * (part + 1) // parts
        for plane in range(begin // H, -(-end // H)):
            for row in range(max(begin - plane * H, 0), min(end - plane * H, H)):
                i, u = row // stride_h, row % stride_h
                at, to = (plane * OH + i) * OW, (plane * H + row) * W
                for j in range(0, (W + 1) // 2, L):
                    count = OW - j if i < OH else 0
                    d = load(dout, at + j, 1, count, zero)
                    w = load(winner, at + j, 1, count, filled(winner, 0, dx))
                    even = choose(equals(w, u * size_w), d, zero)
                    odd = choose(equals(w, u * size_w + 1), d, zero) if size_w == 2 else zero
                    store_zipped(even, odd, dx, to + 2 * j, W - 2 * j)
