"""A few samples through all steps, forward or back: a tile of sums starts from what is known and ends as a state.

The weights lie in panels as wide as a tile, each row by row; they are read again in every step, from the cache.
The samples' states lie by themselves, one after another, where a step finds all of them at once.
"""

from functools import cache

import numpy as np
from numba import njit

from .._arrays import aligned
from .._simd import LANES, REGISTERS, lanes, load_part, outer, store, store_part
from ._tanh import tanh

TALL = (
    (8, 2) if REGISTERS == 32 else (4, 2)
)  # rows × vectors of a tile: chains enough, and room for the factors


def panels(W, transposed, vectors):
    """W, or its transpose, of H rows in panels of some vectors: (panels, H, width), zeros at the end."""
    H, wide = len(W), vectors * LANES[W.dtype]
    out = aligned((-(-H // wide), H, wide), W.dtype)
    whole = np.zeros((H, out.shape[0] * wide), W.dtype)
    whole[:, :H] = W.T if transposed else W
    out[:] = whole.reshape(H, -1, wide).transpose(1, 0, 2)
    return out


def states(h0, rows, width):
    """Two states of every sample, the first of them h0, with room for whole tiles: (2, N rounded up, width)."""
    out = aligned((2, -(-len(h0) // rows) * rows, width), h0.dtype)
    out[0] = 0
    out[0, : len(h0), : h0.shape[1]] = h0
    return out


@cache
def steps_of(rows, vectors):
    """The two kernels for tiles of so many rows; each takes the samples from n to n + rows."""

    @njit(cache=True, error_model="numpy")
    def forwards(h, W, s, n):
        """In h is what each step starts from, in s[0] the state before the first; in h then are the states."""
        (N, T, H), (count, _, wide), L = h.shape, W.shape, lanes(h)
        flat, w, state = h.reshape(-1), W.reshape(-1), s.reshape(-1)
        height, width, far = N - n, s.shape[2], s.shape[1] * s.shape[2]
        for t in range(T):
            old, new = n * width + t % 2 * far, n * width + (t + 1) % 2 * far
            for p in range(count):
                at = (n * T + t) * H + p * wide
                acc = load_part(flat, at, T * H, rows, vectors, height, H - p * wide)
                a, b = np.uintp(old), np.uintp(p * H * wide)
                for _ in range(H):
                    acc = outer(acc, state, a, width, w, b, L)
                    a, b = a + np.uintp(1), b + np.uintp(wide)
                acc = tanh(acc)
                store_part(acc, flat, at, T * H, height, H - p * wide)
                store(acc, state, new + p * wide, width)

    @njit(cache=True, error_model="numpy")
    def backwards(dout, h, da, W, s, n):
        """Of the states h and their upstream gradient, the gradient da of the sums that tanh was taken of."""
        (N, T, H), (count, _, wide), L = h.shape, W.shape, lanes(h)
        d, k, out, w, state = dout.reshape(-1), h.reshape(-1), da.reshape(-1), W.reshape(-1), s.reshape(-1)
        height, width, far, one = N - n, s.shape[2], s.shape[1] * s.shape[2], h.dtype.type(1)
        for t in range(T - 1, -1, -1):
            old, new = n * width + t % 2 * far, n * width + (t + 1) % 2 * far
            for p in range(count):
                at = (n * T + t) * H + p * wide
                acc = load_part(d, at, T * H, rows, vectors, height, H - p * wide)
                a, b = np.uintp(old), np.uintp(p * H * wide)
                for _ in range(H if t < T - 1 else 0):
                    acc = outer(acc, state, a, width, w, b, L)
                    a, b = a + np.uintp(1), b + np.uintp(wide)
                held = load_part(k, at, T * H, rows, vectors, height, H - p * wide)
                acc = acc * (one - held * held)
                store_part(acc, out, at, T * H, height, H - p * wide)
                store(acc, state, new + p * wide, width)

    return forwards, backwards
