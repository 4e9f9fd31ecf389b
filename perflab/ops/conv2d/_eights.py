"""Filters in the order in which tiles of a product read them: by eights, a tap's eight numbers together."""

import numpy as np
from numba import njit

from .._simd import lanes, store, store_part
from ..fully_connected._turned import load_turned
from ._bands import OPTIONS


@njit(**OPTIONS)
def pack_eights(w, across, sources, first, last, out, at):
    """out[at + r//8·8·taps + k·8 + r%8] = w[r·across + sources[k]], first ≤ r < last; zeros up to eight."""
    L, taps = lanes(w), sources.size
    for row in range(first, last, 8):
        high, k = min(8, last - row), 0
        while k < taps:
            to, source = np.uintp(at + row * taps + k * 8), np.uintp(row * across + sources[k])
            if row + max(8, L) <= last and k + L <= taps and sources[k + L - 1] - sources[k] == L - 1:
                for r in range(0, 8, L):  # L taps of L rows, transposed
                    square = load_turned(w, source + np.uintp(r * across), across, L)
                    if L <= 8:
                        store(square, out, to + np.uintp(r), 8)
                    else:
                        store_part(square, out, to, 8, L, 8)
                k += L
            else:
                for r in range(np.uintp(high)):
                    out[to + r] = w[source + r * np.uintp(across)]
                for r in range(np.uintp(high), np.uintp(8)):
                    out[to + r] = 0
                k += 1
