"""One packed block times another, tile by tile: a tile's sums stay in registers for the block's whole depth.

A panel of the left block, as high as a tile, is small and stays in L1 while all panels of the right block,
which lie in L2, pass by. Along the way the tiles of the output follow one another along memory.
"""

import numpy as np
from numba import njit

from .._simd import REGISTERS, lanes, load, outer, prefetch, store

ROWS, VECTORS = (14 if REGISTERS == 32 else 6), 2  # a tile's sums leave room for two of b and one of a
LOW = 64 % ROWS  # rows of a last tile that has a kernel of its own


def kernel(rows):
    """The sum for a tile of so many rows; a's panels are ROWS high whatever the tile is."""

    @njit(cache=True, error_model="numpy")
    def sum_tile(a, at, b, bt, db, depth, start, st, ds, c, ct, dc):
        """One tile, c = start + a·b; `start` may be c itself, or one row for all when ds = 0."""
        L = np.uintp(lanes(c))
        acc = load(start, st, ds, rows, VECTORS)
        for _ in range(depth):
            acc = outer(acc, a, at, 1, b, bt, L)
            for v in range(VECTORS):  # b comes from L2, eight steps ahead of its use
                prefetch(b, bt + np.uintp(8) * db + np.uintp(v) * L)
            at += np.uintp(ROWS)
            bt += db
        store(acc, c, ct, dc)

    return sum_tile


sum_high, sum_low = kernel(ROWS), kernel(LOW)


@njit(cache=True, error_model="numpy")
def sweep(left, right, bt, panel, db, depth, start, ds, c, dc, n0, n1, m0, m1, edge):
    """Rows n0 … n1, columns m0 … m1 of c = start + left·right; `panel` is the way to right's next one."""
    wide = VECTORS * lanes(c)
    for n in range(n0, n1, ROWS):
        for m in range(m0, m1, wide):
            at, to, st, ct = (n - n0) * depth, bt + (m - m0) // wide * panel, n * ds + m, n * dc + m
            h, w = min(ROWS, n1 - n), min(wide, m1 - m)
            soon = np.uintp((n - n0 + ROWS + (m - m0) // wide) * depth)
            for k in range(0, depth, lanes(c)):  # each tile fetches a part of the left block's next panel
                prefetch(left, soon + np.uintp(k))
            if w == wide and h == ROWS:
                sum_high(left, at, right, to, np.uintp(db), depth, start, st, ds, c, ct, dc)
                continue
            if w == wide and h == LOW:
                sum_low(left, at, right, to, np.uintp(db), depth, start, st, ds, c, ct, dc)
                continue
            for r in range(h):  # a tile that hangs over the edge is summed beside the matrix
                for i in range(w):
                    edge[r * wide + i] = start[st + r * ds + i]
            sum_high(left, at, right, to, np.uintp(db), depth, edge, 0, wide, edge, 0, wide)
            for r in range(h):
                for i in range(w):
                    c[ct + r * dc + i] = edge[r * wide + i]
