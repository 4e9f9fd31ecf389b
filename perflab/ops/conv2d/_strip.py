"""Tiles of a matrix product in registers: a few rows of the left matrix times a panel of the right one.

The panel, [depth][3 vectors], stays in the L1 cache and is used for all rows of the left matrix, which come
from the L2 cache, eight numbers of a step side by side. Meanwhile the data of the next panel is prefetched.
"""

import numpy as np
from numba import njit

from .._named import named
from .._simd import REGISTERS, lanes, load, load_part, outer, prefetch, spread, store, store_part
from ._bands import OPTIONS

VECTORS = 3
ROWS = 8 if REGISTERS == 32 else 4  # times three vectors: sums that leave room for three of b, one of a


def kernel(rows, vectors, whole):
    @named(rows, vectors, whole, **OPTIONS)
    def sum_tile(a, at, b, depth, start, st, first, c, ct, dc, h, w, source, taps, k, near):
        """A tile of c, whose first h rows and w columns exist, = (start or itself) + a·b."""
        L, bt = np.uintp(lanes(c)), np.uintp(0)
        if first:  # one loop for each case: sums shared by two loops would pass through memory
            acc = spread(start, st, 1, rows, vectors)
            for i in range(k, k + np.uintp(depth)):
                acc = outer(acc, a, at, 1, b, bt, L)
                prefetch(source, taps[i] + near)
                at += np.uintp(8)
                bt += np.uintp(VECTORS) * L
            if whole:
                store(acc, c, ct, dc)
            else:
                store_part(acc, c, ct, dc, h, w)
        else:
            more = load(c, ct, dc, rows, vectors) if whole else load_part(c, ct, dc, rows, vectors, h, w)
            for i in range(k, k + np.uintp(depth)):
                more = outer(more, a, at, 1, b, bt, L)
                prefetch(source, taps[i] + near)
                at += np.uintp(8)
                bt += np.uintp(VECTORS) * L
            if whole:
                store(more, c, ct, dc)
            else:
                store_part(more, c, ct, dc, h, w)

    return sum_tile


whole, three, two, one = (kernel(ROWS, *form) for form in ((3, True), (3, False), (2, False), (1, False)))
low = kernel(4, 3, False)


@njit(**OPTIONS)
def strip(a, at, step, b, depth, start, first, c, ct, dc, rows, width, ahead):
    """c[ct + r·dc : … + width] = (start[r] or itself) + a·b; `step` is the distance between rows of a.

    ahead = source, taps, k, near: the vectors at near + taps[k], near + taps[k + 1], … will be wanted next.
    """
    L, (source, taps, k, near) = lanes(c), ahead
    k = np.uintp(k)
    for r in range(0, rows, ROWS):
        left, to, h = np.uintp(at + r // 8 * 8 * step + r % 8), np.uintp(ct + r * dc), min(rows - r, ROWS)
        soon = np.uintp(near + min(r // ROWS, VECTORS) * L)
        if h == ROWS and width == VECTORS * L:
            whole(a, left, b, depth, start, r, first, c, to, dc, h, width, source, taps, k, soon)
        elif h <= 4 < ROWS:
            low(a, left, b, depth, start, r, first, c, to, dc, h, width, source, taps, k, soon)
        elif width > 2 * L:
            three(a, left, b, depth, start, r, first, c, to, dc, h, width, source, taps, k, soon)
        elif width > L:
            two(a, left, b, depth, start, r, first, c, to, dc, h, width, source, taps, k, soon)
        else:
            one(a, left, b, depth, start, r, first, c, to, dc, h, width, source, taps, k, soon)
