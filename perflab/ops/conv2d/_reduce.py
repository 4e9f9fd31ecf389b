"""The filters' gradient: a tile of 8 taps × some vectors of filters adds one position after another."""

import numpy as np
from numba import njit, prange

from .._arrays import rows_of
from .._named import named
from .._simd import BYTES, load, load_turned_part, store
from .._threads import parallel
from ._bands import OPTIONS, cut_out
from ._borrowed import borrowed
from ._lay import lay, room
from ._registers import outer_at

_work = {}


def kernel(vectors):
    """The sum of a tile of 8 taps × some vectors of filters, which begin at `columns`."""

    @named(vectors, **OPTIONS)
    def sum_tile(dw, at, pitch, b, band, base, taps, g, gt, columns, images, first, last, total):
        acc = load(dw, at, pitch, 8, vectors)
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


@njit(**OPTIONS)
def turn(b, dout, g, db, pitch, n, images, top, rows):
    """Positions × filters of the band's rows, and their contribution to db."""
    lanes, F = BYTES // dout.itemsize, dout.shape[1]
    flat, size = dout.reshape(-1), rows * b.OW
    for m in range(images):
        for f in range(0, F, lanes):
            source = (((n + m) * F + f) * b.OH + top) * b.OW
            for p in range(0, size, lanes):
                square = load_turned_part(flat, source + p, b.OH * b.OW, F - f, size - p)
                store(square, g, (m * size + p) * pitch + f, pitch)
        for f in range(0, pitch, lanes):
            acc = load(db, f, 0, 1, 1)
            for p in range(size):
                acc = acc + load(g, (m * size + p) * pitch + f, 0, 1, 1)
            store(acc, db, f, 0)


def reduce(b, x, dout, offsets, threads):
    """dw, taps × filters, and db, filters: one of each for every thread."""
    lanes = BYTES // x.itemsize
    pitch = -(-dout.shape[1] // lanes) * lanes
    dws, dbs = np.zeros((threads, offsets.size * pitch), x.dtype), np.zeros((threads, pitch), x.dtype)
    buffers = rows_of(_work, x.dtype, threads, room(b, lanes) + (b.images * b.rows * b.OW + lanes) * pitch)
    share(b, x, dout, offsets, pitch, dws, dbs, buffers, threads)
    return dws, dbs


@parallel(**OPTIONS)
def share(b, x, dout, offsets, pitch, dws, dbs, buffers, threads):
    for thread in prange(threads):
        work(b, x, dout, offsets, pitch, dws[thread], dbs[thread], buffers[thread], thread, threads)


@njit(**OPTIONS)
def work(b, x, dout, offsets, pitch, dw, db, buffer, thread, threads):
    x, dw = borrowed(x), borrowed(dw)
    lanes, K, tasks = BYTES // x.itemsize, offsets.size, b.groups * b.cuts
    split = room(b, lanes)
    buffer, g = borrowed(buffer[:split]), borrowed(buffer[split:])
    for task in range(thread * tasks // threads, (thread + 1) * tasks // threads):
        n, images, top, rows = cut_out(b, task)
        if images * rows == 0:
            continue
        band, base = lay(b, x, buffer, n, images, top, rows)
        turn(b, dout, g, db, pitch, n, images, top, rows)
        few = max(1, 224 // (b.OW * images))
        for i in range(0, rows, few):
            stop = min(rows, i + few)
            for f in range(0, pitch, 2 * lanes):
                for k in range(0, K, 8):
                    o = offsets[k : k + 8]
                    taps = o[0], o[1], o[2], o[3], o[4], o[5], o[6], o[7]
                    at, up, ft = np.uintp(k * pitch + f), np.uintp(pitch), np.uintp(f)
                    if pitch - f > lanes:
                        columns = np.uintp(0), np.uintp(lanes)
                        two(dw, at, up, b, band, base, taps, g, ft, columns, images, i, stop, rows)
                    else:
                        one(dw, at, up, b, band, base, taps, g, ft, (np.uintp(0),), images, i, stop, rows)
