"""One packed block times another, tile by tile: a tile's sums stay in registers for the block's whole depth.

Panels of both blocks are read in the order in which they are stored, which the hardware prefetcher
recognises: explicit prefetch instructions would only cost time. One round of the loop does two steps. The
tiles of the output follow one another in memory.
"""

import numpy as np
from numba import njit

from .._named import named
from .._simd import REGISTERS, lanes, load, load_part, outer, store, store_part

ROWS, VECTORS = (14 if REGISTERS == 32 else 6), 2  # a tile's sums leave room for two of b and one of a
LOW = 64 % ROWS  # rows of a lower tile; both together make up any even number that is not small


@njit(cache=True, error_model="numpy")
def tall(N):
    """How many of N rows go in tiles of ROWS, so that the others fill tiles of LOW, if possible."""
    for rows in range(N // ROWS * ROWS, -1, -ROWS):
        if (N + N % 2 - rows) % LOW == 0:
            return rows
    return N // ROWS * ROWS


def sweep_of(rows):
    """The sweep in tiles of this many rows; the left block's panels have the same height."""
    kernel = named(rows, cache=True, error_model="numpy")

    @kernel
    def sum_tile(a, at, b, bt, db, depth, start, st, ds, c, ct, dc):
        """One tile, c = start + a·b; `start` may be c itself, or one row for all when ds = 0."""
        L, high = np.uintp(lanes(c)), np.uintp(rows)
        acc = load(start, st, ds, rows, VECTORS)
        if depth % 2:  # first: a branch after the loop would make Numba count references around it
            acc = outer(acc, a, at, 1, b, bt, L)
            at, bt = at + high, bt + db
        for _ in range(depth // 2):
            acc = outer(acc, a, at, 1, b, bt, L)
            acc = outer(acc, a, at + high, 1, b, bt + db, L)
            at, bt = at + high + high, bt + db + db
        store(acc, c, ct, dc)

    @kernel
    def sum_edge(a, at, b, bt, db, depth, start, st, ds, c, ct, dc, h, w):
        """One vector's width of a tile, of which only h rows and w columns exist."""
        acc = load_part(start, st, ds, rows, 1, h, w)
        for _ in range(depth):
            acc = outer(acc, a, at, 1, b, bt, 0)
            at, bt = at + np.uintp(rows), bt + db
        store_part(acc, c, ct, dc, h, w)

    @kernel
    def sweep(left, right, bt, panel, db, depth, start, ds, c, dc, n0, n1, m0, m1):
        """Rows n0 … n1, columns m0 … m1 of c = start + left·right; `panel` is right's step between panels."""
        L, db = lanes(c), np.uintp(db)
        wide = VECTORS * L
        for n in range(n0, n1, rows):
            at = np.uintp((n - n0) * depth)
            for m in range(m0, m1, wide):
                to, st, ct = np.uintp(bt + (m - m0) // wide * panel), n * ds + m, n * dc + m
                h, w = n1 - n, m1 - m
                if h >= rows and w >= wide:
                    sum_tile(left, at, right, to, db, depth, start, st, ds, c, ct, dc)
                    continue
                for v in range(0, min(w, wide), L):
                    b0 = to + np.uintp(v)
                    sum_edge(left, at, right, b0, db, depth, start, st + v, ds, c, ct + v, dc, h, w - v)

    return sweep


sweep_tall, sweep_low = sweep_of(ROWS), sweep_of(LOW)
