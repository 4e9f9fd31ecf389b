"""One packed block times another, tile by tile: a tile's sums stay in registers for the block's whole depth.

Panels of both blocks are read in the order in which they are stored, which the hardware prefetcher
recognises: explicit prefetch instructions would only cost time. One round of the loop does two steps. The
tiles of the output follow one another in memory.
"""

from functools import cache as once

import numpy as np
from numba import njit

from .._calls import addresses
from .._named import named
from .._simd import REGISTERS, lanes, load, load_part, outer, store, store_part
from ._packing import pack

ROWS, VECTORS = (14 if REGISTERS == 32 else 6), 2  # a tile's sums leave room for two of b and one of a
LOW = 64 % ROWS  # rows of a lower tile; both together make up any even number that is not small


@njit(cache=True, error_model="numpy")
def tall(N):
    """How many of N rows go in tiles of ROWS, so that the others fill tiles of LOW, if possible."""
    for rows in range(N // ROWS * ROWS, -1, -ROWS):
        if (N + N % 2 - rows) % LOW == 0:
            return rows
    return N // ROWS * ROWS


@njit(inline="always")
def sum_tile(rows, a, at, ar, ac, b, bt, depth, start, st, ds, c, ct, dc):
    """One tile, c = start + a·b; `start` may be c itself, or one row for all when ds = 0."""
    L = np.uintp(lanes(c))
    db = np.uintp(VECTORS) * L
    acc = load(start, st, ds, rows, VECTORS)
    if depth % 2:
        acc = outer(acc, a, at, ar, b, bt, L)
        at, bt = at + ac, bt + db
    for _ in range(depth // 2):
        acc = outer(acc, a, at, ar, b, bt, L)
        acc = outer(acc, a, at + ac, ar, b, bt + db, L)
        at, bt = at + ac + ac, bt + db + db
    store(acc, c, ct, dc)


@njit(inline="always")
def sum_edge(rows, a, at, ar, ac, b, bt, depth, start, st, ds, c, ct, dc, h, w):
    """One vector's width of a tile, of which only h rows and w columns exist."""
    db = np.uintp(VECTORS * lanes(c))
    acc = load_part(start, st, ds, rows, 1, h, w)
    for _ in range(depth):
        acc = outer(acc, a, at, ar, b, bt, 0)
        at, bt = at + ac, bt + db
    store_part(acc, c, ct, dc, h, w)


def sweep_of(rows):
    """The sweep in tiles of this many rows; the left block's panels have the same height."""

    @named(rows, cache=True, error_model="numpy")
    def sweep(left, at, ar, ac, right, depth, start, ds, c, dc, n0, n1, m0, m1):
        """Rows n0 … n1, columns m0 … m1 of c = start + left·right; right is in panels.

        Row n0 of left begins at `at`. If ar = 1, left is in panels; if not, it has whole tiles only.
        """
        L, high, across, along = lanes(c), np.uintp(depth), np.uintp(ar), np.uintp(ac)
        wide = VECTORS * L
        if ar != 1:
            high = across
        for n in range(n0, n1, rows):
            first = np.uintp(at) + np.uintp(n - n0) * high
            for m in range(m0, m1, wide):
                to, st, ct = np.uintp((m - m0) * depth), n * ds + m, n * dc + m
                h, w = n1 - n, m1 - m
                if h >= rows and w >= wide:
                    sum_tile(rows, left, first, across, along, right, to, depth, start, st, ds, c, ct, dc)
                    continue
                for v in range(0, min(w, wide), L):
                    b0, s0, c0 = to + np.uintp(v), st + v, ct + v
                    sum_edge(
                        rows, left, first, across, along, right, b0, depth, start, s0, ds, c, c0, dc, h, w - v
                    )

    return sweep


sweep_tall, sweep_low = sweep_of(ROWS), sweep_of(LOW)


@once
def tiles(dtype):
    """The addresses of `pack` and of both sweeps."""
    swept = "aiiiaiaiaiiiii"
    return addresses(dtype, (pack, "aiiiiiia"), (sweep_tall, swept), (sweep_low, swept))
