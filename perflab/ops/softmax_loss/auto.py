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
        "forward": (22.4, 2.73, 1.42, 0.0, 5.23),
        "backward": (6.87, 2.45, 2.72, 2.1, 0.0),
    },
    "jit_exp": {
        "forward": (6.01, 2.87, 1.51, 0.0, 3.64),
        "backward": (7.39, 2.22, 3.22, 2.02, 0.0),
    },
    "blocked": {
        "forward": (21.5, 2.48, 1.39, 1.31, 4.4),
        "backward": (21.3, 2.16, 2.39, 6.38, 0.0),
    },
    "cores": {
        "forward": (8.36, 0.902, 0.733, 0.0, 5.45),
        "backward": (8.24, 1.02, 0.883, 0.585, 0.0),
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
