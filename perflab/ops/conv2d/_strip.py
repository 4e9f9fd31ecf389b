"""Tiles of a matrix product in registers: eight rows of the left matrix times a panel of the right one.

The panel, [depth][up to 3 vectors], lies in the first cache and serves all rows of the left matrix, which come
from the second. A row's and a step's distance in the left matrix are arguments, so that packed filters
(eight numbers of a step side by side) and rows of columns (a row's steps side by side) do alike.
"""

from numba import njit

from .._simd import lanes, load, load_part, outer, spread, store, store_part
from ._bands import OPTIONS

VECTORS = 3  # 8 × 3 registers of sums


def kernel(rows, vectors):
    @njit(**OPTIONS)
    def sum_tile(a, at, ar, ak, b, db, depth, start, st, first, c, ct, dc, h, w):
        """c's tile, whose first h rows and w columns exist, = (start or itself) + a·b."""
        L = lanes(c)
        whole = h >= rows and w >= vectors * L
        if first:
            acc = spread(start, st, 1, rows, vectors)
        elif whole:
            acc = load(c, ct, dc, rows, vectors)
        else:
            acc = load_part(c, ct, dc, rows, vectors, h, w)
        bt = 0
        for _ in range(depth):
            acc = outer(acc, a, at, ar, b, bt, L)
            at += ak
            bt += db
        if whole:
            store(acc, c, ct, dc)
        else:
            store_part(acc, c, ct, dc, h, w)

    return sum_tile


three, two, one, low = kernel(8, 3), kernel(8, 2), kernel(8, 1), kernel(4, 3)


@njit(**OPTIONS)
def strip(a, at, step, ar, ak, b, db, depth, start, first, c, ct, dc, rows, width):
    """c[ct + r·dc : … + width] = (start[r] or itself) + a·b; `step` is a's way from a row to the next."""
    L = lanes(c)
    for r in range(0, rows, 8):
        place, to = at + r * step, ct + r * dc
        if rows - r <= 4:
            low(a, place, ar, ak, b, db, depth, start, r, first, c, to, dc, rows - r, width)
        elif width > 2 * L:
            three(a, place, ar, ak, b, db, depth, start, r, first, c, to, dc, rows - r, width)
        elif width > L:
            two(a, place, ar, ak, b, db, depth, start, r, first, c, to, dc, rows - r, width)
        else:
            one(a, place, ar, ak, b, db, depth, start, r, first, c, to, dc, rows - r, width)
