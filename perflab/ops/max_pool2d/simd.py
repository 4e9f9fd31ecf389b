"""Explicit vectors: lanes for neighbouring windows, or for one window's taps, without scalar remainder loops.

x (N,C,H,W) -> out (N,C,OH,OW); size and stride are an int or a pair.
The compiler fills its vectors with neighbouring windows and processes the rest of a row one window at a time.
Here the last vector of a row begins earlier, so that it is full: some windows are computed twice. A mask
switches off the unused lanes of a row that does not fill one. Where a row has few windows but many taps, the
lanes compare the taps of one window, and a reduction finds the first maximum. Backward, windows with stride
two that do not overlap give pairs of numbers, a gradient or zero; all others scatter theirs as in
`jit_parallel`.
"""

from functools import cache as once

import numpy as np
from numba import njit

from .._named import named
from .._simd import LANES, lanes
from .._spread import ALONE, spread, threads
from . import jit_parallel
from ._lanes import choose, equals, filled
from ._rows import load, load_numbers, store, store_part, store_zipped
from ._taps import alone, neighbours

FAR = 8  # windows at a larger distance share no vector
SMALL = 1 << 13  # numbers, fewer than which are read before another thread has begun


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
    single = size_h * -(-size_w // LANES[x.dtype]) * 6 + 40  # and for one window alone
    pays, rest = -(-vector // single), OW % LANES[x.dtype]
    together = OW if rest >= pays else OW - rest  # windows of a row that are computed in vectors
    if pays > LANES[x.dtype] or stride_w > FAR:
        together = 0
    kernel = _forward(size_h, size_w, stride_h, stride_w)
    kernel(*shares(x), np.ascontiguousarray(x), out, winner, together)
    return out, (x.shape, winner, *window)


def backward(dout, cache):
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    if size_h > stride_h or (size_w, stride_w) != (2, 2) or dout.shape[3] < LANES[dout.dtype]:
        return jit_parallel.backward(dout, cache)
    dx = np.empty(x_shape, dout.dtype)
    _backward(*shares(dx), np.ascontiguousarray(dout), winner, dx, stride_h)
    return (dx,)


def shares(x):
    """How the rows are distributed to the threads."""
    return threads() if x.size > SMALL else ALONE


@once
def _forward(size_h, size_w, stride_h, stride_w):
    step = min(stride_w, FAR)

    @named(size_h, size_w, stride_h, stride_w, cache=True, error_model="numpy")
    def kernel(loop, part, parts, x, out, winner, together):
        if spread(loop, parts):
            return
        (N, C, H, W), (OH, OW) = x.shape, out.shape[2:]
        rows, L = N * C * OH, lanes(x)
        values, taps = out.reshape(-1), winner.reshape(-1)
        begin, end = rows * part // parts, rows * (part + 1) // parts
        for plane in range(begin // OH, -(-end // OH)):
            for i in range(max(begin - plane * OH, 0), min(end - plane * OH, OH)):
                top, to = (plane * H + i * stride_h) * W, (plane * OH + i) * OW
                if together >= L:
                    for j in range(0, together, L):
                        j = min(j, together - L)
                        best, at = neighbours(x, top + j * stride_w, L, size_h, size_w, step)
                        store(best, out, to + j)
                        store(at, winner, to + j)
                elif together:
                    best, at = neighbours(x, top, together, size_h, size_w, step)
                    store_part(best, out, to, together)
                    store_part(at, winner, to, together)
                for j in range(together, OW):
                    values[to + j], taps[to + j] = alone(x, top + j * stride_w, L, size_h, size_w)

    return kernel


@njit(cache=True, error_model="numpy")
def _backward(loop, part, parts, dout, winner, dx, stride_h):
    """The gradient of x, from windows two wide with stride two, at least a vector of them in a row."""
    if spread(loop, parts):
        return
    (N, C, H, W), (OH, OW) = dx.shape, dout.shape[2:]
    rows, L = N * C * H, lanes(dx)
    zero, flat = filled(dx, 0), dx.reshape(-1)
    begin, end = rows * part // parts, rows * (part + 1) // parts
    for plane in range(begin // H, -(-end // H)):
        for row in range(max(begin - plane * H, 0), min(end - plane * H, H)):
            i, u = row // stride_h, 2 * (row % stride_h)
            at, to = (plane * OH + i) * OW, (plane * H + row) * W
            count = OW if i < OH else 0
            for j in range(0, count, L):
                j = min(j, count - L)
                d = load(dout, at + j, 1, L, zero)
                w = load_numbers(winner, at + j, dx)
                even, odd = choose(equals(w, u), d, zero), choose(equals(w, u + 1), d, zero)
                store_zipped(even, odd, dx, to + 2 * j)
            for j in range(2 * count, W):
                flat[to + j] = 0
