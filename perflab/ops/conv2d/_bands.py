"""Bands of rows of a batch of images, stored so that a tap of the kernel is one offset.

The images (N,C,H,W) are read on a grid of OH·OW positions: tap (u,v) of position (i,j) is the pixel
(i·stride + u − before, j·stride + v − before), zero outside. A band contains some rows of one image, or some
small images, with zeros around them. A stride splits it into phases, so that neighbours on the grid are
neighbours in memory. The zeros after a row are also the zeros before the next row.
"""

from collections import namedtuple

import numpy as np
from numba import njit

from .._simd import BYTES

BUDGET = 900_000
FIELDS = "N C H W OH OW down across up left PH PW halo cuts rows groups images S tall plane slots as_is"
Bands = namedtuple("Bands", FIELDS)
OPTIONS = {"error_model": "numpy", "cache": True}


def bands(shape, taps, stride, before, grid, weight, itemsize, threads, least=1):
    """The cut into tasks; `weight` is the number of results that a position has.

    Bands of small images have `least` positions, even where they need four times the memory.
    """
    (N, C, H, W), (HH, WW), (down, across), (up, left), (OH, OW) = shape, taps, stride, before, grid
    PH, PW = min(down, HH), min(across, WW)
    halo, reach = (HH - 1) // down, OW + (WW - 1) // across
    filled, free = (W - 1 + left) // across + 1, -((PW - 1 - left) // across)
    S = min(reach, max(OW, filled, reach - max(free, 0)))
    row, lanes = PH * PW * C * S + weight * OW, BYTES // itemsize
    room = BUDGET // itemsize
    cuts = min(max(OH, 1), max(1, -(-OH * row // room)))
    enough = min(-(-least // max(1, OH * OW)), 4 * room // max(1, row * OH))
    images = max(1, min(N, max(enough, room // max(1, row * OH))))

    as_is = stride == (1, 1) and before == (0, 0) and OH + HH <= H + 1 and OW + WW <= W + 1
    as_is = as_is and lanes <= (N - 1) * C * H * W + (OH - 1) * W + OW  # of positions, and after them

    def vectors(images, rows):  # those of the direct rung run over the padding, and begin again with an image
        return images * -(-rows * S // lanes) if weight else -(-images * rows * OW // lanes)

    if as_is and not weight:  # nothing is stored for a position: one band, of which threads have panels
        groups = cuts = 1
    else:
        groups, cuts = balanced(N, OH, -(-N // images), cuts, threads, vectors)
    rows, images = -(-OH // cuts), -(-N // max(groups, 1))
    tall = rows + halo
    plane = images * tall * S + reach - S + 2 * lanes
    plane = (-(-plane // lanes) | 1) * lanes
    if as_is:
        S, tall, plane = W, C * H, H * W
    slots = images * -(-rows * S // lanes) + 3
    cut = cuts, rows, groups, images
    return Bands(N, C, H, W, OH, OW, down, across, up, left, PH, PW, halo, *cut, S, tall, plane, slots, as_is)


def balanced(N, OH, groups, cuts, threads, vectors):
    """So many groups of images and cuts of each, or more: where the slowest thread has the fewest vectors."""

    def slowest(groups, cuts):
        images, rows = (np.diff(np.arange(k + 1) * n // max(k, 1)) for k, n in ((groups, N), (cuts, OH)))
        each = vectors(*np.meshgrid(images, rows, indexing="ij")).ravel()
        ends = np.cumsum([0, *each])[np.arange(threads + 1) * each.size // threads]
        return np.diff(ends).max()

    ways = [(groups, cuts), (groups + -groups % threads, cuts)]
    ways += [(N, more) for more in range(cuts, min(max(OH, 1), cuts + threads) + 1)]
    return min(ways, key=lambda way: slowest(*way))


def record(bands):
    """The plan as an array: one argument of a compiled function instead of twenty."""
    return np.array([tuple(map(int, bands))], [(name, np.int64) for name in bands._fields])


def offsets(b, C, us, vs):
    """The offsets of the taps us × vs of C channels, channel by channel."""
    phase = (us % b.down * b.PW)[:, np.newaxis] + vs % b.across
    inside = (us // b.down * b.S)[:, np.newaxis] + vs // b.across
    channels = np.arange(C)[:, np.newaxis, np.newaxis] * (b.PH * b.PW)
    return ((channels + phase) * b.plane + inside).ravel().astype(np.uintp)


@njit(**OPTIONS)
def cut_out(b, task):
    """The images and the rows of a task: first and how many."""
    group, cut = task // b.cuts, task % b.cuts
    n, top = group * b.N // b.groups, cut * b.OH // b.cuts
    return n, (group + 1) * b.N // b.groups - n, top, (cut + 1) * b.OH // b.cuts - top


@njit(**OPTIONS)
def cover(b, images, rows, lanes, starts, pieces):
    """Vectors that cover the grid, and their pieces of rows: (place, image, row, column, length, start)."""
    slot = count = 0
    for m in range(images):
        i = j = 0
        while i < rows:
            starts[slot] = (m * b.tall + i) * b.S + j
            end = starts[slot] + lanes
            while i < rows and (m * b.tall + i) * b.S + j < end:
                here = (m * b.tall + i) * b.S + j
                length = min(b.OW - j, end - here)
                piece = slot * lanes + here - starts[slot], m, i, j, length, here
                for at, number in enumerate(piece):  # assigning the whole row takes 2 s to compile
                    pieces[count, at] = number
                count += 1
                j += length
                if j == b.OW:
                    i, j = i + 1, 0
            slot += 1
    return slot, count
