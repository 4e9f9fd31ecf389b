"""Max-pooling in scalar loops: one comparison at a time.

x (N,C,H,W) -> out (N,C,OH,OW); size and stride are an int or a pair.
The output is the first maximum of a window itself, with its sign where it is a zero; a NaN counts as larger
than every number, and the first NaN wins.
"""

import numpy as np


def forward(x, size=2, stride=2):
    size_h, size_w = (size, size) if isinstance(size, int) else size
    stride_h, stride_w = (stride, stride) if isinstance(stride, int) else stride
    N, C, H, W = x.shape
    OH = (H - size_h) // stride_h + 1
    OW = (W - size_w) // stride_w + 1
    out = np.empty((N, C, OH, OW), x.dtype)
    winner = np.empty((N, C, OH, OW), np.int64)  # row-major position in the window
    for n in range(N):
        for c in range(C):
            for i in range(OH):
                for j in range(OW):
                    best = x[n, c, i * stride_h, j * stride_w]
                    winner[n, c, i, j] = 0
                    for u in range(size_h):
                        for v in range(size_w):
                            t = x[n, c, i * stride_h + u, j * stride_w + v]
                            if t > best or (t != t and best == best):
                                best = t
                                winner[n, c, i, j] = u * size_w + v
                    out[n, c, i, j] = best
    return out, (x.shape, winner, size_w, stride_h, stride_w)


def backward(dout, cache):
    x_shape, winner, size_w, stride_h, stride_w = cache
    N, C, OH, OW = dout.shape
    dx = np.zeros(x_shape, dout.dtype)
    for n in range(N):
        for c in range(C):
            for i in range(OH):
                for j in range(OW):
                    at = winner[n, c, i, j]
                    row = i * stride_h + at // size_w
                    col = j * stride_w + at % size_w
                    dx[n, c, row, col] += dout[n, c, i, j]
    return (dx,)
