"""One strided view of x for each tap, for windows that overlap too, and a running maximum over the taps.

x (N,C,H,W) -> out (N,C,OH,OW); size and stride are an int or a pair.
The windows are never copied: tap (u, v) of all of them is a slice of x. A tap wins where it is larger than
the maximum so far, and since taps are numbered upwards, the largest number that won is the winner. The work
is done in blocks of planes that fit into the cache, so that each array operation reads what the one before
has written.
"""

import numpy as np

BLOCK = 1 << 18  # bytes of x at a time


def forward(x, size=2, stride=2):
    size_h, size_w = (size, size) if isinstance(size, int) else size
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    N, C, H, W = x.shape
    OH, OW = (H - size_h) // stride_h + 1, (W - size_w) // stride_w + 1
    out = np.empty((N, C, OH, OW), x.dtype)
    winner = np.zeros(out.shape, np.uint8 if size_h * size_w <= 256 else np.int32)
    for planes, best, at in _blocks(x, out, winner):
        taps = [tap for _, tap in _taps(planes, OH, OW, size_h, size_w, stride_h, stride_w)]
        best[...] = taps[0]
        for number, tap in enumerate(taps):
            np.maximum(at, np.multiply(tap > best, number, dtype=at.dtype), out=at)
            np.maximum(best, tap, out=best)
        if np.isnan(best).any():
            for number, tap in reversed(list(enumerate(taps))):
                np.putmask(at, np.isnan(tap), number)  # the first NaN writes last
        if not best.all():  # np.maximum may return either of two zeros
            for number, tap in enumerate(taps):
                np.putmask(best, at == number, tap)
    return out, (x.shape, winner, size_h, size_w, stride_h, stride_w)


def backward(dout, cache):
    x_shape, winner, *window = cache
    OH, OW = dout.shape[2:]
    dx = np.empty(x_shape, dout.dtype)
    for planes, upstream, at in _blocks(dx, dout, winner):
        planes[...] = 0
        for number, tap in _taps(planes, OH, OW, *window):
            tap += np.where(at == number, upstream, 0)  # a product with the mask would make NaN of inf · 0
    return (dx,)


def _blocks(x, *others):
    """The same planes of every array, some at a time: one axis for N and C."""
    N, C, H, W = x.shape
    count = max(1, BLOCK // max(1, H * W * x.itemsize))
    flat = [array.reshape(N * C, *array.shape[2:]) for array in (x, *others)]
    for start in range(0, N * C, count):
        yield [array[start : start + count] for array in flat]


def _taps(planes, OH, OW, size_h, size_w, stride_h, stride_w):
    """Number and view of each tap, in row-major order."""
    for u, v in np.ndindex(size_h, size_w):
        rows = slice(u, u + stride_h * (OH - 1) + 1, stride_h)
        cols = slice(v, v + stride_w * (OW - 1) + 1, stride_w)
        yield u * size_w + v, planes[:, rows, cols]
