"""The rung that a model of its cost expects to be the fastest: NumPy on small images, or compiled loops.

x (N,C,H,W) -> out (N,C,OH,OW); size and stride are an int or a pair.

A rung's time is a sum of a fixed part, a comparison for each tap, one for each window, and the reading and
writing of all arrays, each times a factor of this rung. The factors are fitted to times measured on shapes of
public networks. forward and backward are chosen each by itself: both rungs keep the same between them.
"""

from numba import get_num_threads

from .. import _cost
from . import jit_parallel, simd

RUNGS = {"jit_parallel": jit_parallel, "simd": simd}
COSTS = {
    "jit_parallel": {
        "forward": (5.75, 0.717, 0.0, 0.446, 0.0),
        "backward": (4.15, 0.0, 2.0, 0.624, 1.45),
    },
    "simd": {
        "forward": (7.58, 0.193, 0.0, 0.351, 0.212),
        "backward": (9.42, 0.0, 1.12, 0.511, 1.27),
    },
}


def terms(s, parameters, itemsize, threads):
    """Seconds of the parts of forward and of backward."""
    taps = parameters["size"][0] * parameters["size"][1]
    windows = s["N"] * s["C"] * s["OH"] * s["OW"]
    pixels = s["N"] * s["C"] * s["H"] * s["W"]
    compared = windows * taps / _cost.CLOCK / threads
    read, written = (_cost.traffic_s(itemsize * count, threads) for count in (pixels, windows))
    each = windows / _cost.CLOCK / threads
    return {"forward": (1e-6, compared, each, read, written), "backward": (1e-6, 0.0, each, read, written)}


def expected(s, parameters, itemsize, threads):
    """Seconds of each rung."""
    return {
        rung: _cost.seconds(factors, terms(s, parameters, itemsize, threads))
        for rung, factors in COSTS.items()
    }


predicted, chosen = _cost.choosing(expected, ("N", "C", "H", "W", "OH", "OW"), ("size", "stride"))


def forward(x, size=2, stride=2):
    size = (size, size) if isinstance(size, int) else tuple(size)
    stride = (stride, stride) if isinstance(stride, int) else tuple(stride)
    grid = ((x.shape[2 + i] - size[i]) // stride[i] + 1 for i in (0, 1))
    rung, then = chosen((*x.shape, *grid), (size, stride), x.itemsize, get_num_threads())
    out, held = RUNGS[rung].forward(x, size, stride)
    return out, (then, held)


def backward(dout, cache):
    rung, held = cache
    return RUNGS[rung].backward(dout, held)
