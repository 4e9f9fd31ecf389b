"""Tiles of a matrix product in registers: eight rows of the left matrix times a panel of the right one.

The panel, [depth][3 vectors], lies in the first cache and serves all rows of the left matrix, which come from
the second, eight numbers of a step side by side.
"""

import numpy as np
from numba import njit

from .._simd import lanes, load_part, outer, spread, store_part
from ._bands import OPTIONS

VECTORS = 3  # 8 × 3 registers of sums


def kernel(rows, vectors):
    @njit(**OPTIONS)
    def sum_tile(a, at, b, depth, start, st, first, c, ct, dc, h, w):
        """A tile of c, whose first h rows and w columns exist, = (start or itself) + a·b."""
        L, bt = np.uintp(lanes(c)), np.uintp(0)
        if first:  # each way has a loop of its own: sums that two ways share would pass through memory
            acc = spread(start, st, 1, rows, vectors)
            for _ in range(depth):
                acc = outer(acc, a, at, 1, b, bt, L)
                at += np.uintp(8)
                bt += np.uintp(VECTORS) * L
            store_part(acc, c, ct, dc, h, w)
        else:
            acc = load_part(c, ct, dc, rows, vectors, h, w)
            for _ in range(depth):
                acc = outer(acc, a, at, 1, b, bt, L)
                at += np.uintp(8)
                bt += np.uintp(VECTORS) * L
            store_part(acc, c, ct, dc, h, w)

    return sum_tile


three, two, one, low = kernel(8, 3), kernel(8, 2), kernel(8, 1), kernel(4, 3)


@njit(**OPTIONS)
def strip(a, at, step, b, depth, start, first, c, ct, dc, rows, width):
    """c[ct + r·dc : … + width] = (start[r] or itself) + a·b; `step` is a's way from a row to the next."""
    L = lanes(c)
    for r in range(0, rows, 8):
        place, to = at + r * step, ct + r * dc
        if rows - r <= 4:
            low(a, place, b, depth, start, r, first, c, to, dc, rows - r, width)
        elif width > 2 * L:
            three(a, place, b, depth, start, r, first, c, to, dc, rows - r, width)
        elif width > L:
            two(a, place, b, depth, start, r, first, c, to, dc, rows - r, width)
        else:
            one(a, place, b, depth, start, r, first, c, to, dc, rows - r, width)
