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
        "forward": (80.2, 0.319, 2.54, 0.52, 5.7, 0.0),
        "backward": (225.0, 0.0691, 2.79, 0.551, 7.04, 0.0),
    },
    "fused": {
        "forward": (4.75, 0.1, 1.43, 0.0, 1.54, 0.137),
        "backward": (177.0, 0.106, 1.09, 0.0, 4.51, 0.0),
    },
    "cores": {
        "forward": (24.9, 0.0847, 1.4, 0.0702, 0.216, 0.0),
        "backward": (213.0, 0.0, 1.05, 0.439, 2.7, 0.0),
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
