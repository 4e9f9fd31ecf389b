"""The filters' gradient: a tile of some taps × two vectors of filters adds one position after another."""

import numpy as np
from numba import njit

from .._arrays import aligned, flat, rows_of
from .._borrowed import borrowed
from .._named import named
from .._simd import BYTES, REGISTERS, lanes, load, load_turned_part, store, store_part
from .._spread import spread, threads
from ..fully_connected._turned import load_turned
from ._bands import OPTIONS, cut_out, record
from ._lay import lay, room
from ._registers import outer_at

ROWS = 8 if REGISTERS == 32 else 6  # taps of a tile, times two vectors: the sums, and room for what they add
POSITIONS = 224  # of a block: two vectors of filters at each stay in the L1 cache
_work, _sums = {}, {}


def kernel(vectors):
    """The sum of a tile of taps × some vectors of filters, which begin at `columns`."""

    @named(vectors, forceinline=True, **OPTIONS)
    def sum_tile(dw, at, b, band, base, taps, g, gt, columns, images, first, last, total):
        pitch = np.uintp(2 * lanes(dw))
        acc = load(dw, at, pitch, ROWS, vectors)
        for m in range(images):
            for i in range(first, last):
                x = np.uintp(base + (m * b.tall + i) * b.S)
                v = np.uintp((m * total + i) * b.OW) * pitch + gt
                for _ in range(b.OW):
                    acc = outer_at(acc, band, x, taps, g, v, columns)
                    x += np.uintp(1)
                    v += pitch
        store(acc, dw, at, pitch)

    return sum_tile


one, two = kernel(1), kernel(2)

if ROWS == 8:

    @njit(**OPTIONS)
    def tile_taps(o, k):
        """The offsets of a tile's taps."""
        return o[k], o[k + 1], o[k + 2], o[k + 3], o[k + 4], o[k + 5], o[k + 6], o[k + 7]

else:

    @njit(**OPTIONS)
    def tile_taps(o, k):
        """The offsets of a tile's taps."""
        return o[k], o[k + 1], o[k + 2], o[k + 3], o[k + 4], o[k + 5]


@njit(**OPTIONS)
def turn(b, dout, g, db, first, last, n, images, top, rows):
    """Positions × filters of the band's rows, by panels of two vectors; and their contribution to db."""
    L, F = lanes(g), dout.shape[1]
    flat, size, plane = borrowed(dout.reshape(-1)), rows * b.OW, b.OH * b.OW
    for f in range(first, min(last, F), L):
        start, pitch = (f - first) // (2 * L) * images * size * 2 * L + (f - first) % (2 * L), 2 * L
        acc = load(db, f, 0, 1, 1)
        for m in range(images):
            source, to = (((n + m) * F + f) * b.OH + top) * b.OW, start + m * size * pitch
            for p in range(0, size, L):
                if f + L <= F and p + L <= size:
                    store(load_turned(flat, source + p, plane, L), g, to + p * pitch, pitch)
                else:
                    square = load_turned_part(flat, source + p, plane, F - f, size - p)
                    store(square, g, to + p * pitch, pitch)
            for p in range(size):
                acc = acc + load(g, to + p * pitch, 0, 1, 1)
        store(acc, db, f, 0)


@njit(**OPTIONS)
def work(loop, thread, threads, plan, offsets, shares, x, dout, dbs, sums, buffers):
    """A thread's sums; threads that share a band have their own panels of filters."""
    if spread(loop, threads):
        return
    b, x, dw, db, L, F = plan[0], borrowed(x), borrowed(sums[thread]), dbs[thread], lanes(x), dout.shape[1]
    K, tasks, panels = offsets.size, b.groups * b.cuts, -(-F // (2 * L))
    share, part, parts = thread % shares, thread // shares, threads // shares
    own, end = panels * share // shares * 2 * L, panels * (share + 1) // shares * 2 * L
    split = room(b, L)
    buffer, g = borrowed(buffers[thread, :split]), borrowed(buffers[thread, split:])
    dw[: (end - own) * K] = 0
    for task in range(part * tasks // parts, (part + 1) * tasks // parts):
        n, images, top, rows = cut_out(b, task)
        if images * rows == 0:
            continue
        band, base = lay(b, x, buffer, n, images, top, rows)
        turn(b, dout, g, db, own, end, n, images, top, rows)
        few = max(1, POSITIONS // (b.OW * images))
        for i in range(0, rows, few):
            stop = min(rows, i + few)
            for f in range(own, end, 2 * L):
                ft = np.uintp((f - own) * images * rows * b.OW)
                for k in range(0, K, ROWS):
                    taps, at = tile_taps(offsets, k), np.uintp((f - own) * K + k * 2 * L)
                    if F - f > L:
                        columns = np.uintp(0), np.uintp(L)
                        two(dw, at, b, band, base, taps, g, ft, columns, images, i, stop, rows)
                    else:
                        one(dw, at, b, band, base, taps, g, ft, (np.uintp(0),), images, i, stop, rows)


@njit(**OPTIONS)
def collect(loop, thread, threads, sums, shares, K, dw, F):
    """A thread's share of dw, F × taps: the sums of all threads that have the same filters, transposed."""
    if spread(loop, threads):
        return
    L, taps, parts = lanes(dw), dw.size // F, threads // shares
    panels = -(-F // (2 * L))
    for panel in range(panels * thread // threads, panels * (thread + 1) // threads):
        share = 0
        while panel >= panels * (share + 1) // shares:
            share += 1
        for f in range(panel * 2 * L, min(F, (panel + 1) * 2 * L), L):
            for k in range(0, taps, L):
                at = ((panel - panels * share // shares) * K + k) * 2 * L + f % (2 * L)
                total = load_turned(sums[share], at, 2 * L, L)
                for part in range(1, parts):
                    total = total + load_turned(sums[part * shares + share], at, 2 * L, L)
                if f + L <= F and k + L <= taps:
                    store(total, dw, f * taps + k, taps)
                else:
                    store_part(total, dw, f * taps + k, taps, F - f, taps - k)


def planned(bands, offsets, filters, shares, itemsize, threads):
    """What `reduce` does, once for all calls of the same sizes."""
    L, K = BYTES // itemsize, -(-offsets.size // ROWS) * ROWS
    taps = np.append(offsets, np.zeros(K - offsets.size, offsets.dtype))
    width = -(-filters // (2 * L)) * 2 * L
    size = room(bands, L) + (bands.images * bands.rows * bands.OW + L) * width
    own = -(-width // (2 * L) // shares) * 2 * L
    return threads, width, own * K + 2 * L * L, size, record(bands), taps, shares


def reduce(plan, x, dout, w):
    """The gradients dw and db from x, flat, and dout (N,F,OH,OW)."""
    parts, width, filters, size, bands, taps, shares = plan
    dw, dbs = aligned(w.shape, w.dtype), np.zeros((parts, width), w.dtype)
    if not dw.size:
        return dw, dout.sum(axis=(0, 2, 3))
    sums, buffers = rows_of(_sums, w.dtype, parts, filters), rows_of(_work, w.dtype, parts, size)
    every = threads(parts)
    work(*every, bands, taps, shares, x, dout, dbs, sums, buffers)
    collect(*every, sums, shares, taps.size, flat(dw), len(w))
    return dw, dbs.sum(axis=0)[: len(w)]
