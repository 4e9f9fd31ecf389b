"""Explicit vector registers: tiles of sums stay in registers during the loop over taps (or positions).

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
Bands of padded images are stored so that a tap is an offset: no columns are computed. The gradient of x is a
correlation of dout with the flipped filters, one phase of the stride at a time; that of w is a sum over
positions, with filters along the vectors.
"""

import math

import numpy as np
from numba import get_num_threads

from .._arrays import flat
from ..fully_connected._packing import pack
from . import jit_parallel
from ._correlate import correlate
from ._plans import direct_inputs_plan, direct_output_plan, filters_plan, phases
from ._reduce import reduce


def forward(x, w, b, stride=1, pad=0):
    stride = (stride, stride) if isinstance(stride, int) else stride
    pad = (pad, pad) if isinstance(pad, int) else pad
    F, C, HH, WW = w.shape
    grid = tuple((x.shape[2 + i] + 2 * pad[i] - w.shape[2 + i]) // stride[i] + 1 for i in (0, 1))
    out = np.empty((x.shape[0], F, *grid), x.dtype)
    plan = direct_output_plan(x.shape, w.shape, stride, pad, grid, x.itemsize, get_num_threads())
    correlate(plan, flat(x), packed(w.reshape(F, C * HH * WW)), b, out)
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
    dx, rows = np.empty(x.shape, x.dtype), w.transpose(1, 0, 2, 3)
    if dx.size:
        parts = [part.reshape(len(part), math.prod(part.shape[1:])) for part in phases(rows, stride)]
        plan = direct_inputs_plan(x.shape, w.shape, dout.shape, stride, pad, x.itemsize, threads)
        weights = np.concatenate([packed(part) for part in parts])
        correlate(plan, flat(dout), weights, np.zeros(len(rows), x.dtype), dx)
    return dx


def packed(w):
    """Rows of a matrix (filters) by eights, the eight numbers of a column (a tap) side by side."""
    rows, depth = w.shape
    out = np.zeros(-(-rows // 8) * 8 * depth, w.dtype)
    pack(flat(w), 0, depth, 1, rows, depth, 8, out)
    return out
