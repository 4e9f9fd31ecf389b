"""The rung that a model of its cost expects to be the fastest: direct, from panels of columns, or Winograd's.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.

A rung's time is a sum of a fixed part, arithmetic (of whole vectors and tiles), copies (of window columns, or
by the transforms of tiles), and the reading and writing of all arrays, each times a factor of this rung. The
factors are fitted to times measured on shapes of public networks. forward and backward are chosen each by
itself.
"""

import numpy as np
from numba import get_num_threads

from .. import _cost
from . import _winograd, implicit, simd, winograd2, winograd4
from ._expected import TILES, expected

RUNGS = {
    "simd": simd,
    "implicit": implicit,
    "winograd2": winograd2,
    "winograd4": winograd4,
}
exact_on_integers = False
AXES = "N", "C", "H", "W", "F", "HH", "WW", "OH", "OW"
predicted, chosen = _cost.choosing(expected, AXES, ("stride", "pad"))


def called(x, w, stride, pad, itemsize):
    """The rungs of forward and of backward for numbers of so many bytes."""
    (F, _, *taps), grid = w.shape, []
    for i in (0, 1):
        grid.append((x.shape[2 + i] + 2 * pad[i] - taps[i]) // stride[i] + 1)
    return chosen((*x.shape, F, *taps, *grid), (stride, pad), itemsize, get_num_threads())


def forward(x, w, b, stride=1, pad=0):
    stride = (stride, stride) if isinstance(stride, int) else tuple(stride)
    pad = (pad, pad) if isinstance(pad, int) else tuple(pad)
    rung, then = called(x, w, stride, pad, x.itemsize)
    return RUNGS[rung].forward(x, w, b, stride, pad)[0], (then, x, w, stride, pad)


def backward(dout, cache):
    rung, x, w, stride, pad = cache
    if rung in TILES:
        return _winograd.backward(TILES[rung], dout, (pad, tuple(map(np.ascontiguousarray, (x, w)))))
    return RUNGS[rung].backward(dout, (x, w, stride, pad))


def bound(gamma, dout, x, w, b, stride, pad):
    """Of out by the rung of forward, of the gradients by that of backward."""
    from . import bound as direct_bound  # the operation's, whose module imports no technique

    args = gamma, dout, x, w, b, stride, pad
    itemsize = 4 if gamma(1) > np.finfo(np.float64).eps else 8  # x and w are widened here; γ is not
    rungs = called(x, w, stride, pad, itemsize)
    bounds = (_winograd.bound(TILES[r], *args) if r in TILES else direct_bound(*args) for r in rungs)
    (out, _), (_, gradients) = bounds
    return out, gradients
