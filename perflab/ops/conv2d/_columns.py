"""Columns of the convolution's right matrix, computed just before a product uses them, and not stored."""

import numpy as np
from numba import njit, prange

from .._arrays import rows_of
from .._simd import lanes, load, load_part, store
from .._threads import parallel
from ._bands import OPTIONS, cut_out, record
from ._borrowed import borrowed
from ._eights import pack_eights
from ._lay import lay, room
from ._scatter import scatter
from ._strip import ROWS, VECTORS, strip

TAPS = 192  # this many of a panel fit into the L1 cache, beside the numbers of eight filters
_work, _packed = {}, {}


def split(size, most):
    """The length of equal parts of at most this length."""
    return max(1, -(-size // max(1, -(-size // most))))


@njit(**OPTIONS)
def start_of(b, base, rows, OW, p):
    """Position p of a band: image, row, column, and its place in the band."""
    m, rest = p // (rows * OW), p % (rows * OW)
    i, j = rest // OW, rest % OW
    return m, i, j, base + (m * b.tall + i) * b.S + j


@njit(**OPTIONS)
def trace(b, base, rows, OW, p, width, L, pieces):
    """The positions p … p + width of a band, in pieces of one row and at most a vector.

    A piece is (place in the panel, image, row, column, length, place in the band).
    """
    count = place = 0
    while place < width:
        m, i, j, here = start_of(b, base, rows, OW, p + place)
        run = min(OW - j, width - place)
        for v in range(0, run, L):
            piece = place + v, m, i, j + v, min(L, run - v), here + v
            for at, number in enumerate(piece):  # assigning the whole row takes 2 s to compile
                pieces[count, at] = number
            count += 1
        place += run
    return count


@njit(**OPTIONS)
def fill(band, offsets, first, last, pieces, count, inside, panel):
    """panel[(k − first)·width + i] = tap k of the panel's position i, pieces in turn.

    Whole vectors are stored: what is too much is overwritten by the next piece. Where they could end
    outside the band, parts of vectors are read.
    """
    L, to = lanes(band), np.uintp(0)
    pitch, size, count = np.uintp(VECTORS * L), np.uintp(band.size), np.uintp(count)
    start = np.uintp(pieces[0, 5])
    last_place, last_start = (VECTORS - 1) * L, pieces[0, 5] + (VECTORS - 1) * L
    if inside and count == VECTORS and pieces[count - 1, 0] == last_place and pieces[count - 1, 5] == last_start:
        for k in range(np.uintp(first), np.uintp(last)):
            store(load(band, offsets[k] + start, 0, 1, VECTORS), panel, to, 0)
            to += pitch
    elif inside:
        for k in range(np.uintp(first), np.uintp(last)):
            for q in range(count):
                part = load(band, offsets[k] + np.uintp(pieces[q, 5]), 0, 1, 1)
                store(part, panel, to + np.uintp(pieces[q, 0]), 0)
            to += pitch
    else:
        for k in range(np.uintp(first), np.uintp(last)):
            for q in range(count):
                place = offsets[k] + np.uintp(pieces[q, 5])
                part = load_part(band, place, 0, 1, 1, 1, size - place)
                store(part, panel, to + np.uintp(pieces[q, 0]), 0)
            to += pitch


@njit(**OPTIONS)
def spill(y, first, last, pieces, count, out, at, image, row, OW):
    """out[at + n·image + f·row + i·OW + j] = y[f, place] for filters first ≤ f < last."""
    L, pitch = lanes(y), np.uintp(VECTORS * lanes(y))
    for q in range(count):
        place, m, i, j, length, _ = pieces[q]
        for f in range(first, last):
            source = np.uintp(f) * pitch + np.uintp(place)
            to = np.uintp(at + m * image + f * row + i * OW + j)
            if length == L:
                store(load(y, source, 0, 1, 1), out, to, 0)
            else:
                for t in range(np.uintp(length)):
                    out[to + t] = y[source + t]


@njit(**OPTIONS)
def prepare(w, across, sources, begins, bias, F, packed, starts, thread, threads):
    """A thread's share of the filters by eights, and of the rows of biases that sums start from."""
    eights, pitch = -(-F // 8), VECTORS * lanes(w)
    first, last = eights * thread // threads * 8, min(F, eights * (thread + 1) // threads * 8)
    for phase in range(begins.size - 1):
        begin, end = begins[phase], begins[phase + 1]
        pack_eights(w, across, sources[begin:end], first, last, packed, begin * eights * 8)
    for f in range(first, min(last + 7, eights * 8)):
        for i in range(f * pitch, (f + 1) * pitch):
            starts[i] = bias[min(f, F - 1)]


@njit(**OPTIONS)
def work(plan, x, w, offsets, begins, starts, out, how, buffer, thread, threads):
    """A thread's tasks: fill a band; for every panel of positions compute the columns and multiply.

    Threads that share a band have their own filters.
    """
    b, L, depth, shares = plan[0], lanes(x), how[1], how[2]
    F, wide, phases, tasks = out.shape[1], VECTORS * L, begins.size - 1, b.groups * b.cuts
    step, origin = (how[3], how[4]), (how[5], how[6])
    eights, share, part, parts = -(-F // 8), thread % shares, thread // shares, threads // shares
    f0, f1 = eights * share // shares * 8, min(F, eights * (share + 1) // shares * 8)
    flat, x, w = borrowed(out.reshape(-1)), borrowed(x), borrowed(w)
    offsets, starts = borrowed(offsets), borrowed(starts)
    panel, rest = borrowed(buffer[: depth * wide]), buffer[depth * wide + L :]
    y, band = borrowed(rest[: phases * eights * 8 * wide]), borrowed(rest[phases * eights * 8 * wide :])
    pieces, furthest = np.empty((wide, 6), np.int64), offsets.max()
    for task in range(part * tasks // parts, (part + 1) * tasks // parts):
        n, images, top, rows = cut_out(b, task)
        if images * rows == 0:
            continue
        source, base = lay(b, x, band, n, images, top, rows)
        high, OW = (1, rows * b.OW) if b.S == b.OW and phases == 1 else (rows, b.OW)
        for p in range(0, images * high * OW, wide):
            width = min(wide, images * high * OW - p)
            count = trace(b, base, high, OW, p, width, L, pieces)
            m, i, j, _ = pieces[0, 1:5]
            whole = f1 - (f1 - f0) % ROWS
            if phases > 1 or width < wide or i * OW + j + wide > high * OW:
                whole = f0  # no rows are written to the output directly
            ct = ((n + m) * F * b.OH + top + i) * b.OW + j
            inside = pieces[count - 1, 5] + furthest + VECTORS * L <= source.size
            following = start_of(b, base, high, OW, p + width)[3]
            for phase in range(phases):
                begin, end = begins[phase], begins[phase + 1]
                for k in range(begin, max(end, begin + 1), depth):
                    taps, at = min(depth, end - k), begin * eights * 8 + (k - begin) * 8
                    fill(source, offsets, k, k + taps, pieces, count, inside, panel)
                    ahead = source, offsets, 0, following
                    if k + taps < begins[phases]:
                        ahead = source, offsets, k + taps, pieces[0, 5]
                    vectors, yt = -(-width // L), phase * eights * 8 * wide
                    start, st, ds, start_y, st_y = starts, 0, wide, starts, 0
                    if k > begin:
                        start, st, ds, start_y, st_y = flat, ct, b.OH * b.OW, y, yt
                    numbers = w, at, end - begin, panel, taps
                    strip(*numbers, start, st, ds, flat, ct, b.OH * b.OW, f0, whole, vectors, ahead)
                    strip(*numbers, start_y, st_y, wide, y, yt, wide, whole, f1, vectors, ahead)
            if phases > 1:
                scatter(y, wide, pieces[:count], starts, f0, f1, out, n, top, step, origin)
            elif whole < f1:
                first = (n * F * b.OH + top) * b.OW
                spill(y, whole, f1, pieces, count, flat, first, F * b.OH * b.OW, b.OH * b.OW, OW)


@parallel(**OPTIONS)
def share(plan, sources, offsets, begins, how, x, w, bias, out, packed, buffers):
    threads, F = len(buffers), out.shape[1]
    starts = packed[begins[-1] * -(-F // 8) * 8 :]
    for thread in prange(threads):
        prepare(w, how[0], sources, begins, bias, F, packed, starts, thread, threads)
    for thread in prange(threads):
        work(plan, x, packed, offsets, begins, starts, out, how, buffers[thread], thread, threads)


def planned(bands, taps, sources, across, filters, shares, threads, step=(1, 1), origin=(0, 0)):
    """What `correlate` does, once for all calls of the same sizes.

    `taps` are the offsets of each phase's taps in a band, `sources` their places in a filter of w; `across`
    is the distance between filters.
    """
    eights, lane = -(-filters // 8) * 8, 16
    depth, wide = split(max(map(len, taps)), TAPS), VECTORS * lane
    begins = np.cumsum([0, *map(len, taps)])
    offsets = np.concatenate((*taps, np.zeros(depth, np.uintp)))  # one more panel, only prefetched
    how = np.array([across, depth, shares, *step, *origin])
    size = (depth + len(taps) * eights) * wide + room(bands, lane) + 2 * lane
    packed = eights * (begins[-1] + wide)
    return threads, packed, size, record(bands), np.concatenate(sources), offsets, begins, how


def correlate(plan, x, w, bias, out):
    """out[n, f, step·i + phase + origin] = bias[f] + Σ over the phase's taps of w[f] · columns of x."""
    threads, filters, size, *arguments = plan
    packed, buffers = rows_of(_packed, x.dtype, 1, filters)[0], rows_of(_work, x.dtype, threads, size)
    share(*arguments, x, w, bias, out, packed, buffers[:threads])
