"""Columns without the matrix of columns: a panel of them is made in cache, multiplied and forgotten.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.
"""

import numpy as np
from numba import get_num_threads

from . import simd
from ..fully_connected._packing import aligned, pack
from ._bands import bands, offsets
from ._columns import correlate


def forward(x, w, b, stride=1, pad=0):
    stride = (stride, stride) if isinstance(stride, int) else stride
    pad = (pad, pad) if isinstance(pad, int) else pad
    OH, OW = ((x.shape[i] + 2 * pad[i - 2] - w.shape[i]) // stride[i - 2] + 1 for i in (2, 3))
    out = aligned((len(x), len(w), OH, OW), x.dtype)
    product(x, w, b, stride, pad, out)
    return out, (x, w, stride, pad)


def product(x, w, b, stride, pad, out):
    F, C, HH, WW = w.shape
    threads = get_num_threads()
    cut = bands(x.shape, (HH, WW), stride, pad, out.shape[2:], 0, x.itemsize, threads)
    taps = offsets(cut, C, np.arange(HH), np.arange(WW))
    correlate(cut, flat(x), packed(w.reshape(F, -1)), taps, padded(b), out, threads)


def backward(dout, cache):
    x, w, stride, pad = cache
    threads = get_num_threads()
    if w.shape[2:] != (1, 1) or stride != (1, 1) or pad != (0, 0):
        return simd.backward(dout, cache)
    dx, turned = aligned(x.shape, x.dtype), np.ascontiguousarray(w.transpose(1, 0, 2, 3))
    product(dout, turned, np.zeros(x.shape[1], x.dtype), stride, pad, dx)
    return dx, *simd.filters(dout, x, w, stride, pad, threads)


def packed(w):
    """Rows of a matrix by eights, the eight numbers of a column side by side."""
    rows, depth = w.shape
    out = np.zeros(-(-rows // 8) * 8 * depth, w.dtype)
    pack(flat(w), 0, depth, 1, rows, depth, 8, out)
    return out


def padded(b):
    return np.concatenate((b, np.zeros(8, b.dtype)))


def flat(x):
    return np.ascontiguousarray(x).reshape(-1)
