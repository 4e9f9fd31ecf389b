"""Explicit vectors: lanes for neighbouring windows, or for one window's taps, without scalar remainder loops.

x (N,C,H,W) -> out (N,C,OH,OW); size and stride are an int or a pair.
The compiler fills its vectors with neighbouring windows and processes the rest of a row one window at a time.
Here the last vector of a row begins earlier, so that it is full: some windows are computed twice. A row that
does not fill one uses two halves, or a mask where the processor has masks for bytes; two rows there share a
vector if each fills half of it at most. Where a row has few windows but many taps, the lanes compare the taps
of one window, and a reduction finds the first maximum. Where windows overlap, a row without NaN is found
first, then each comparison is one instruction; the rows of the next windows are fetched into the cache before
they are read, as the processor does not foresee the jumps.
Backward, windows with stride two that do not overlap give pairs of numbers, a gradient or zero, a vector of
windows at a time; all others scatter theirs as in `jit_parallel`.
"""

import numpy as np

from .._simd import LANES
from .._spread import ALONE, threads
from . import jit_parallel
from ._windows import FAR, MASKS, largest, pairs

SMALL = 1 << 13  # numbers, fewer than which are read before another thread has begun


def forward(x, size=2, stride=2):
    size_h, size_w = (size, size) if isinstance(size, int) else size
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    N, C, H, W = x.shape
    OH, OW = (H - size_h) // stride_h + 1, (W - size_w) // stride_w + 1
    out = np.empty((N, C, OH, OW), x.dtype)
    winner = np.empty(out.shape, np.uint8 if size_h * size_w <= 256 else np.int32)
    window = size_h, size_w, stride_h, stride_w
    if size_w == W:  # the window's rows follow one another
        size_h, size_w = 1, size_h * W
    vector = size_h * size_w * (2 * stride_w + 4)  # instructions for neighbours, about
    single = size_h * -(-size_w // LANES[x.dtype]) * 6 + 40  # and for one window alone
    pays, rest = -(-vector // single), OW % LANES[x.dtype]
    together = OW if rest >= pays else OW - rest  # windows of a row that are computed in vectors
    if pays > LANES[x.dtype] or stride_w > FAR or (not MASKS and LANES[x.dtype] // 2 > OW):
        together = 0
    kernel = largest(size_h, size_w, stride_h, stride_w)
    kernel(*shares(x), np.ascontiguousarray(x), out, winner, together)
    return out, (x.shape, winner, *window)


def backward(dout, cache):
    x_shape, winner, size_h, size_w, stride_h, stride_w = cache
    if size_h > stride_h or (size_w, stride_w) != (2, 2) or dout.shape[3] == 1:
        return jit_parallel.backward(dout, cache)
    dx = np.empty(x_shape, dout.dtype)
    pairs(*shares(dx), np.ascontiguousarray(dout), winner, dx, stride_h)
    return (dx,)


def shares(x):
    """How the rows are distributed to the threads."""
    return threads() if x.size > SMALL else ALONE
