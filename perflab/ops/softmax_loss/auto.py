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
        "forward": (14.0, 2.7, 1.66, 1.88, 2.75),
        "backward": (3.19, 2.34, 2.31, 3.93, 0.0),
    },
    "jit_exp": {
        "forward": (3.91, 3.77, 0.831, 3.73, 0.0),
        "backward": (2.37, 3.06, 1.2, 48.2, 0.0),
    },
    "blocked": {
        "forward": (4.83, 2.2, 1.95, 0.0, 8.13),
        "backward": (4.51, 1.8, 3.13, 0.0, 0.0),
    },
    "cores": {
        "forward": (11.5, 0.649, 0.845, 0.0, 7.7),
        "backward": (14.8, 0.629, 0.936, 12.6, 0.0),
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
