"""The layer for a batch of a few rows: no number is used often enough to make packing worthwhile.

Every number of w is used N times only, so memory bandwidth limits the speed: w is read once, row after row,
and dw is written once. Eight rows of w are read together, and all samples use them while they are in the
cache.
"""

import numpy as np
from numba import njit

from .._arrays import LINE, aligned, rows_of
from .._borrowed import borrowed
from .._simd import fma, lanes, load, load_part, prefetch, store
from .._spread import shares, spread

CHUNK = 32  # lines: so much of eight rows of w stays in the L1 cache
FAST = {"contract", "reassoc", "nsz"}
FEW = 4  # rows up to which memory limits the speed
_own = {}


@njit(cache=True, error_model="numpy", fastmath=FAST)
def add_rows(sums, to, x, at, w, wt, M, count, fetch):
    """sums[to + m] += Σ x[at + r] · w[wt + r·M + m] over eight rows r, for m < count; all flat.

    Where `fetch` is true, the next eight rows are loaded while these are used.
    """
    L, rest = lanes(sums), count % lanes(sums)
    for m in range(0, count - rest, L):
        acc = load(sums, to + m, 0, 1, 1)
        if fetch:
            for r in range(8):
                prefetch(w, wt + (r + 8) * M + m)
        for r in range(8):
            acc = fma(x[at + r], load(w, wt + r * M + m, 0, 1, 1), acc)
        store(acc, sums, to + m, 0)
    if rest:
        m = count - rest
        acc = load(sums, to + m, 0, 1, 1)  # what is too much is not used
        for r in range(8):
            acc = fma(x[at + r], load_part(w, wt + r * M + m, 0, 1, 1, 1, rest), acc)
        store(acc, sums, to + m, 0)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def sums(loop, part, parts, x, w, b, out, own):
    """x·w + b: each part has its own columns, and a row of `own` for its sums, so that no line is shared.

    All samples use a chunk of eight rows of w in turn, while it is in the L1 cache.
    """
    if spread(loop, parts):
        return
    (N, D), M, line = x.shape, w.shape[1], LINE // x.itemsize
    xs, ws, acc = borrowed(x.reshape(-1)), borrowed(w.reshape(-1)), borrowed(own[part])
    wide, each = CHUNK * line, -(-M // (parts * line)) * line
    end = min(part * each + each, M)
    for m0 in range(min(part * each, M), end, wide):
        count = min(wide, end - m0)
        pitch = -(-count // line) * line
        for n in range(N):
            for m in range(count):
                acc[n * pitch + m] = b[m0 + m]
        for d in range(0, D - D % 8, 8):
            for n in range(N):
                add_rows(acc, n * pitch, xs, n * D + d, ws, d * M + m0, M, count, n == 0)
        for n in range(N):
            for d in range(D - D % 8, D):
                for m in range(count):
                    acc[n * pitch + m] += x[n, d] * w[d, m0 + m]
            for m in range(count):
                out[n, m0 + m] = acc[n * pitch + m]


@njit(cache=True, error_model="numpy", fastmath=FAST)
def dots(loop, part, parts, a, w, out):
    """a·wᵀ, of a (N,M) and w (D,M): each part has rows of w."""
    if spread(loop, parts):
        return
    (N, M), D = a.shape, len(w)
    for d in range(D * part // parts, D * (part + 1) // parts):
        for n in range(N):
            total = a.dtype.type(0)
            for m in range(M):
                total += a[n, m] * w[d, m]
            out[n, d] = total


@njit(cache=True, error_model="numpy", fastmath=FAST)
def outers(loop, part, parts, x, dout, dw):
    """xᵀ·dout, of x (N,D) and dout (N,M): each part has rows of dw."""
    if spread(loop, parts):
        return
    (N, D), M = x.shape, dout.shape[1]
    for d in range(D * part // parts, D * (part + 1) // parts):
        for m in range(M):
            dw[d, m] = x[0, d] * dout[0, m]
        for n in range(1, N):
            for m in range(M):
                dw[d, m] += x[n, d] * dout[n, m]


def times(x, w, b=None):
    """x·w + b for a few rows, all contiguous: (N,D), (D,M) and perhaps (M,) -> (N,M)."""
    b = np.zeros(w.shape[1], x.dtype) if b is None else b
    cut, out = shares(x.size * len(b)), np.empty((len(x), len(b)), x.dtype)
    sums(*cut, x, w, b, out, rows_of(_own, x.dtype, cut[2], len(x) * CHUNK * LINE // x.itemsize))
    return out


def times_turned(x, w):
    """x·wᵀ for a few rows, all contiguous: (N,M) and (D,M) -> (N,D)."""
    out = np.empty((len(x), len(w)), x.dtype)
    dots(*shares(x.size * len(w)), x, w, out)
    return out


def turned_times(x, dout):
    """xᵀ·dout of a few rows, all contiguous: (N,D) and (N,M) -> (D,M)."""
    out = aligned((x.shape[1], dout.shape[1]), x.dtype)
    outers(*shares(dout.size * x.shape[1]), x, dout, out)
    return out
