"""Laying out a band: rows of images with zeros around, split into the phases of the stride."""

import numpy as np
from numba import njit

from .._simd import BYTES, load, load_part, prefetch, store
from ._bands import OPTIONS
from ._registers import evens


@njit(**OPTIONS)
def room(b, lanes):
    """How many numbers a band takes."""
    return b.images * b.tall * b.W + 8 * lanes if b.as_is else b.C * b.PH * b.PW * b.plane + 8 * lanes


@njit(**OPTIONS)
def lay(b, x, band, n, images, top, rows):
    """Rows top… of the images n…, and where they start; without padding and stride x serves as it is."""
    if not b.as_is:
        copy(b, x, band, n, images, top, rows)
        return band, 0
    first, last = n * b.tall, (n + images) * b.tall - b.H + top + rows + b.halo
    if last * b.W + 3 * BYTES // x.itemsize <= x.size:
        return x, (first + top) * b.W
    size = x.size - first * b.W
    band[:size] = x[first * b.W :]
    band[size:] = 0
    return band, top * b.W


@njit(**OPTIONS)
def copy(b, x, band, n, images, top, rows):
    for c in range(b.C):
        for phase in range(b.PH * b.PW):
            at = np.uintp((c * b.PH * b.PW + phase) * b.plane)
            first = phase % b.PW - b.left
            lo = min(b.S, max(0, -(first // b.across)))
            hi = max(lo, min(b.S, (b.W - 1 - first) // b.across + 1))
            for m in range(images):
                for row in range(top, top + rows + b.halo):
                    h = b.down * row + phase // b.PW - b.up
                    stop = hi if 0 <= h < b.H else lo
                    for j in range(lo):
                        band[at + np.uintp(j)] = 0
                    source = (((n + m) * b.C + c) * b.H + h) * b.W + first
                    line(x, source, b.across, b.H * b.W, band, at, lo, stop)
                    for j in range(stop, b.S):
                        band[at + np.uintp(j)] = 0
                    at += np.uintp(b.S)
            end = np.uintp((c * b.PH * b.PW + phase + 1) * b.plane)
            while at < end:
                band[at] = 0
                at += np.uintp(1)


@njit(**OPTIONS)
def line(x, source, across, ahead, band, at, lo, hi):
    """band[at + j] = x[source + across·j] for lo ≤ j < hi, and anything up to a vector's end."""
    lanes = BYTES // x.itemsize
    if across == 1:
        for j in range(lo, hi, lanes):
            prefetch(x, source + j + ahead)
            if source + j + lanes <= x.size:
                store(load(x, source + j, 0, 1, 1), band, at + np.uintp(j), 0)
            else:
                store(load_part(x, source + j, 0, 1, 1, 1, hi - j), band, at + np.uintp(j), 0)
    elif across == 2:
        for j in range(lo, hi, lanes):
            prefetch(x, source + 2 * j + ahead)
            prefetch(x, source + 2 * j + ahead + lanes)
            if source + 2 * (j + lanes) <= x.size:
                store(evens(load(x, source + 2 * j, 0, 1, 2)), band, at + np.uintp(j), 0)
            else:
                pair = load_part(x, source + 2 * j, 0, 1, 2, 1, 2 * (hi - j) - 1)
                store(evens(pair), band, at + np.uintp(j), 0)
    else:
        for j in range(lo, hi):
            band[at + np.uintp(j)] = x[source + across * j]
