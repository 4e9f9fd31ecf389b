"""The rung that a model of its cost expects to be the fastest: BLAS, packed products, or rows for each core.

x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k) -> J, a scalar

A rung's time is a sum of a fixed part, the products' arithmetic, the packing of weights, and passes over
activations, each times a factor of this rung. The factors are fitted to times measured on shapes of public
networks. One rung does both directions, that with the least time of a step: threads of BLAS and of Numba
would disturb each other.
"""

from numba import get_num_threads

from .. import _cost
from . import cores, fused, packed

RUNGS = {"fused": fused, "packed": packed, "cores": cores}
COSTS = {
    "fused": {
        "forward": (6.12, 3.16, 0.978, 0.0, 0.0),
        "backward": (3.57, 2.8, 1.55, 0.0, 0.0),
    },
    "packed": {
        "forward": (23.0, 0.742, 0.625, 1.09, 1.61),
        "backward": (37.5, 0.64, 0.46, 0.708, 8.19),
    },
    "cores": {
        "forward": (6.26, 0.866, 0.412, 0.0, 1.31),
        "backward": (13.7, 0.743, 0.424, 0.0, 1.8),
    },
}


def terms(s, itemsize, threads):
    """Seconds of the parts of forward, and of backward with its four products."""
    N, n, h, k = s["N"], s["n"], s["h"], s["k"]
    products = _cost.arithmetic_s(2 * N * h * (n + k), itemsize, threads)
    weights = _cost.traffic_s(itemsize * h * (n + k), 1)
    passes = _cost.traffic_s(itemsize * N * (n + h + k), threads)
    exp = N * (h + k) / _cost.CLOCK / threads
    forward = 1e-6, products, weights, passes, exp
    return {"forward": forward, "backward": (1e-6, 2 * products, 2 * weights, 2 * passes, exp)}


def expected(s, _, itemsize, threads):
    """Seconds of each rung."""
    return {rung: _cost.seconds(factors, terms(s, itemsize, threads)) for rung, factors in COSTS.items()}


predicted, chosen = _cost.choosing(expected, "Nnhk", pick=_cost.fastest_together)


def forward(x, W2, b2, W3, b3, t):
    rung, then = chosen((*x.shape, len(b2), len(b3)), (), x.itemsize, get_num_threads())
    J, held = RUNGS[rung].forward(x, W2, b2, W3, b3, t)
    return J, (then, held)


def backward(dout, cache):
    rung, held = cache
    return RUNGS[rung].backward(dout, held)
