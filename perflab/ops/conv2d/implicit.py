"""Columns without the matrix of columns: a panel of them is made in cache, multiplied and forgotten.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
A panel holds some taps of three vectors of positions, which run on from row to row, so that no lane idles at
a row's end; in the first cache all filters meet it. What is copied is used by every filter: it pays where
there are many. backward is the rung below's.
"""

import numpy as np
from numba import get_num_threads

from .._arrays import aligned, flat
from . import simd
from ._bands import bands, offsets
from ._columns import correlate


def forward(x, w, b, stride=1, pad=0):
    stride = (stride, stride) if isinstance(stride, int) else stride
    pad = (pad, pad) if isinstance(pad, int) else pad
    OH, OW = ((x.shape[i] + 2 * pad[i - 2] - w.shape[i]) // stride[i - 2] + 1 for i in (2, 3))
    out = aligned((len(x), len(w), OH, OW), x.dtype)
    F, C, HH, WW = w.shape
    threads = get_num_threads()
    cut = bands(x.shape, (HH, WW), stride, pad, (OH, OW), 0, x.itemsize, threads)
    taps = offsets(cut, C, np.arange(HH), np.arange(WW))
    correlate(cut, flat(x), simd.packed(w.reshape(F, C * HH * WW)), taps, padded(b), out, threads)
    return out, (x, w, stride, pad)


def backward(dout, cache):
    return simd.backward(dout, cache)


def padded(b):
    return np.concatenate((b, np.zeros(8, b.dtype)))
