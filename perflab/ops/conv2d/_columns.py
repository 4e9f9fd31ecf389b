"""Columns of the convolution's right matrix, computed just before a product uses them, and not stored."""

import numpy as np
from numba import njit, prange

from .._arrays import rows_of
from .._simd import lanes, load, store, store_part
from .._threads import parallel
from ._bands import OPTIONS, cut_out
from ._borrowed import borrowed
from ._lay import lay, room
from ._strip import VECTORS, strip

TAPS = 192  # this many of a panel fit into the L1 cache, beside the numbers of eight filters
_work = {}


def record(bands):
    """The plan as an array: one argument of a compiled function instead of twenty."""
    return np.array([tuple(map(int, bands))], [(name, np.int64) for name in bands._fields])


def split(size, most):
    """The length of equal parts of at most this length."""
    return max(1, -(-size // max(1, -(-size // most))))


@njit(**OPTIONS)
def trace(b, rows, L, pieces):
    """An image's positions in turn: (place, length, start) of each run within one row and one vector.

    Rows without gaps between them are one row, and its pieces as long as a panel.
    """
    rows, OW, most = (1, rows * b.OW, VECTORS * L) if b.S == b.OW else (rows, b.OW, L)
    place = count = 0
    for i in range(rows):
        j = 0
        while j < OW:
            length = min(OW - j, most - place % most)
            for at, number in enumerate((place, length, i * b.S + j)):  # a row at once takes 2 s to compile
                pieces[count, at] = number
            place, count, j = place + length, count + 1, j + length
    return count


@njit(**OPTIONS)
def columns(band, base, offsets, first, last, pieces, count, piece, p, width, to):
    """to[(k − first)·width + i] = tap k of position p + i; returns the piece where the next call starts."""
    L, pitch = lanes(band), np.uintp(width)
    while piece < count and pieces[piece, 0] < p + width:
        place, length, start = pieces[piece]
        at, start = np.uintp(place - p), np.uintp(start + base)
        if length > L:
            for k in range(np.uintp(first), np.uintp(last)):
                store_part(load(band, offsets[k] + start, 0, 1, VECTORS), to, at, 0, 1, length)
                at += pitch
        elif length == L:
            for k in range(np.uintp(first), np.uintp(last)):
                store(load(band, offsets[k] + start, 0, 1, 1), to, at, 0)
                at += pitch
        else:
            for k in range(np.uintp(first), np.uintp(last)):
                store_part(load(band, offsets[k] + start, 0, 1, 1), to, at, 0, 1, length)
                at += pitch
        piece += 1
    return piece


@njit(**OPTIONS)
def work(plan, x, w, offsets, bias, out, depth, buffer, thread, threads):
    """One thread's tasks: fill a band; for every panel of positions compute the columns and multiply."""
    b, L = plan[0], lanes(x)
    (_, F, OH, OW), wide, K = out.shape, VECTORS * L, offsets.size - depth
    flat, tasks = borrowed(out.reshape(-1)), b.groups * b.cuts
    w, bias, x, offsets = borrowed(w), borrowed(bias), borrowed(x), borrowed(offsets)
    panel, buffer = borrowed(buffer[: TAPS * wide]), borrowed(buffer[TAPS * wide :])
    pieces = np.empty((b.rows * (OW // L + 2) + 2, 3), np.int64)
    for task in range(thread * tasks // threads, (thread + 1) * tasks // threads):
        n, images, top, rows = cut_out(b, task)
        if images * rows == 0:
            continue
        band, base = lay(b, x, buffer, n, images, top, rows)
        count = trace(b, rows, L, pieces)
        pieces[count, 2] = pieces[0, 2]
        for m in range(images):
            here, ct, begun = base + m * b.tall * b.S, ((n + m) * F * OH + top) * OW, 0
            for p in range(0, rows * OW, wide):
                size, piece = min(wide, rows * OW - p), begun
                for k in range(0, max(K, 1), depth):
                    taps = min(depth, K - k)
                    begun = columns(band, here, offsets, k, k + taps, pieces, count, piece, p, wide, panel)
                    soon, near = (k + taps, piece) if k + taps < K else (0, begun)
                    ahead = band, offsets, soon, here + pieces[near, 2]
                    strip(w, k * 8, K, panel, taps, bias, k == 0, flat, ct + p, OH * OW, F, size, ahead)


@parallel(**OPTIONS)
def share(plan, x, w, offsets, bias, out, depth, buffers, threads):
    for thread in prange(threads):
        work(plan, x, w, offsets, bias, out, depth, buffers[thread], thread, threads)


def correlate(b, x, w, offsets, bias, out, threads):
    """out[n, f] = bias[f] + Σ w[f] · columns; w packed by eights of filters."""
    size, depth = TAPS * VECTORS * 16 + room(b, 16) + 64, split(offsets.size, TAPS)
    buffers = rows_of(_work, x.dtype, threads, size)
    offsets = np.append(offsets, np.zeros(depth, offsets.dtype))  # one more panel, only prefetched
    share(record(b), x, w, offsets, bias, out, depth, buffers, threads)
