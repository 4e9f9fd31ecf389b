"""The rung that a model of its cost expects to be the fastest: direct, from panels of columns, or Winograd's.

x (N,C,H,W), w (F,C,HH,WW), b (F,) -> out (N,F,OH,OW); stride and pad are an int or a pair.

A rung's time is a sum of a fixed part, arithmetic, copies (window columns, or the transforms of tiles), and
the reading and writing of all arrays, each times a factor of this rung. The factors are fitted to times
measured on shapes of public networks. forward and backward are chosen each by itself.
"""

from functools import lru_cache

import numpy as np
from numba import get_num_threads

from .. import _cost
from . import _expected, _winograd, implicit, simd, winograd2, winograd4

RUNGS = {
    "simd": simd,
    "implicit": implicit,
    "winograd2": winograd2,
    "winograd4": winograd4,
}
exact_on_integers = False
predicted, TILES = _expected.predicted, _expected.TILES


@lru_cache(maxsize=256)
def chosen(shape, filters, stride, pad, itemsize, threads):
    """The rungs of forward and of backward."""
    s = dict(zip(("N", "C", "H", "W", "F", "HH", "WW"), (*shape, filters[0], *filters[2:]), strict=True))
    for i, axis in enumerate("HW"):
        s[f"O{axis}"] = (s[axis] + 2 * pad[i] - filters[2 + i]) // stride[i] + 1
    return _cost.fastest(predicted(s, {"stride": stride, "pad": pad}, itemsize, threads))


def forward(x, w, b, stride=1, pad=0):
    stride = (stride, stride) if isinstance(stride, int) else tuple(stride)
    pad = (pad, pad) if isinstance(pad, int) else tuple(pad)
    rung, then = chosen(x.shape, w.shape, stride, pad, x.itemsize, get_num_threads())
    return RUNGS[rung].forward(x, w, b, stride, pad)[0], (then, x, w, stride, pad)


def backward(dout, cache):
    rung, x, w, stride, pad = cache
    if rung in TILES:
        return _winograd.backward(TILES[rung], dout, (pad, tuple(map(np.ascontiguousarray, (x, w)))))
    return RUNGS[rung].backward(dout, (x, w, stride, pad))


def bound(gamma, dout, x, w, b, stride, pad):
    """Of out by the rung of forward, of the gradients by that of backward."""
    rungs = chosen(x.shape, w.shape, stride, pad, x.itemsize, get_num_threads())
    found = []
    for rung in rungs:
        if rung in TILES:
            found.append(_winograd.bound(TILES[rung], gamma, dout, x, w, b, stride, pad))
        else:
            from . import bound as direct_bound  # the operation's, whose module imports no technique

            found.append(direct_bound(gamma, dout, x, w, b, stride, pad))
    return found[0][0], found[1][1]
