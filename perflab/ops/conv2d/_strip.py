"""Tiles of a matrix product in registers: a few rows of the left matrix times a panel of the right one.

The panel, [depth][3 vectors], stays in the L1 cache and is used for all rows of the left matrix, which come
from the L2 cache, eight numbers of a step side by side. Meanwhile the data of the next panel is prefetched.
"""

import numpy as np
from numba import njit

from .._named import named
from .._simd import REGISTERS, lanes, load, outer, prefetch, store
from ._bands import OPTIONS

VECTORS = 3
ROWS = 8 if REGISTERS == 32 else 4  # times three vectors: sums that leave room for three of b, one of a


def kernel(rows, vectors):
    @named(rows, vectors, forceinline=True, **OPTIONS)
    def sum_tile(a, at, across, along, b, depth, start, st, ds, c, ct, dc, source, taps, k, near):
        """A tile of c = start + a·b; `start` may be c itself; a[at + r·across + k·along] is in row r."""
        L, bt = np.uintp(lanes(c)), np.uintp(0)
        acc = load(start, st, ds, rows, vectors)
        for i in range(k, k + np.uintp(depth)):
            acc = outer(acc, a, at, across, b, bt, L)
            prefetch(source, taps[i] + near)
            at += along
            bt += np.uintp(VECTORS) * L
        store(acc, c, ct, dc)

    return sum_tile


three, two, one = (kernel(ROWS, vectors) for vectors in (3, 2, 1))
low = three if ROWS == 4 else kernel(4, 3)


@njit(**OPTIONS)
def strip(a, rows, b, depth, start, st, ds, c, ct, dc, first, last, vectors, ahead):
    """c[ct + r·dc : … + vectors] = start[st + r·ds : …] + a·b for rows first … last, in whole tiles.

    rows = at, eight, across, along: the place of row 0 in a, and the distances of eight rows, of rows among
    eight, and of a row's numbers. ahead = source, taps, k, near, idle: the vectors at near + taps[k],
    near + taps[k + 1], … will be wanted next; taps[idle], … are all the same.
    """
    L, (source, taps, wanted, near, idle) = lanes(c), ahead
    (at, eight, across, along), ds, dc = rows, np.uintp(ds), np.uintp(dc)
    over, on = np.uintp(across), np.uintp(along)
    for r in range(first, last, ROWS):
        left, row = np.uintp(at + r // 8 * eight + r % 8 * across), np.uintp(r)
        begin, to = np.uintp(st) + row * ds, np.uintp(ct) + row * dc
        number = (r - first) // ROWS  # each of the first tiles prefetches other vectors
        k, soon = (wanted, near + number * L) if number < VECTORS else (idle, near)
        k, soon = np.uintp(k), np.uintp(soon)
        if last - r <= 4 < ROWS:
            low(a, left, over, on, b, depth, start, begin, ds, c, to, dc, source, taps, k, soon)
        elif vectors == 3:
            three(a, left, over, on, b, depth, start, begin, ds, c, to, dc, source, taps, k, soon)
        elif vectors == 2:
            two(a, left, over, on, b, depth, start, begin, ds, c, to, dc, source, taps, k, soon)
        else:
            one(a, left, over, on, b, depth, start, begin, ds, c, to, dc, source, taps, k, soon)
