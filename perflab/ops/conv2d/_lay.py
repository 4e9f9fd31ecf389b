"""Filling a band: rows of images with zeros around, split into the phases of the stride."""

import numpy as np
from numba import njit

from .._simd import lanes, load, load_part, prefetch, store
from ._bands import OPTIONS
from ._registers import every_fourth, unzipped


@njit(**OPTIONS)
def room(b, lanes):
    """How many numbers a band has that is not read where it is."""
    return (0 if b.as_is else b.C * b.PH * b.PW * b.plane) + 8 * lanes


@njit(**OPTIONS)
def lay(b, x, band, n, images, top, rows):
    """Rows top… of the images n…, and where they start; without padding and stride x is used directly."""
    if b.as_is:
        return x, (n * b.tall + top) * b.W
    copy(b, x, band, n, images, top, rows)
    return band, 0


@njit(**OPTIONS)
def copy(b, x, band, n, images, top, rows):
    """Row after row of each phase; the two column phases of a step of two come from one load."""
    together = 2 if b.across == b.PW == 2 else 1
    for c in range(b.C):
        for phase in range(0, b.PH * b.PW, together):
            at, up, first = (c * b.PH * b.PW + phase) * b.plane, phase // b.PW - b.up, phase % b.PW - b.left
            (lo, hi), (low, high) = inside(b, first), inside(b, first + 1)
            for m in range(images):
                for row in range(top, top + rows + b.halo):
                    h = b.down * row + up
                    if 0 <= h < b.H:
                        source = (((n + m) * b.C + c) * b.H + h) * b.W + first
                        line(b, x, source, together, band, at, lo, hi)
                        if together == 2:
                            if low < lo:
                                band[at + b.plane + low] = x[source + 2 * low + 1]
                            clear(band, at + b.plane, low, high, b.S)
                        clear(band, at, lo, hi, b.S)
                    else:
                        for other in range(together):
                            clear(band, at + other * b.plane, b.S, b.S, b.S)
                    at += b.S
                skipped = (b.tall - b.halo - rows) * b.S  # a cut may have one row less than another
                for other in range(together):
                    clear(band, at + other * b.plane, 0, 0, skipped)
                at += skipped
            end = (c * b.PH * b.PW + phase + 1) * b.plane
            for other in range(together):
                clear(band, at + other * b.plane, 0, 0, end - at)


@njit(forceinline=True, **OPTIONS)
def inside(b, first):
    """Which of the columns first, first + across, … are in the image: from … to."""
    lo = min(b.S, max(0, -(first // b.across)))
    return lo, max(lo, min(b.S, (b.W - 1 - first) // b.across + 1))


@njit(forceinline=True, **OPTIONS)
def clear(band, at, lo, hi, end):
    """Zeros at the places before lo and from hi on."""
    for j in range(lo):
        band[np.uintp(at + j)] = 0
    for j in range(hi, end):
        band[np.uintp(at + j)] = 0


@njit(forceinline=True, **OPTIONS)
def line(b, x, source, together, band, at, lo, hi):
    """band[at + j] = x[source + across·j] for lo ≤ j < hi, and anything up to a vector's end.

    The other phase of a step of two is stored as well, at the band's end if it is not wanted.
    """
    L, ahead = lanes(x), b.H * b.W
    if b.across == 1:
        for j in range(lo, hi, L):
            prefetch(x, source + j + ahead)
            if source + j + L <= x.size:
                store(load(x, source + j, 0, 1, 1), band, at + j, 0)
            else:
                store(load_part(x, source + j, 0, 1, 1, 1, hi - j), band, at + j, 0)
    elif b.across == 2:
        for j in range(lo, hi, L):
            place = source + 2 * j
            prefetch(x, place + ahead)
            prefetch(x, place + ahead + L)
            if place + 2 * L <= x.size:
                pair = unzipped(load(x, place, 0, 1, 2))
            else:
                pair = unzipped(load_part(x, place, 0, 1, 2, 1, x.size - place))
            store(pair, band, at + j, b.plane if together == 2 else band.size - L - at - j)
    elif b.across == 4:
        for j in range(lo, hi, L):
            place = source + 4 * j
            if place + 4 * L <= x.size:
                store(every_fourth(load(x, place, 0, 1, 4)), band, at + j, 0)
            else:
                store(every_fourth(load_part(x, place, 0, 1, 4, 1, x.size - place)), band, at + j, 0)
    else:
        for j in range(lo, hi):
            band[np.uintp(at + j)] = x[np.uintp(source + b.across * j)]
