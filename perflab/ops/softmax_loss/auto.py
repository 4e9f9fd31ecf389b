"""The rung that a model of its cost expects to be the fastest: BLAS, one compiled pass, or every core.

X (N,D), W (D,C), y (N,) labels, reg -> loss, a scalar

A rung's time is a sum of a fixed part, a product's arithmetic, the reading of X, W and the scores, and a pass
with exp over the scores, each times a factor of this rung. The factors are fitted to times measured on shapes
of public networks. Rungs keep different things between forward and backward: one rung does both, that with
the least time of a step.
"""

from numba import get_num_threads

from .. import _cost
from . import blocked, cores, fused, jit_exp

RUNGS = {"fused": fused, "jit_exp": jit_exp, "blocked": blocked, "cores": cores}
COSTS = {
    "fused": {
        "forward": (24.7, 2.77, 1.37, 0.0, 4.64),
        "backward": (7.99, 2.61, 2.61, 0.0, 0.0),
    },
    "jit_exp": {
        "forward": (6.56, 3.24, 1.45, 0.0, 0.349),
        "backward": (7.01, 2.36, 3.4, 0.0, 0.0),
    },
    "blocked": {
        "forward": (20.6, 2.51, 1.49, 2.29, 0.0),
        "backward": (18.6, 2.05, 2.46, 2.87, 0.0),
    },
    "cores": {
        "forward": (8.71, 0.916, 0.743, 0.0, 3.37),
        "backward": (8.45, 0.907, 0.933, 0.598, 0.0),
    },
}


def terms(s, itemsize, threads):
    """Seconds of the parts of forward, and of backward with its two products."""
    N, D, C = s["N"], s["D"], s["C"]
    few = _cost.arithmetic_s(2 * N * D * _cost.whole(C, _cost.BYTES // itemsize), itemsize, threads)
    read = _cost.traffic_s(itemsize * (N * D + D * C), threads)
    scores = _cost.traffic_s(itemsize * N * C, threads)
    exp = N * C / _cost.CLOCK / threads
    return {"forward": (1e-6, few, read, scores, exp), "backward": (1e-6, 2 * few, 2 * read, scores, 0.0)}


def expected(s, _, itemsize, threads):
    """Seconds of each rung."""
    return {rung: _cost.seconds(factors, terms(s, itemsize, threads)) for rung, factors in COSTS.items()}


predicted, chosen = _cost.choosing(expected, "NDC", pick=_cost.fastest_together)


def forward(X, W, y, reg):
    rung, then = chosen((*X.shape, W.shape[1]), (), X.itemsize, get_num_threads())
    loss, held = RUNGS[rung].forward(X, W, y, reg)
    return loss, (then, held)


def backward(dout, cache):
    rung, held = cache
    return RUNGS[rung].backward(dout, held)
