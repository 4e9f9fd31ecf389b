"""Winograd's forward and backward, for the output tiles that a rung has for some kernels.

`tiles` are the sides of a rung's output tiles by those of the kernels; anything else, and any stride but 1,
goes to a direct rung.
"""

import numpy as np

from . import implicit as direct
from ._winograd_bound import rounding
from ._winograd_dw import weight_gradient
from ._winograd_out import convolve


def forward(tiles, x, w, b, stride, pad):
    if not fits(tiles, w, stride):
        out, cache = direct.forward(x, w, b, stride, pad)
        return out, (None, cache)
    pad = (pad, pad) if isinstance(pad, int) else pad
    x, w = np.ascontiguousarray(x), np.ascontiguousarray(w)
    return convolve(tiles[w.shape[2]], x, w, b, pad), (pad, (x, w))


def backward(tiles, dout, cache):
    pad, held = cache
    if pad is None:
        return direct.backward(dout, held)
    x, w = held
    dout = np.ascontiguousarray(dout)
    r = w.shape[2]
    dx = convolve(tiles[r], dout, w, None, (r - 1 - pad[0], r - 1 - pad[1]), turned=True)
    return dx, *weight_gradient(tiles[r], r, x, dout, pad)


def bound(tiles, gamma, dout, x, w, b, stride, pad):
    if not fits(tiles, w, stride):
        from . import bound as direct_bound  # the operation's, whose module imports no technique

        return direct_bound(gamma, dout, x, w, b, stride, pad)
    return rounding(tiles[w.shape[2]], gamma, dout, x, w, b, pad)


def fits(tiles, w, stride):
    HH, WW = w.shape[2:]
    return HH == WW and HH in tiles and stride in (1, (1, 1))
