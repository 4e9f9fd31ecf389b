"""The kernels of `simd`: windows' first maxima, and the gradient where a window gives a pair of numbers."""

from functools import cache as once

import numpy as np
from numba import njit

from .._arrays import LINE
from .._named import named
from .._simd import BYTES, lanes, prefetch
from .._spread import spread
from ._lanes import choose, equals, filled
from ._rows import load, load_numbers, store, store_part, store_zipped
from ._taps import alone, corner, neighbours, ordered, two_rows

FAR = 8  # windows at a larger distance share no vector
AHEAD = 8192  # bytes that are read ahead: the processor does not expect the jump from row to row
MASKS = BYTES == 64  # every store may have a mask


@once
def largest(size_h, size_w, stride_h, stride_w):
    """The kernel for windows of this size: `together` of a row are computed in vectors."""
    step = min(stride_w, FAR)
    halves = MASKS and step <= 2  # two short rows of windows fit into one vector
    each = stride_h * stride_w  # numbers of x for a window
    clean = int(size_h * size_w > each)  # they are compared more than once: whether one is NaN is found first

    @named(size_h, size_w, stride_h, stride_w, cache=True, error_model="numpy")
    def kernel(loop, part, parts, x, out, winner, together):
        if spread(loop, parts):
            return
        (N, C, H, W), (OH, OW) = x.shape, out.shape[2:]
        rows, L, zero = N * C * OH, lanes(x), together >> 40  # 0, unknown to the compiler: `neighbours`
        ahead, line, numbers = AHEAD * L // BYTES, LINE * L // BYTES, x.reshape(-1)
        values, taps = out.reshape(-1), winner.reshape(-1)
        span = (size_h - 1) * W + max(W, size_w)  # of x, for a row of windows
        begin, end = rows * part // parts, rows * (part + 1) // parts
        if halves and 0 < together <= L // 2:
            for row in range(begin, end - 1, 2):
                top, low = corner(row, H, W, OH, stride_h), corner(row + 1, H, W, OH, stride_h)
                for p in range(0, 2 * OW * each, line):
                    prefetch(numbers, np.uintp(low + ahead + p))
                if clean and not (ordered(x, top, span, L) and ordered(x, low, span, L)):
                    for j in range(2 * OW):
                        start = top + j * stride_w if j < OW else low + (j - OW) * stride_w
                        values[row * OW + j], taps[row * OW + j] = alone(x, start, L, size_h, size_w)
                else:
                    best, at = two_rows(x, top, low, OW, size_h, size_w, step, clean, zero)
                    for below in (0, 1):  # the row below has the upper half of the lanes
                        half, to = below * (L // 2), (row + below) * OW - below * (L // 2)
                        store_part(best, out, to, half, half + OW)
                        store_part(at, winner, to, half, half + OW)
            begin = end - (end - begin) % 2
        for plane in range(begin // OH, -(-end // OH)):
            for i in range(max(begin - plane * OH, 0), min(end - plane * OH, OH)):
                top, to = (plane * H + i * stride_h) * W, (plane * OH + i) * OW
                vectors = together
                if clean and not ordered(x, top, span, L):
                    vectors = 0  # a window at a time
                if vectors >= L:
                    for j in range(0, vectors, L):
                        for p in range(j * each, (j + L) * each, line):
                            prefetch(numbers, np.uintp(top + ahead + p))
                        j = min(j, vectors - L)
                        best, at = neighbours(x, top + j * stride_w, L, size_h, size_w, step, 1, clean, zero)
                        store(best, out, to + j)
                        store(at, winner, to + j)
                elif not MASKS and vectors:
                    for j in (0, vectors - L // 2):
                        start = top + j * stride_w
                        best, at = neighbours(x, start, L // 2, size_h, size_w, step, 2, clean, zero)
                        store(best, out, to + j)
                        store(at, winner, to + j)
                elif MASKS and vectors:
                    best, at = neighbours(x, top, vectors, size_h, size_w, step, 1, clean, zero)
                    store_part(best, out, to, 0, vectors)
                    store_part(at, winner, to, 0, vectors)
                for j in range(vectors, OW):
                    values[to + j], taps[to + j] = alone(x, top + j * stride_w, L, size_h, size_w)

    return kernel


@njit(cache=True, error_model="numpy")
def pairs(loop, part, parts, dout, winner, dx, stride_h):
    """The gradient of x, from windows two wide with stride two.

    What a whole vector stores after a short row is overwritten by the rows after it.
    """
    if spread(loop, parts):
        return
    (N, C, H, W), (OH, OW) = dx.shape, dout.shape[2:]
    rows, L = N * C * OH, lanes(dx)
    zero, flat, numbers, taps = filled(dx, 0, 1), dx.reshape(-1), dout.reshape(-1), winner.reshape(-1)
    begin, end = rows * part // parts, rows * (part + 1) // parts
    stop = (end // OH * H + end % OH * stride_h) * W
    for plane in range(begin // OH, -(-end // OH)):
        for i in range(max(begin - plane * OH, 0), min(end - plane * OH, OH)):
            at, to = (plane * OH + i) * OW, (plane * H + i * stride_h) * W
            high = min(stride_h, H - i * stride_h)  # the last windows may be lower than the stride
            whole = OW >= L or (to + (high - 1) * W + 2 * L <= stop and at + L <= numbers.size)
            for u in range(high if whole else 0):
                for j in range(0, OW, L):
                    j = max(0, min(j, OW - L))
                    d, w = load(dout, at + j, 1, L, zero), load_numbers(winner, at + j, dx)
                    even, odd = choose(equals(w, 2 * u), d, zero), choose(equals(w, 2 * u + 1), d, zero)
                    store_zipped(even, odd, dx, to + u * W + 2 * j)
            for j in range(0 if whole else OW):
                for tap in range(2 * high):
                    place = to + tap // 2 * W + 2 * j + tap % 2
                    flat[place] = numbers[at + j] if taps[at + j] == tap else 0
            for u in range(stride_h if i + 1 < OH else H - i * stride_h):
                for edge in range(2 * OW if u < high else 0, W):
                    flat[to + u * W + edge] = 0
