"""Squared distances between every two points of two sets."""

import numpy as np

from perflab.contract import Argument, Case, Cost, Operation


def definition(x, y):
    apart = x[:, np.newaxis] - y[np.newaxis]
    return (apart * apart).sum(axis=2)


def gradient(dout, x, y):
    apart = 2 * dout[:, :, np.newaxis] * (x[:, np.newaxis] - y[np.newaxis])
    return apart.sum(axis=1), -apart.sum(axis=0)


def derive(sizes, parameters):
    return dict(sizes)


def cost(sizes, parameters, itemsize):
    N, M, D = sizes["N"], sizes["M"], sizes["D"]
    pairs, points = N * M, (N + M) * D
    forward = Cost(3 * pairs * D, itemsize * (points + pairs))
    backward = Cost(4 * pairs * D + pairs, itemsize * (2 * points + pairs))
    step = Cost(forward.flops + backward.flops, itemsize * (2 * points + 2 * pairs))
    return {"forward": forward, "backward": backward, "step": step}


def case(name, N, M, D, **more):
    return name, Case(name, {"N": N, "M": M, "D": D}, **more)


SINCE = {
    "naive": "",
    "per_point": "naive",
    "vectorized": "per_point",
    "product": "vectorized",
    "jit": "naive",
    "reassociated": "jit",
}

operation = Operation(
    name="pairwise_distance",
    title="Pairwise distances",
    summary="out[n,m] = Σ over d of (x[n,d] − y[m,d])²",
    arguments={
        "x": Argument("x", "array", ("N", "D"), meaning="points, one a row"),
        "y": Argument("y", "array", ("M", "D"), meaning="other points, one a row"),
    },
    out_shape=("N", "M"),
    wrt=("x", "y"),
    formulas={
        "out": "out[n,m] = Σ over d of (x[n,d] − y[m,d])²",
        "dx": "dx[n,d] = Σ over m of 2·dout[n,m]·(x[n,d] − y[m,d])",
        "dy": "dy[m,d] = −Σ over n of 2·dout[n,m]·(x[n,d] − y[m,d])",
    },
    definition=definition,
    gradient=gradient,
    derive=derive,
    cost=cost,
    cases=dict([case("tiny", 16, 20, 16), case("small", 64, 64, 32), case("large", 256, 256, 64)]),
    checks=dict(
        [
            case("odd", 5, 3, 7),
            case("one_point", 1, 4, 3),
            case("on_a_line", 4, 5, 1),
            case("square", 4, 4, 4),
            case("integers", 5, 4, 6, inputs="integers"),
            case("empty", 0, 3, 2),
        ]
    ),
    ladder=tuple(SINCE),
    since=SINCE,
    small_case="tiny",
    study_case="large",
    exact_on_integers=True,
)
