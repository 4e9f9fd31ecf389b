"""No stored matrix of columns: a panel of columns is computed in the cache, multiplied and discarded.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
A panel contains some taps of three vectors of positions. The positions continue from row to row, so that all
lanes are used at the end of a row. All filters are multiplied with the panel while it is in the L1 cache.
Each copied number is used by every filter, so the rung is fast where there are many. backward is that of the
rung below; for windows of one pixel it is two products.
"""

from functools import lru_cache

import numpy as np
from numba import get_num_threads

from .._arrays import aligned, flat
from . import _pointwise, simd
from ._bands import bands, offsets
from ._columns import correlate


def forward(x, w, b, stride=1, pad=0):
    stride = (stride, stride) if isinstance(stride, int) else stride
    pad = (pad, pad) if isinstance(pad, int) else pad
    OH, OW = ((x.shape[i] + 2 * pad[i - 2] - w.shape[i]) // stride[i - 2] + 1 for i in (2, 3))
    out = aligned((len(x), len(w), OH, OW), x.dtype)
    (F, C, HH, WW), threads = w.shape, get_num_threads()
    cut, taps = planned(x.shape, w.shape[2:], stride, pad, (OH, OW), x.itemsize, threads)
    correlate(cut, flat(x), simd.packed(w.reshape(F, C * HH * WW)), taps, padded(b), out, threads)
    return out, (x, w, stride, pad)


def backward(dout, cache):
    x, w, stride, pad = cache
    if w.shape[2:] != (1, 1) or stride != (1, 1) or pad != (0, 0):
        return simd.backward(dout, cache)
    dx, _ = forward(dout, w.transpose(1, 0, 2, 3), np.zeros(x.shape[1], x.dtype))
    return dx, *_pointwise.filters(dout, x, w)


@lru_cache(maxsize=64)
def planned(shape, taps, *how):
    cut = bands(shape, taps, *how[:3], 0, *how[3:])
    return cut, offsets(cut, shape[1], np.arange(taps[0]), np.arange(taps[1]))


def padded(b):
    return np.concatenate((b, np.zeros(8, b.dtype)))
