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
        "forward": (56.5, 2.4, 2.18, 0.929, 7.64),
        "backward": (18.5, 2.08, 4.62, 0.0, 0.0),
    },
    "jit_exp": {
        "forward": (27.3, 2.19, 2.02, 0.0, 3.57),
        "backward": (16.8, 2.15, 4.63, 0.0, 0.0),
    },
    "blocked": {
        "forward": (30.1, 2.4, 1.96, 0.358, 0.0),
        "backward": (22.0, 2.0, 4.5, 0.0, 0.0),
    },
    "cores": {
        "forward": (52.4, 2.14, 3.77, 0.0, 12.0),
        "backward": (42.3, 1.76, 3.66, 0.0, 0.0),
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
