"""Columns of the convolution's right matrix, computed just before a product uses them, and not stored."""

import numpy as np
from numba import njit

from .._arrays import rows_of
from .._borrowed import borrowed
from .._simd import BYTES, lanes, load, load_part, store
from .._spread import spread, threads
from ._bands import OPTIONS, cut_out, record
from ._eights import pack_eights
from ._lay import lay, room
from ._scatter import scatter, whole_rows
from ._strip import ROWS, VECTORS, strip

TAPS = 160  # of a pass: this many of a panel stay in the L1 cache, beside the numbers of eight filters
ALL = 288  # a single pass of so many costs less than two, which store their sums and load them again
FEW = 2048  # positions up to which packing the filters' numbers takes longer than reading them where they are
PANELS = 8  # of a block, for which the filters' numbers of these taps are read from the L2 cache
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
def piece(pieces, q):
    """The place of a piece in the panel, and in the band."""
    return np.uintp(pieces[q, 0]), np.uintp(pieces[q, 5])


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
    if (
        inside
        and count == VECTORS
        and pieces[count - 1, 0] == last_place
        and pieces[count - 1, 5] == last_start
    ):
        for k in range(np.uintp(first), np.uintp(last)):
            store(load(band, offsets[k] + start, 0, 1, VECTORS), panel, to, 0)
            to += pitch
    elif inside and count <= 4:  # a loop over the pieces would read them again for each tap
        (p0, s0), (p1, s1) = piece(pieces, 0), piece(pieces, min(1, count - 1))
        (p2, s2), (p3, s3) = piece(pieces, min(2, count - 1)), piece(pieces, count - 1)
        for k in range(np.uintp(first), np.uintp(last)):
            tap = offsets[k]
            store(load(band, tap + s0, 0, 1, 1), panel, to + p0, 0)
            store(load(band, tap + s1, 0, 1, 1), panel, to + p1, 0)
            if count > 2:
                store(load(band, tap + s2, 0, 1, 1), panel, to + p2, 0)
                store(load(band, tap + s3, 0, 1, 1), panel, to + p3, 0)
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
def prepare(loop, thread, threads, how, w, sources, begins, bias, F, packed):
    """A thread's share of the filters by eights, and of the rows of biases that sums start from."""
    if spread(loop, threads):
        return
    eights, pitch = -(-F // 8), VECTORS * lanes(w)
    starts = packed[begins[-1] * eights * 8 :]
    first, last = eights * thread // threads * 8, min(F, eights * (thread + 1) // threads * 8)
    for f in range(first, min(last + 7, eights * 8)):
        for i in range(f * pitch, (f + 1) * pitch):
            starts[i] = bias[min(f, F - 1)]
    if how[7]:  # all whole tiles are read where they are
        first = max(first, (F - F % ROWS) // 8 * 8)
    for phase in range(begins.size - 1):
        begin, end = begins[phase], begins[phase + 1]
        pack_eights(w, how[0], sources[begin:end], first, last, packed, begin * eights * 8)


@njit(**OPTIONS)
def begin_block(b, base, n, top, rows, OW, p, total, f0, f1, out, L, direct, pieces, panels):
    """Trace the panels of a block from position p on; returns how many there are.

    A panel is (pieces, vectors, place of its first filter in out, end of the filters whose sums are stored
    there): in whole tiles of panels within one image, if there is one phase; all other sums are copied.
    """
    F, wide, count = out.shape[1], VECTORS * L, 0
    while count < PANELS and p < total:
        width = min(wide, total - p)
        m, i, j, _ = start_of(b, base, rows, OW, p)
        within = direct and i * OW + j + wide <= rows * OW
        panels[count, 0] = trace(b, base, rows, OW, p, width, L, pieces[count])
        panels[count, 1] = -(-width // L)
        panels[count, 2] = ((n + m) * F * b.OH + top + i) * b.OW + j
        panels[count, 3] = f1 - (f1 - f0) % ROWS if within and width == wide else f0
        count, p = count + 1, p + width
    return count


@njit(**OPTIONS)
def add_taps(
    numbers, source, offsets, k, taps, ahead, fresh, last, starts, y, yt, flat, plane, f0, f1, pieces, panels,
    panel, furthest,
):  # fmt: skip
    """Add taps k … k + taps to the sums of a block's panels, which start from the biases if they are fresh.

    Whole tiles within an image are stored in out after the last taps, all other sums in y. The filters'
    numbers of these taps stay in the L2 cache: w and where they are in it, and the same of those from `tail`
    on. `ahead` is the tap and the place after the block.
    """
    w, of_w, packed, of_packed, tail = numbers
    L, idle = lanes(y), offsets.size - taps
    wide, pitch = VECTORS * L, y.size // PANELS
    for g in range(len(panels)):
        count, vectors, ct, whole = panels[g]
        inside = pieces[g, count - 1, 5] + furthest + wide <= source.size
        fill(source, offsets, k, k + taps, pieces[g], count, inside, panel)
        soon, near = (k, pieces[g + 1, 0, 5]) if g + 1 < len(panels) else ahead
        wanted, end = (source, offsets, soon, near, idle), min(tail, f1)
        here = yt + g * pitch
        start, st = (starts, 0) if fresh else (y, here)
        done = whole if last else f0
        strip(w, of_w, panel, taps, start, st, wide, flat, ct, plane, f0, done, vectors, wanted)
        if done < end:
            strip(w, of_w, panel, taps, start, st, wide, y, here, wide, done, end, vectors, wanted)
        if end < f1:
            strip(packed, of_packed, panel, taps, start, st, wide, y, here, wide, end, f1, vectors, wanted)


@njit(**OPTIONS)
def work(loop, thread, threads, plan, how, x, w, packed, offsets, begins, out, buffers):
    """A thread's tasks: fill a band; for every block of panels, some taps at a time, fill each and multiply.

    Threads that share a band have their own filters. Where x is read as it is, it is one band, of which each
    thread has some panels.
    """
    if spread(loop, threads):
        return
    b, L, depth, shares = plan[0], lanes(x), how[1], how[2]
    F, wide, phases, tasks = out.shape[1], VECTORS * L, begins.size - 1, b.groups * b.cuts
    step, origin, plane = (how[3], how[4]), (how[5], how[6]), b.OH * b.OW
    eights, share, part, parts = -(-F // 8), thread % shares, thread // shares, threads // shares
    f0, f1 = eights * share // shares * 8, min(F, eights * (share + 1) // shares * 8)
    flat, x, offsets, furthest = borrowed(out.reshape(-1)), borrowed(x), borrowed(offsets), offsets.max()
    filters, buffer = begins[-1] * eights * 8, buffers[thread]
    packed, starts, along = borrowed(packed[:filters]), borrowed(packed[filters:]), how[7]
    w, tail = borrowed(w) if along else packed, F - F % ROWS if along else F
    size = phases * eights * 8 * wide
    panel, rest = borrowed(buffer[: depth * wide]), buffer[depth * wide + L :]
    y, band = borrowed(rest[: PANELS * size]), borrowed(rest[PANELS * size :])
    pieces, panels = np.empty((PANELS, wide, 6), np.int64), np.empty((PANELS, 4), np.int64)
    begin_task, end_task = (0, tasks) if b.as_is else (part * tasks // parts, (part + 1) * tasks // parts)
    for task in range(begin_task, end_task):
        n, images, top, rows = cut_out(b, task)
        if images * rows == 0:
            continue
        source, base = lay(b, x, band, n, images, top, rows)
        high, OW = (1, rows * b.OW) if b.S == b.OW and phases == 1 else (rows, b.OW)
        first, end_position = 0, images * rows * b.OW
        if b.as_is:
            whole_panels = -(-end_position // wide)
            first = whole_panels * part // parts * wide
            end_position = min(end_position, whole_panels * (part + 1) // parts * wide)
        for p in range(first, end_position, PANELS * wide):
            count = begin_block(
                b, base, n, top, high, OW, p, end_position, f0, f1, out, L, phases == 1, pieces, panels
            )
            following = start_of(b, base, high, OW, p + PANELS * wide)[3]
            for phase in range(phases):
                begin, end, yt = begins[phase], begins[phase + 1], phase * eights * 8 * wide
                for k in range(begin, max(end, begin + 1), depth):
                    taps = min(depth, end - k)
                    of_packed = (begin * eights + k - begin) * 8, (end - begin) * 8, 1, 8
                    of_w = (k * along, 8 * how[0], how[0], along) if along else of_packed
                    ahead = (k + taps, pieces[0, 0, 5]) if k + taps < begins[phases] else (0, following)
                    numbers = w, of_w, packed, of_packed, tail
                    add_taps(
                        numbers, source, offsets, k, taps, ahead, k == begin, k + taps >= end, starts, y, yt,
                        flat, plane, f0, f1, pieces, panels[:count], panel, furthest,
                    )  # fmt: skip
            for g in range(count):
                traced, whole = pieces[g, : panels[g, 0]], panels[g, 3]
                if phases > 1:
                    scatter(y, g * size, wide, traced, starts, f0, f1, out, n, top, step, origin)
                elif whole < f1:
                    image = (n * F * b.OH + top) * b.OW
                    whole_rows(y, g * size, wide, traced, None, whole, f1, flat, image, F * plane, plane, OW)


def planned(bands, taps, sources, across, filters, shares, itemsize, threads, step=(1, 1), origin=(0, 0)):
    """What `correlate` does, once for all calls of the same sizes.

    `taps` are the offsets of each phase's taps in a band, `sources` their places in a filter of w; `across`
    is the distance between filters.
    """
    eights, L = -(-filters // 8) * 8, BYTES // itemsize
    most, wide = max(map(len, taps)), VECTORS * L
    depth = split(most, TAPS if most > ALL else ALL)
    begins = np.cumsum([0, *map(len, taps)])
    offsets = np.concatenate((*taps, np.zeros(depth, np.uintp)))  # one more panel, only prefetched
    along = sources[0][1] if len(taps) == 1 < most and bands.N * bands.OH * bands.OW <= FEW else 0
    if not np.array_equal(sources[0], np.arange(most) * along):
        along = 0  # the filters' numbers are packed
    how = np.array([across, depth, shares, *step, *origin, along])
    size = (depth + PANELS * len(taps) * eights) * wide + room(bands, L) + 2 * L
    packed = eights * (begins[-1] + wide)
    return threads, packed, size, (record(bands), how, np.concatenate(sources), offsets, begins)


def correlate(plan, x, w, bias, out):
    """out[n, f, step·i + phase + origin] = bias[f] + Σ over the phase's taps of w[f] · columns of x."""
    parts, filters, size, (bands, how, sources, offsets, begins) = plan
    packed, buffers = rows_of(_packed, x.dtype, 1, filters)[0], rows_of(_work, x.dtype, parts, size)
    every = threads(parts)
    prepare(*every, how, w, sources, begins, bias, out.shape[1], packed)
    work(*every, bands, how, x, w, packed, offsets, begins, out, buffers)
