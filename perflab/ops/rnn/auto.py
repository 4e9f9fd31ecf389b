"""The rung that a model of its cost expects to be the fastest: BLAS at each step, compiled steps, every core.

x (N,T,D), h0 (N,H), Wx (D,H), Wh (H,H), b (H,) -> h (N,T,H)

A rung's time is a sum of a part for each step, the products' arithmetic, the reading of weights and states,
and tanh, each times a factor of this rung. The factors are fitted to times measured on shapes of public
networks. forward and backward are chosen each by itself: all rungs keep the same between them.
"""

from numba import get_num_threads

from .. import _cost
from . import cores, fused, one_product

RUNGS = {"one_product": one_product, "fused": fused, "cores": cores}
ALONE = {"fused"}  # computes on one thread
COSTS = {
    "one_product": {
        "forward": (0.0, 6.61, 2.84, 0.776, 6.31, 0.0),
        "backward": (0.0, 8.41, 2.69, 0.0, 0.0, 0.0),
    },
    "fused": {
        "forward": (230.0, 0.0, 2.15, 0.0, 0.0, 0.0),
        "backward": (303.0, 0.0, 2.32, 0.0, 14.1, 0.0),
    },
    "cores": {
        "forward": (142.0, 0.0, 1.97, 0.0, 2.56, 0.0),
        "backward": (315.0, 0.0, 1.77, 0.0, 21.5, 0.0),
    },
}


def terms(s, itemsize, threads):
    """Seconds of the parts of forward, and of backward with its products twice."""
    N, T, D, H = s["N"], s["T"], s["D"], s["H"]
    lanes = _cost.BYTES // itemsize
    products = _cost.arithmetic_s(2 * N * T * _cost.whole(H, lanes) * (D + H), itemsize, threads)
    weights = T * _cost.traffic_s(itemsize * H * H, 1)
    states = _cost.traffic_s(itemsize * N * T * (D + H), threads)
    tanh = N * T * H / _cost.CLOCK / threads
    forward = 1e-6, T * 1e-6, products, weights, states, tanh
    return {"forward": forward, "backward": (1e-6, T * 1e-6, 2 * products, weights, 2 * states, 0.0)}


def expected(s, _, itemsize, threads):
    """Seconds of each rung."""
    return {
        rung: _cost.seconds(factors, terms(s, itemsize, 1 if rung in ALONE else threads))
        for rung, factors in COSTS.items()
    }


predicted, chosen = _cost.choosing(expected, "NTDH")


def forward(x, h0, Wx, Wh, b):
    rung, then = chosen((*x.shape, len(b)), (), x.itemsize, get_num_threads())
    h, held = RUNGS[rung].forward(x, h0, Wx, Wh, b)
    return h, (then, held)


def backward(dout, cache):
    rung, held = cache
    return RUNGS[rung].backward(dout, held)
