"""Winograd's dw and db: the transforms of the forward pass, transposed, with the sum over tiles inside.

Every worker has its own rows of tiles and its own sums, which are added up in the order of the workers.
Where all these sums would be large, every worker has its own filters instead and processes all rows.
"""

import numpy as np
from numba import get_num_threads, njit

from .._named import named
from .._simd import BYTES, LANES, REGISTERS, lanes, load, outer, store, tile
from .._spread import spread, threads
from ._lanes import from_lanes
from ._tiles import split, transformed, whole, workspace
from ._transforms import transform_dw

# Channels, times two registers: the sums of a product. It divides a panel: 4 of float64 in 16-byte vectors.
DEEP = 8 if REGISTERS == 32 and BYTES > 16 else 4
TILES = {4: 84, 6: 40}  # n×n in a block: few enough for the cache, enough to read the sums rarely
LARGE = 16 << 20  # bytes of all workers' sums


def weight_gradient(m, r, x, dout, pad):
    (N, C), (F, OH, OW), L, n = x.shape[:2], dout.shape[1:], LANES[x.dtype], m + r - 1
    TH, TW = -(-OH // m), -(-OW // m)
    panels, most = whole(F, x.dtype) // (2 * L), get_num_threads()
    panel = n * n * whole(C, x.dtype) * 2 * L  # the sums of a panel of filters
    sharers = min(most, panels) if most * panels * panel * x.itemsize > LARGE else 1
    groups, count = split(N * TH, TW, TILES[n], most // sharers)
    workers, each = groups * sharers, -(-panels // sharers)
    v = workspace(workers, n * n * count * TW * whole(C, x.dtype), x.dtype)
    d = workspace(workers, n * n * count * TW * each * 2 * L, x.dtype)
    sums = workspace(workers, each * panel, x.dtype)
    scratch = workspace(workers, max(n * (TW * m + r - 1), r * r + n * n) * L + L * L, x.dtype)
    dw, db = np.zeros((F, C, r, r), x.dtype), np.zeros((groups, whole(F, x.dtype)), x.dtype)
    if N:
        every, zeros = threads(workers), np.zeros(L, x.dtype)
        some_sums(*every, m, r, x, dout, pad[0], pad[1], count, each * 2 * L, v, d, sums, db, scratch)
        some_kernels(*every, groups, each * 2 * L, m, r, sums, zeros, dw, scratch)
    return dw, db[:, :F].sum(axis=0)


@njit(cache=True, error_model="numpy")
def some_sums(loop, k, workers, m, r, x, dout, pad_h, pad_w, count, each, v, d, sums, db, scratch):
    """A worker's rows of tiles, `count` at a time, or the filters that it has of them."""
    if spread(loop, workers):
        return
    groups, size = len(db), (m + r - 1) ** 2
    (N, C), (F, OH, OW) = x.shape[:2], dout.shape[1:]
    TH, TW = (OH + m - 1) // m, (OW + m - 1) // m
    v, d, sums, scratch = v[k], d[k], sums[k], scratch[k]
    group, f = k * groups // workers, k % (workers // groups) * each
    own = max(0, min(F, f + each) - f)
    first, last = N * TH * group // groups, N * TH * (group + 1) // groups
    for row in range(first, last, count):
        here = min(count, last - row)
        transformed(x, m, r, False, row, here, 0, C, TH, TW, pad_h, pad_w, v, here * TW, scratch)
        transformed(dout, m, r, True, row, here, f, own, TH, TW, 0, 0, d, here * TW, scratch)
        add_products(v, d, sums, C, own, here * TW, size, row == first)
        add_upstream(d, db[group], f, own, here * TW, m + r - 1)


@njit(error_model="numpy")
def add_upstream(d, db, first, F, tiles, n):
    """Position (1, 1) belongs to the point 1, where the value of a tile of dout is its sum."""
    L = lanes(d)
    across = (F + 2 * L - 1) // (2 * L)
    for f in range(across):
        acc = load(db, first + f * 2 * L, 0, 1, 2)
        for t in range(tiles):
            acc = acc + load(d, (((n + 1) * across + f) * tiles + t) * 2 * L, 0, 1, 2)
        store(acc, db, first + f * 2 * L, 0)


def kernel(vectors):
    """The sums of one panel of filters, or of the half that is wanted, at one position."""

    @named(vectors, error_model="numpy", forceinline=True)
    def sum_panel(v, vt, d, dt, sums, at, C, tiles, fresh):
        L = lanes(v)
        P = np.uintp(2 * L)
        for c in range(0, C, DEEP):
            here, a = at + c * 2 * L, np.uintp(vt + c // (2 * L) * tiles * 2 * L + c % (2 * L))
            b = np.uintp(dt)
            acc = tile(v, DEEP, vectors) if fresh else load(sums, here, 2 * L, DEEP, vectors)
            for _ in range(np.uintp(tiles)):
                acc = outer(acc, v, a, np.uintp(1), d, b, L)
                a += P
                b += P
            store(acc, sums, here, 2 * L)

    return sum_panel


whole_panel, half_panel = kernel(2), kernel(1)


@njit(error_model="numpy")
def add_products(v, d, sums, C, F, tiles, size, fresh):
    """At each position C × tiles times tiles × F, to sums (panels of F, positions, C, panel)."""
    L = lanes(v)
    panels, across = (C + 2 * L - 1) // (2 * L), (F + 2 * L - 1) // (2 * L)
    for position in range(size):
        vt = position * panels * tiles * 2 * L
        for f in range(across):
            at, dt = (f * size + position) * panels * 4 * L * L, (position * across + f) * tiles * 2 * L
            if F - f * 2 * L > L:
                whole_panel(v, vt, d, dt, sums, at, C, tiles, fresh)
            else:
                half_panel(v, vt, d, dt, sums, at, C, tiles, fresh)


@njit(cache=True, error_model="numpy")
def some_kernels(loop, k, workers, groups, each, m, r, sums, zeros, dw, scratch):
    """A worker's share of the channels: all groups' sums, transformed back to r×r."""
    if spread(loop, workers):
        return
    L, n, taps, (F, C), scratch = lanes(dw), m + r - 1, r * r, dw.shape[:2], scratch[k]
    position = (C + 2 * L - 1) // (2 * L) * 4 * L * L
    after = (taps + L) * L
    for f in range(0, F, L):
        owner, own = divmod(f, each)
        for c in range(k, C, workers):
            at = own // (2 * L) * n * n * position + c * 2 * L + own % (2 * L)
            for p in range(n * n):
                acc = load(sums[owner], at + p * position, 0, 1, 1)
                for group in range(1, groups):
                    other = group * (workers // groups) + owner
                    acc = acc + load(sums[other], at + p * position, 0, 1, 1)
                store(acc, scratch, after + p * L, 0)
            transform_dw(m, r, scratch, after, n * L, L, scratch, 0, r * L, L)
            for q in range(0, taps, L):
                from_lanes(scratch, q * L, zeros, 0, dw, (f * C + c) * taps + q, C * taps, F - f, taps - q)
