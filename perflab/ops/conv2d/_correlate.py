"""Sums over taps in registers: a tile of 8 or 4 filters × 3 vectors of positions adds tap after tap.

The last tile of a band may have fewer vectors.
"""

import numpy as np
from numba import njit

from .._arrays import flat, rows_of
from .._borrowed import borrowed
from .._named import named
from .._simd import BYTES, REGISTERS, lanes, load, prefetch, store, tile
from .._spread import spread, threads
from ._bands import OPTIONS, cover, cut_out, record
from ._lay import lay, room
from ._registers import outer_at
from ._scatter import scatter

TAPS = 288  # for this many taps, a tile's part of the band and of the weights stays in the L1 cache
AHEAD = 8  # tiles: a band in the memory, read where it is, arrives in so many tiles' time
_work = {}


def kernel(height, vectors, ahead=0):
    """The sum of a tile of some filters × some vectors of positions over some taps.

    The vectors `ahead` tiles after them are prefetched, if it is not 0.
    """
    filters = tuple(range(height))

    @named(height, vectors, ahead, forceinline=True, **OPTIONS)
    def sum_tile(y, at, pitch, first, w, wt, band, places, offsets, start, stop):
        acc = tile(y, height, vectors) if first else load(y, at, pitch, height, vectors)
        for k in range(np.uintp(start), np.uintp(stop)):
            acc = outer_at(acc, w, wt, filters, band, offsets[k], places[:vectors])
            if ahead:
                for v in range(vectors):
                    prefetch(band, offsets[k] + places[0] + np.uintp((ahead * vectors + v) * lanes(y)))
            wt += np.uintp(8)
        store(acc, y, at, pitch)

    return sum_tile


ROWS = 8 if REGISTERS == 32 else 4  # filters of a tile
three, two, one = (kernel(ROWS, vectors) for vectors in (3, 2, 1))
low = three if ROWS == 4 else kernel(4, 3)
three_ahead = kernel(ROWS, 3, AHEAD)
low_ahead = three_ahead if ROWS == 4 else kernel(4, 3, AHEAD)


def planned(bands, taps, filters, itemsize, threads, step=(1, 1), origin=(0, 0)):
    """What `correlate` does, once for all calls of the same sizes; `taps` are each phase's, in a band."""
    lanes, begins = BYTES // itemsize, np.cumsum([0, *map(len, taps)])
    size = room(bands, lanes) + (len(taps) * -(-filters // 8) * 8 * (bands.slots | 1) + 1) * lanes
    return threads, size, (record(bands), np.concatenate(taps), begins, step, origin)


def correlate(plan, x, w, bias, out):
    """out[n, f, step·i + phase + origin] = bias[f] + Σ over the phase's taps of band · w."""
    parts, size, how = plan
    work(*threads(parts), *how, x, w, flat(bias), out, rows_of(_work, x.dtype, parts, size))


@njit(**OPTIONS)
def work(loop, thread, threads, plan, offsets, begins, step, origin, x, w, bias, out, buffers):
    if spread(loop, threads):
        return
    x, w, offsets, bias = borrowed(x), borrowed(w), borrowed(offsets), borrowed(bias)
    b, F, phases, lanes = plan[0], bias.size, begins.size - 1, BYTES // x.itemsize
    height, pitch = -(-F // 8) * 8, (b.slots | 1) * lanes
    split = room(b, lanes)
    buffer, y = borrowed(buffers[thread, :split]), borrowed(buffers[thread, split:])
    furthest = np.int64(offsets.max()) if offsets.size else 0
    starts, pieces = np.empty(b.slots, np.int64), np.empty((b.slots * lanes, 6), np.int64)
    tasks = b.groups * b.cuts
    for task in range(thread * tasks // threads, (thread + 1) * tasks // threads):
        n, images, top, rows = cut_out(b, task)
        if images * rows == 0:
            continue
        band, base = lay(b, x, buffer, n, images, top, rows)
        slots, count = cover(b, images, rows, lanes, starts, pieces)
        starts[:slots] += base
        for q in range(count):  # vectors do not end after x
            slot = pieces[q, 0] // lanes
            pieces[q, 0] += max(0, starts[slot] + furthest + lanes - band.size)
        for slot in range(slots):
            starts[slot] = min(starts[slot], band.size - furthest - lanes)
        starts[slots : slots + 2] = 0  # no vectors: the last tile has fewer
        for phase in range(phases):
            begin, end = begins[phase], begins[phase + 1]
            for k in range(begin, max(end, begin + 1), TAPS):
                stop = min(k + TAPS, end)
                for slot in range(0, slots, 3):
                    places = np.uintp(starts[slot]), np.uintp(starts[slot + 1]), np.uintp(starts[slot + 2])
                    for f in range(0, F, ROWS):
                        at = np.uintp((phase * height + f) * pitch + slot * lanes)
                        wt = np.uintp(begin * height + f // 8 * 8 * (end - begin) + f % 8 + (k - begin) * 8)
                        from_memory = b.as_is and f == 0  # other filters find it in the cache
                        if F - f <= 4 < ROWS and from_memory:
                            low_ahead(y, at, pitch, k == begin, w, wt, band, places, offsets, k, stop)
                        elif F - f <= 4 < ROWS:
                            low(y, at, pitch, k == begin, w, wt, band, places, offsets, k, stop)
                        elif slots - slot > 2 and from_memory:
                            three_ahead(y, at, pitch, k == begin, w, wt, band, places, offsets, k, stop)
                        elif slots - slot > 2:
                            three(y, at, pitch, k == begin, w, wt, band, places, offsets, k, stop)
                        elif slots - slot == 2:
                            two(y, at, pitch, k == begin, w, wt, band, places, offsets, k, stop)
                        else:
                            one(y, at, pitch, k == begin, w, wt, band, places, offsets, k, stop)
        scatter(y, 0, pitch, pieces[:count], bias, 0, F, out, n, top, step, origin)
