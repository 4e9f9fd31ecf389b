"""The layer for a batch of a few rows: no number is used often enough to make packing worthwhile.

Every number of w is used N times only, so memory bandwidth limits the speed: w is read once, row after row,
and dw is written once. Eight rows of w are read together, and all samples use them while they are in the
cache.
"""

from numba import njit

from .._simd import fma, lanes, load, prefetch, store
from .._spread import spread

FAST = {"contract", "reassoc", "nsz"}


@njit(cache=True, error_model="numpy", fastmath=FAST)
def add_rows(out, to, x, at, w, wt, M, count):
    """out[to + m] += Σ x[at + r] · w[wt + r·M + m] over eight rows r, for m < count; all flat."""
    L = lanes(out)
    for m in range(0, count - count % L, L):
        acc = load(out, to + m, 0, 1, 1)
        for r in range(8):
            prefetch(w, wt + (r + 8) * M + m)  # the next eight rows are loaded while these are used
            acc = fma(x[at + r], load(w, wt + r * M + m, 0, 1, 1), acc)
        store(acc, out, to + m, 0)
    for m in range(count - count % L, count):
        for r in range(8):
            out[to + m] += x[at + r] * w[wt + r * M + m]


@njit(cache=True, error_model="numpy", fastmath=FAST)
def forward(loop, part, parts, x, w, b, out):
    """Each part has its own columns, in whole cache lines."""
    if spread(loop, parts):
        return
    (N, D), M = x.shape, w.shape[1]
    flat, xs, ws = out.reshape(-1), x.reshape(-1), w.reshape(-1)
    each = -(-M // (parts * 64)) * 64
    m0, m1 = min(part * each, M), min(part * each + each, M)
    for n in range(N):
        for m in range(m0, m1):
            out[n, m] = b[m]
    for d in range(0, D - D % 8, 8):
        for n in range(N):
            add_rows(flat, n * M + m0, xs, n * D + d, ws, d * M + m0, M, m1 - m0)
    for d in range(D - D % 8, D):
        for n in range(N):
            for m in range(m0, m1):
                out[n, m] += x[n, d] * w[d, m]


@njit(cache=True, error_model="numpy", fastmath=FAST)
def backward(loop, part, parts, dout, x, w, dx, dw):
    """Each part has rows of w: dx is dot products with them, dw sums over rows of dout."""
    if spread(loop, parts):
        return
    (N, D), M = x.shape, w.shape[1]
    for d in range(D * part // parts, D * (part + 1) // parts):
        for n in range(N):
            total = x.dtype.type(0)
            for m in range(M):
                total += dout[n, m] * w[d, m]
            dx[n, d] = total
        for m in range(M):
            dw[d, m] = x[0, d] * dout[0, m]
        for n in range(1, N):
            for m in range(M):
                dw[d, m] += x[n, d] * dout[n, m]
