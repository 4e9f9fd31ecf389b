"""The rung that a model of its cost expects to be the fastest: products of BLAS, packed tiles, or every core.

x (N,D), w (D,M), b (M,) -> out (N,M)

A rung's time is a sum of a fixed part, arithmetic in whole tiles, packing and the reading of all arrays once,
each times a factor of this rung. The factors are fitted to times measured on shapes of public networks; what
they multiply follows from sizes, register width and caches. One rung does both directions, that with the
least time of a step: threads of BLAS and of Numba would disturb each other.
"""

from numba import get_num_threads

from .. import _cost
from . import cores, in_place, packed
from ._sweep import ROWS, VECTORS

RUNGS = {"in_place": in_place, "packed": packed, "cores": cores}
ALONE = {"packed"}  # computes on one thread
COSTS = {
    "in_place": {
        "forward": (0.0, 2.37, 0.0, 0.0),
        "backward": (0.0, 2.23, 1.1, 0.0),
    },
    "packed": {
        "forward": (3.44, 0.8, 0.38, 0.148),
        "backward": (22.8, 0.652, 0.478, 0.401),
    },
    "cores": {
        "forward": (3.2, 0.826, 0.0814, 0.152),
        "backward": (8.81, 1.01, 0.321, 0.105),
    },
}


def terms(s, itemsize, threads):
    """Seconds of the parts of forward's product and of backward's two."""
    N, D, M = s["N"], s["D"], s["M"]
    arrays = itemsize * (N * D + D * M + N * M)
    wide = VECTORS * _cost.BYTES // itemsize

    def product(n, k, m):
        tiles = 2 * _cost.whole(n, ROWS) * k * _cost.whole(m, wide)
        return _cost.arithmetic_s(tiles, itemsize, threads), _cost.traffic_s(itemsize * (n * k + k * m), 1)

    read = _cost.traffic_s(arrays, threads)
    inputs, weights = product(N, M, D), product(D, N, M)
    both = (a + b for a, b in zip(inputs, weights, strict=True))
    return {"forward": (1e-6, *product(N, D, M), read), "backward": (1e-6, *both, 2 * read)}


def expected(s, _, itemsize, threads):
    """Seconds of each rung."""
    return {
        rung: _cost.seconds(factors, terms(s, itemsize, 1 if rung in ALONE else threads))
        for rung, factors in COSTS.items()
    }


predicted, chosen = _cost.choosing(expected, "NDM", pick=_cost.fastest_together)


def forward(x, w, b):
    rung, then = chosen((*x.shape, len(b)), (), x.itemsize, get_num_threads())
    out, held = RUNGS[rung].forward(x, w, b)
    return out, (then, held)


def backward(dout, cache):
    rung, held = cache
    return RUNGS[rung].backward(dout, held)
