"""The rung that a model of its cost expects to be the fastest: BLAS, packed products, or rows for each core.

x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k) -> J, a scalar

A rung's time is a sum of a fixed part, the products' arithmetic, the packing of weights, and passes over
activations, each times a factor of this rung. The factors are fitted to times measured on shapes of public
networks. forward and backward are chosen each by itself: all rungs keep the same between them.
"""

from numba import get_num_threads

from .. import _cost
from . import cores, fused, packed

RUNGS = {"fused": fused, "packed": packed, "cores": cores}
COSTS = {
    "fused": {
        "forward": (14.9, 1.74, 0.918, 3.59, 0.0),
        "backward": (13.1, 1.39, 2.29, 5.59, 0.0),
    },
    "packed": {
        "forward": (44.2, 1.32, 4.23, 7.83, 3.77),
        "backward": (45.7, 1.53, 3.31, 4.08, 5.22),
    },
    "cores": {
        "forward": (18.6, 1.4, 3.09, 5.26, 5.05),
        "backward": (22.1, 1.45, 3.21, 4.4, 1.7),
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


predicted, chosen = _cost.choosing(expected, "Nnhk")


def forward(x, W2, b2, W3, b3, t):
    rung, then = chosen((*x.shape, len(b2), len(b3)), (), x.itemsize, get_num_threads())
    J, held = RUNGS[rung].forward(x, W2, b2, W3, b3, t)
    return J, (then, held)


def backward(dout, cache):
    rung, held = cache
    return RUNGS[rung].backward(dout, held)
