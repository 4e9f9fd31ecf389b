"""Columns of the convolution's right matrix, made where and when a product wants them, and forgotten."""

import numpy as np
from numba import njit, prange

from .._arrays import rows_of
from .._simd import lanes, load, prefetch, store, store_part
from ._bands import OPTIONS, cut_out
from ._lay import lay, room
from ._strip import VECTORS, strip

TAPS = 192  # so many of a panel fit into the first cache, and eight filters' numbers beside them
_work = {}


def record(bands):
    """The plan as an array: to a compiled function with many arguments, one instead of twenty."""
    return np.array([tuple(map(int, bands))], [(name, np.int64) for name in bands._fields])


def split(size, most):
    """The length of equal parts of at most so many."""
    return max(1, -(-size // max(1, -(-size // most))))


@njit(**OPTIONS)
def trace(b, rows, L, pieces):
    """An image's positions in turn, in pieces of rows that lie in one vector: (place, length, start)."""
    place = count = 0
    for i in range(rows):
        j = 0
        while j < b.OW:
            length = min(b.OW - j, L - place % L)
            pieces[count] = place, length, i * b.S + j
            place, count, j = place + length, count + 1, j + length
    return count


@njit(**OPTIONS)
def columns(band, base, offsets, first, last, pieces, count, piece, p, width, to, pitch):
    """to[(k − first)·pitch + i] = tap k of position p + i; returns the piece with which to go on."""
    L = lanes(band)
    while piece < count and pieces[piece, 0] < p + width:
        place, length, start = pieces[piece]
        at, start = np.uintp(place - p), np.uintp(start + base)
        if length == L:
            for k in range(np.uintp(first), np.uintp(last)):
                store(load(band, offsets[k] + start, 0, 1, 1), to, at, 0)
                prefetch(band, offsets[k] + start + np.uintp(width))  # for the next panel
                at += np.uintp(pitch)
        else:
            for k in range(np.uintp(first), np.uintp(last)):
                store_part(load(band, offsets[k] + start, 0, 1, 1), to, at, 0, 1, length)
                prefetch(band, offsets[k] + start + np.uintp(width))
                at += np.uintp(pitch)
        piece += 1
    return piece


@njit(**OPTIONS)
def work(plan, x, w, offsets, bias, out, depth, buffer, thread, threads):
    """One thread's tasks: lay out a band; for every panel of positions make the columns and multiply."""
    b, L = plan[0], lanes(x)
    (_, F, OH, OW), wide, K = out.shape, VECTORS * L, offsets.size
    flat, tasks = out.reshape(-1), b.groups * b.cuts
    panel, buffer = buffer[: TAPS * wide], buffer[TAPS * wide :]
    pieces = np.empty((b.rows * (OW // L + 2) + 1, 3), np.int64)
    for task in range(thread * tasks // threads, (thread + 1) * tasks // threads):
        n, images, top, rows = cut_out(b, task)
        if images * rows == 0:
            continue
        band, base = lay(b, x, buffer, n, images, top, rows)
        count = trace(b, rows, L, pieces)
        for m in range(images):
            here, ct = base + m * b.tall * b.S, ((n + m) * F * OH + top) * OW
            for k in range(0, max(K, 1), depth):
                stop, piece = min(k + depth, K), 0
                for p in range(0, rows * OW, wide):
                    piece = columns(band, here, offsets, k, stop, pieces, count, piece, p, wide, panel, wide)
                    size = min(wide, rows * OW - p)
                    taps = stop - k
                    strip(w, k * 8, K, panel, taps, bias, k == 0, flat, ct + p, OH * OW, F, size)


@njit(parallel=True, **OPTIONS)
def share(plan, x, w, offsets, bias, out, depth, buffers, threads):
    for thread in prange(threads):
        work(plan, x, w, offsets, bias, out, depth, buffers[thread], thread, threads)


def correlate(b, x, w, offsets, bias, out, threads):
    """out[n, f] = bias[f] + Σ w[f] · columns; w packed by eights of filters."""
    size = TAPS * VECTORS * 16 + room(b, 16) + 64
    buffers = rows_of(_work, x.dtype, threads, size)
    share(record(b), x, w, offsets, bias, out, split(offsets.size, TAPS), buffers, threads)
