"""Winograd's convolution, a block of tiles at a time: transformed, multiplied, transformed back.

A block's transformed tiles stay in the L2 cache. At each of the n·n positions of a tile the sum over
channels is a matrix product, tiles × C times C × F. A worker needs memory for one block only.
"""

import numpy as np
from numba import get_num_threads, njit

from .._named import named
from .._simd import LANES, REGISTERS, lanes, outer, store, tile
from .._spread import spread, threads
from ._lanes import from_lanes, to_lanes
from ._tiles import split, transformed, whole, workspace
from ._transforms import transform_output, transform_weights

ROWS = 14 if REGISTERS == 32 else 6  # times two registers: the sums of a product
# Tiles of n×n in a block: few enough for the cache, enough to use a weight often.
TILES = {4: 6 * ROWS, 6: 2 * ROWS}


def convolve(m, x, w, b, pad, turned=False):
    """The output of x; or, flipped, dx of dout, where C and F are exchanged and the taps are reversed."""
    N, C, H, W = x.shape
    F, r, L = w.shape[1 if turned else 0], w.shape[2], LANES[x.dtype]
    n, OH, OW = m + r - 1, H + 2 * pad[0] - r + 1, W + 2 * pad[1] - r + 1
    TH, TW = -(-OH // m), -(-OW // m)
    workers, count = split(N * TH, TW, TILES[n], get_num_threads())
    tiles = -(-count * TW // ROWS) * ROWS
    u, v = workspace(1, n**2 * C * whole(F, x.dtype), x.dtype)[0], n**2 * tiles * whole(C, x.dtype)
    v, y = workspace(workers, v, x.dtype), workspace(workers, n**2 * tiles * 2 * L, x.dtype)
    scratch = workspace(workers, max(n * (TW * m + r - 1), r * r) * L + L * L, x.dtype)
    bias, out = np.zeros(whole(F, x.dtype), x.dtype), np.empty((N, F, OH, OW), x.dtype)
    if b is not None:
        bias[:F] = b
    every = threads(workers)
    some_weights(*every, m, r, w, turned, u, scratch)
    some_blocks(*every, m, r, x, bias, out, pad[0], pad[1], count, u, v, y, scratch)
    return out


@njit(cache=True, error_model="numpy")
def some_blocks(loop, k, workers, m, r, x, b, out, pad_h, pad_w, count, u, v, y, scratch):
    """A worker's rows of tiles, `count` at a time."""
    if spread(loop, workers):
        return
    L, size = lanes(x), (m + r - 1) ** 2
    (N, C), (F, OH, OW) = x.shape[:2], out.shape[1:]
    TH, TW = (OH + m - 1) // m, (OW + m - 1) // m
    v, y, scratch = v[k], y[k], scratch[k]
    last = N * TH * (k + 1) // workers
    for row in range(N * TH * k // workers, last, count):
        here = min(count, last - row)
        tiles = (here * TW + ROWS - 1) // ROWS * ROWS
        transformed(x, m, r, False, row, here, 0, C, TH, TW, pad_h, pad_w, v, tiles, scratch)
        for f in range(0, F, 2 * L):
            if F - f > L:
                whole_panel(v, u, f * size * C, y, C, tiles, size)
            else:
                half_panel(v, u, f * size * C, y, C, tiles, size)
            transformed_back(y, m, r, f, row, here, TH, TW, b, out, tiles, scratch)


@njit(cache=True, error_model="numpy")
def some_weights(loop, k, workers, m, r, w, turned, u, scratch):
    """Every so manieth channel of G w Gᵀ, to u (panels of F, positions, C, filters of a panel)."""
    if spread(loop, workers):
        return
    L, n, taps, scratch = lanes(w), m + r - 1, r * r, scratch[k]
    (F, C), across, along = w.shape[:2], w.shape[1] * taps, taps
    start, step = 0, L
    if turned:
        F, C, across, along = C, F, along, across
        start, step = (taps - 1) * L, -L
    for f in range(0, F, L):
        for c in range(k, C, workers):
            for q in range(0, taps, L):
                to_lanes(w, f * across + c * along + q, across, F - f, taps - q, scratch, q * L)
            at, position = (f // (2 * L) * n * n * C + c) * 2 * L + f % (2 * L), C * 2 * L
            transform_weights(m, r, scratch, start, r * step, step, u, at, n * position, position)


def kernel(vectors):
    """One panel of filters, or the half that is wanted: tiles × C times C × panel, at each position."""

    @named(vectors, error_model="numpy")
    def products(v, u, at, y, C, tiles, size):
        """To y (positions, tiles, panel)."""
        L = lanes(v)
        P, panels = np.uintp(2 * L), (C + 2 * L - 1) // (2 * L)
        for position in range(size):
            for t in range(0, tiles, ROWS):
                acc, ut = tile(v, ROWS, vectors), np.uintp(at + position * C * 2 * L)
                for c in range(panels):
                    vt = np.uintp(((position * panels + c) * tiles + t) * 2 * L)
                    for _ in range(np.uintp(min(2 * L, C - c * 2 * L))):
                        acc = outer(acc, v, vt, P, u, ut, L)
                        vt += np.uintp(1)
                        ut += P
                store(acc, y, (position * tiles + t) * 2 * L, 2 * L)

    return products


whole_panel, half_panel = kernel(2), kernel(1)


@njit(error_model="numpy")
def transformed_back(y, m, r, f, first, count, TH, TW, b, out, tiles, scratch):
    """A panel of filters of y, to `count` rows of tiles of out, and the bias to it."""
    L = lanes(y)
    N, F, OH, OW = out.shape
    position, width, below = tiles * 2 * L, TW * m, (m + r - 1) * tiles * 2 * L
    for strip in range(count):
        n, i = divmod(first + strip, TH)
        for half in range(f, min(f + 2 * L, F), L):
            for t in range(TW):
                at = (strip * TW + t) * 2 * L + half - f
                transform_output(m, r, y, at, below, position, scratch, t * m * L, width * L, L)
            for row in range(min(m, OH - i * m)):
                to = ((n * F + half) * OH + i * m + row) * OW
                for q in range(0, OW, L):
                    at = (row * width + q) * L
                    from_lanes(scratch, at, b, half, out, to + q, OH * OW, F - half, OW - q)
