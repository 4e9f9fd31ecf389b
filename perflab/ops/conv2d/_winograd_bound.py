"""The rounding bound of Winograd's convolution: the algorithm run on absolute values, times γ_k.

Every result is a sum of products of matrix entries with x, w or dout. k is the largest number of roundings of
one term: in each of the transforms, from both sides, one for every other number of the longest row and one
for an entry that has no exact binary form; then those of the sum over channels or tiles.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ._transforms import AT, BT, G


def rounding(m, gamma, dout, x, w, b, pad):
    (N, F, OH, OW), C, r = dout.shape, x.shape[1], w.shape[2]
    bt, g, at = BT[m + r - 1], G[m, r], AT[m, r]
    across, turned = [r - 1 - p for p in pad], w.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
    out = _convolution(m, x, w, pad, (OH, OW)) + np.abs(b)[:, np.newaxis, np.newaxis]
    dx = _convolution(m, dout, turned, across, x.shape[2:])
    d = _both(np.transpose(at), _tiles(dout, m, m, (0, 0), (OH, OW)))
    v = _both(bt, _tiles(x, m, m + r - 1, pad, (OH, OW)))
    dw = _both(np.transpose(g), (d @ v.swapaxes(2, 3)).transpose(2, 3, 0, 1)).transpose(3, 2, 0, 1)
    db = np.abs(dout).sum(axis=(0, 2, 3))
    there = _roundings(bt) + _roundings(g) + _roundings(at)
    back = _roundings(bt) + _roundings(np.transpose(at)) + _roundings(np.transpose(g))
    k = N * OH * OW
    return gamma(there + C + 1) * out, (gamma(there + F + 1) * dx, gamma(back + k) * dw, gamma(k) * db)


def _roundings(matrix):
    """The roundings of one number in matrix · tile · matrixᵀ."""
    matrix = np.asarray(matrix)
    inexact = np.any(matrix.astype(np.float32) != matrix)
    return 2 * int(np.count_nonzero(matrix, axis=1).max() + inexact)


def _tiles(a, m, size, pad, shape):
    """|a| as (tiles, C, size, size), as many as an output of that shape needs."""
    a = np.abs(a)
    for axis, p in zip((2, 3), pad, strict=True):
        ends = [(0, 0)] * 4
        ends[axis] = (max(p, 0), abs(p) + size)
        a = np.pad(a, ends)
        a = a[(slice(None),) * axis + (slice(max(-p, 0), None),)]
    windows = sliding_window_view(a, (size, size), axis=(2, 3))[:, :, ::m, ::m]
    windows = windows[:, :, : -(-shape[0] // m), : -(-shape[1] // m)]
    N, C, TH, TW = windows.shape[:4]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(N * TH * TW, C, size, size)


def _both(matrix, tiles):
    """|matrix| · tile · |matrix|ᵀ with the tile's own axes first: (rows, rows, channels, tiles)."""
    matrix = np.abs(np.asarray(matrix, tiles.dtype))
    return np.ascontiguousarray((matrix @ tiles @ matrix.T).transpose(2, 3, 1, 0))


def _convolution(m, x, w, pad, shape):
    r = w.shape[2]
    n = m + r - 1
    u = _both(G[m, r], np.abs(w))  # (n, n, C, F)
    v = _both(BT[n], _tiles(x, m, n, pad, shape))  # (n, n, C, tiles)
    y = (u.swapaxes(2, 3) @ v).transpose(3, 2, 0, 1)  # (tiles, F, n, n)
    TH, TW = (-(-size // m) for size in shape)
    out = _both(AT[m, r], y).reshape(m, m, w.shape[0], x.shape[0], TH, TW).transpose(3, 2, 4, 0, 5, 1)
    out = out.reshape(x.shape[0], w.shape[0], TH * m, TW * m)
    return out[:, :, : shape[0], : shape[1]]
