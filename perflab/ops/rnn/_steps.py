"""A few samples through all steps, forward or backward: tiles of sums start from known terms, end as states.

The weights are stored in panels as wide as a tile, each row by row; every step reads them again, from the
cache. The samples' states are stored separately, one after another, where the next step reads them together.
"""

import numpy as np
from numba import njit

from .._arrays import aligned
from .._named import named
from .._simd import LANES, REGISTERS, lanes, load_part, outer, store, store_part
from .._spread import spread
from ._tanh import tanh

TALL, WIDE = ((8, 2), (4, 4)) if REGISTERS == 32 else ((4, 2), (2, 4))  # tiles: rows × vectors


def panels(W, vectors):
    """W (H,H) cut by columns into panels of some vectors: (panels, H, width), zeros beside the last one."""
    H, wide = len(W), vectors * LANES[W.dtype]
    whole = np.zeros((H, -(-H // wide) * wide), W.dtype)
    whole[:, :H] = W
    out = aligned((whole.shape[1] // wide, H, wide), W.dtype)
    out[:] = whole.reshape(H, len(out), wide).transpose(1, 0, 2)
    return out


def states(h0, rows, width):
    """Room for two states of each sample in whole tiles, the first state h0: (2, N rounded up, width)."""
    N, H = h0.shape
    out = aligned((2, -(-N // rows) * rows, width), h0.dtype)
    out[0] = 0
    out[0, :N, :H] = h0
    return out


def laid_out(h0, W, cores=1):
    """The samples' states from h0 on, the weights in panels, and how many samples a tile takes."""
    rows, vectors = TALL if len(h0) >= TALL[0] * cores else WIDE
    out = panels(W, vectors)
    return states(h0, rows, len(out) * out.shape[2]), out, rows


def steps_of(rows, vectors):
    """The two loops over time for tiles of so many rows and vectors, for the samples from n to n + rows."""

    @named(rows, vectors, cache=True, error_model="numpy")
    def tile_of(start, at, H, T, height, state, old, width, w, p, depth):
        """Sums from rows of `start`, T·H apart, plus `depth` numbers of the states at `old` times panel p."""
        L, one = lanes(w), np.uintp(1)
        wide = np.uintp(vectors * L)
        a, b = np.uintp(old), np.uintp(p * H) * wide
        acc = load_part(start, at, T * H, rows, vectors, height, H - p * vectors * L)
        if depth % 2:
            acc = outer(acc, state, a, width, w, b, L)
            a, b = a + one, b + wide
        for _ in range(depth // 2):
            acc = outer(acc, state, a, width, w, b, L)
            acc = outer(acc, state, a + one, width, w, b + wide, L)
            a, b = a + one + one, b + wide + wide
        return acc

    @named(rows, vectors, cache=True, error_model="numpy")
    def forwards(n, h, W, s):
        """In h is what each step starts from, in s[0] the first one's state; in h then are the states."""
        (N, T, H), wide, (_, room, width) = h.shape, W.shape[2], s.shape
        flat, w, state = h.reshape(-1), W.reshape(-1), s.reshape(-1)
        for t in range(T):
            old, new = (n + t % 2 * room) * width, (n + (t + 1) % 2 * room) * width
            for p in range(len(W)):
                at = (n * T + t) * H + p * wide
                acc = tanh(tile_of(flat, at, H, T, N - n, state, old, width, w, p, H))
                store_part(acc, flat, at, T * H, N - n, H - p * wide)
                store(acc, state, new + p * wide, width)

    @named(rows, vectors, cache=True, error_model="numpy")
    def backwards(n, dout, h, da, W, s):
        """From the states h and their upstream gradient to da, the gradient of the sums under tanh."""
        (N, T, H), wide, (_, room, width), one = h.shape, W.shape[2], s.shape, h.dtype.type(1)
        d, flat, out, w, state = dout.reshape(-1), h.reshape(-1), da.reshape(-1), W.reshape(-1), s.reshape(-1)
        for t in range(T - 1, -1, -1):
            old, new = (n + t % 2 * room) * width, (n + (t + 1) % 2 * room) * width
            depth = H if t < T - 1 else 0  # nothing comes back to the last step
            for p in range(len(W)):
                at, right = (n * T + t) * H + p * wide, H - p * wide
                acc = tile_of(d, at, H, T, N - n, state, old, width, w, p, depth)
                held = load_part(flat, at, T * H, rows, vectors, N - n, right)
                acc = acc * (one - held * held)
                store_part(acc, out, at, T * H, N - n, right)
                store(acc, state, new + p * wide, width)

    return forwards, backwards


tall_forwards, tall_backwards = steps_of(*TALL)
wide_forwards, wide_backwards = steps_of(*WIDE)


@njit(cache=True, error_model="numpy")
def forwards(loop, part, parts, h, s, W, rows):
    """All steps of a part's samples, some rows at a time."""
    if spread(loop, parts):
        return
    tiles = s.shape[1] // rows
    for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
        if rows == TALL[0]:
            tall_forwards(tile * rows, h, W, s)
        else:
            wide_forwards(tile * rows, h, W, s)


@njit(cache=True, error_model="numpy")
def backwards(loop, part, parts, dout, h, da, s, W, rows):
    """All steps of a part's samples, from the last to the first, some rows at a time."""
    if spread(loop, parts):
        return
    tiles = s.shape[1] // rows
    for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
        if rows == TALL[0]:
            tall_backwards(tile * rows, dout, h, da, W, s)
        else:
            wide_backwards(tile * rows, dout, h, da, W, s)
