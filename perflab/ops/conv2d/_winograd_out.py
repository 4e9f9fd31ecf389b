"""Winograd's 3×3 convolution, a block of tiles at a time: transformed, multiplied, transformed back.

A block's transformed tiles stay in the L2 cache. At each of the n·n positions of a tile the sum over
channels is a matrix product, tiles × C times C × F. A worker needs memory for one block only.
"""

import numpy as np
from numba import get_num_threads, njit

from .._simd import LANES, REGISTERS, lanes, outer, store, tile
from .._spread import spread, threads
from ._lanes import from_lanes, to_lanes
from ._tiles import split, transformed, whole, workspace
from ._transforms import transform_output, transform_weights

ROWS = 14 if REGISTERS == 32 else 6  # times two registers: the sums of a product
TILES = {2: 6 * ROWS, 4: 2 * ROWS}  # of a block: few enough for the cache, enough to use a weight often


def convolve(m, x, w, b, pad, turned=False):
    """The output of x; or, flipped, dx of dout, where C and F are exchanged and the taps are reversed."""
    N, C, H, W = x.shape
    F, L, size = w.shape[1 if turned else 0], LANES[x.dtype], (m + 2) ** 2
    OH, OW = H + 2 * pad[0] - 2, W + 2 * pad[1] - 2
    TH, TW = -(-OH // m), -(-OW // m)
    workers, count = split(N * TH, TW, TILES[m], get_num_threads())
    tiles = -(-count * TW // ROWS) * ROWS
    u, v = workspace(1, size * C * whole(F, x.dtype), x.dtype)[0], size * tiles * whole(C, x.dtype)
    v, y = workspace(workers, v, x.dtype), workspace(workers, size * tiles * 2 * L, x.dtype)
    scratch = workspace(workers, max((m + 2) * (TW * m + 2), 9) * L + L * L, x.dtype)
    bias, out = np.zeros(whole(F, x.dtype), x.dtype), np.empty((N, F, OH, OW), x.dtype)
    if b is not None:
        bias[:F] = b
    every = threads(workers)
    some_weights(*every, m, w, turned, u, scratch)
    some_blocks(*every, m, x, bias, out, pad[0], pad[1], count, u, v, y, scratch)
    return out


@njit(cache=True, error_model="numpy")
def some_blocks(loop, k, workers, m, x, b, out, pad_h, pad_w, count, u, v, y, scratch):
    """A worker's rows of tiles, `count` at a time."""
    if spread(loop, workers):
        return
    L, size = lanes(x), (m + 2) * (m + 2)
    (N, C), (F, OH, OW) = x.shape[:2], out.shape[1:]
    TH, TW = (OH + m - 1) // m, (OW + m - 1) // m
    v, y, scratch = v[k], y[k], scratch[k]
    last = N * TH * (k + 1) // workers
    for row in range(N * TH * k // workers, last, count):
        here = min(count, last - row)
        tiles = (here * TW + ROWS - 1) // ROWS * ROWS
        transformed(x, m, False, row, here, 0, C, TH, TW, pad_h, pad_w, v, tiles, scratch)
        for f in range(0, F, 2 * L):
            products(v, u, f * size * C, y, C, tiles, size)
            transformed_back(y, m, f, row, here, TH, TW, b, out, tiles, scratch)


@njit(cache=True, error_model="numpy")
def some_weights(loop, k, workers, m, w, turned, u, scratch):
    """Every so manieth channel of G w Gᵀ, to u (panels of F, positions, C, filters of a panel)."""
    if spread(loop, workers):
        return
    L, size, scratch = lanes(w), (m + 2) * (m + 2), scratch[k]
    (F, C), across, along = w.shape[:2], w.shape[1] * 9, 9
    start, step = 0, L
    if turned:
        F, C, across, along = C, F, along, across
        start, step = 8 * L, -L
    for f in range(0, F, L):
        for c in range(k, C, workers):
            for q in range(0, 9, L):
                to_lanes(w, f * across + c * along + q, across, F - f, 9 - q, scratch, q * L)
            at, position = (f // (2 * L) * size * C + c) * 2 * L + f % (2 * L), C * 2 * L
            transform_weights(m, scratch, start, 3 * step, step, u, at, (m + 2) * position, position)


@njit(error_model="numpy")
def products(v, u, at, y, C, tiles, size):
    """One panel of filters: at each position tiles × C times C × panel, to y (positions, tiles, panel)."""
    L = lanes(v)
    P, panels = np.uintp(2 * L), (C + 2 * L - 1) // (2 * L)
    for position in range(size):
        for t in range(0, tiles, ROWS):
            acc, ut = tile(v, ROWS, 2), np.uintp(at + position * C * 2 * L)
            for c in range(panels):
                vt = np.uintp(((position * panels + c) * tiles + t) * 2 * L)
                for _ in range(np.uintp(min(2 * L, C - c * 2 * L))):
                    acc = outer(acc, v, vt, P, u, ut, L)
                    vt += np.uintp(1)
                    ut += P
            store(acc, y, (position * tiles + t) * 2 * L, 2 * L)


@njit(error_model="numpy")
def transformed_back(y, m, f, first, count, TH, TW, b, out, tiles, scratch):
    """A panel of filters of y, to `count` rows of tiles of out, and the bias to it."""
    L = lanes(y)
    N, F, OH, OW = out.shape
    position, width = tiles * 2 * L, TW * m
    for strip in range(count):
        n, i = divmod(first + strip, TH)
        for half in range(f, min(f + 2 * L, F), L):
            for t in range(TW):
                at = (strip * TW + t) * 2 * L + half - f
                transform_output(m, y, at, (m + 2) * position, position, scratch, t * m * L, width * L, L)
            for row in range(min(m, OH - i * m)):
                to = ((n * F + half) * OH + i * m + row) * OW
                for q in range(0, OW, L):
                    at = (row * width + q) * L
                    from_lanes(scratch, at, b, half, out, to + q, OH * OW, F - half, OW - q)
