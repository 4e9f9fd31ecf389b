"""Explicit vector registers: tiles of sums stay in registers during the loop over taps (or positions).

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
Bands of padded images are stored so that a tap is an offset: no columns are computed. The gradient of x is a
correlation of dout with the flipped filters, one phase of the stride at a time; that of w is a sum over
positions, with filters along the vectors.
"""

import numpy as np
from numba import get_num_threads

from .._arrays import flat
from ..fully_connected._packing import pack
from . import jit_parallel
from ._bands import bands, offsets
from ._correlate import correlate
from ._plans import around, filters_plan
from ._reduce import reduce


def forward(x, w, b, stride=1, pad=0):
    stride = (stride, stride) if isinstance(stride, int) else stride
    pad = (pad, pad) if isinstance(pad, int) else pad
    F, C, HH, WW = w.shape
    grid = tuple((x.shape[2 + i] + 2 * pad[i] - w.shape[2 + i]) // stride[i] + 1 for i in (0, 1))
    out = np.empty((x.shape[0], F, *grid), x.dtype)
    threads = get_num_threads()
    cut = bands(x.shape, (HH, WW), stride, pad, grid, F, x.itemsize, threads)
    taps = offsets(cut, C, np.arange(HH), np.arange(WW))
    run(cut, x, [packed(w.reshape(F, C * HH * WW))], [taps], b, out, (1, 1), (0, 0), threads)
    return out, (x, w, stride, pad)


def backward(dout, cache):
    x, w, stride, pad = cache
    if not np.isfinite(w).all():  # the zeros around dout would make NaN of inf
        return jit_parallel.backward(dout, cache)
    threads = get_num_threads()
    dw, db = filters(dout, x, w, stride, pad, threads)
    return inputs(dout, x, w, stride, pad, threads), dw, db


def filters(dout, x, w, stride, pad, threads):
    plan = filters_plan(x.shape, w.shape, stride, pad, dout.shape[2:], x.itemsize, threads)
    return reduce(plan, flat(x), np.ascontiguousarray(dout), w)


def inputs(dout, x, w, stride, pad, threads):
    (down, across), (F, C, HH, WW) = stride, w.shape
    reach, before, grid, origin = around(x.shape, (HH, WW), stride, pad)
    cut = bands(dout.shape, reach, (1, 1), before, grid, C * down * across, x.itemsize, threads)
    weights, taps = [], []
    for u, v in np.ndindex(down, across):
        part = w[:, :, u::down, v::across]
        us, vs = reach[0] - 1 - np.arange(part.shape[2]), reach[1] - 1 - np.arange(part.shape[3])
        taps.append(offsets(cut, F, us, vs))
        weights.append(packed(part.transpose(1, 0, 2, 3).reshape(C, F * part.shape[2] * part.shape[3])))
    dx, zeros = np.empty(x.shape, x.dtype), np.zeros(C, x.dtype)
    run(cut, dout, weights, taps, zeros, dx, stride, origin, threads)
    return dx


def run(cut, x, weights, taps, b, out, step, origin, threads):
    begins = np.cumsum([0, *map(len, taps)])
    w, o = np.concatenate(weights), np.concatenate(taps)
    correlate(cut, flat(x), w, o, begins, b, out, step, origin, threads)


def packed(w):
    """Rows of a matrix (filters) by eights, the eight numbers of a column (a tap) side by side."""
    rows, depth = w.shape
    out = np.zeros(-(-rows // 8) * 8 * depth, w.dtype)
    pack(flat(w), 0, depth, 1, rows, depth, 8, out)
    return out
