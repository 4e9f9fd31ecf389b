"""A weighted histogram: each sample adds its weight to its bin. Forward only, with integer inputs."""

import numpy as np

from perflab.contract import Argument, Case, Cost, Operation


def definition(bins, w, start):
    out = start.copy()
    np.add.at(out, bins, w)
    return out


def derive(sizes, parameters):
    if sizes["B"] < 1:
        raise ValueError(f"start: B = {sizes['B']}; wanted at least one bin")
    return dict(sizes)


def cost(sizes, parameters, itemsize):
    N, B = sizes["N"], sizes["B"]
    return {"forward": Cost(N, 8 * N + itemsize * (N + 2 * B))}


def case(name, N, B, **more):
    return name, Case(name, {"N": N, "B": B}, **more)


SINCE = {
    "naive": "",
    "per_bin": "naive",
    "vectorized": "per_bin",
    "sorted_first": "vectorized",
    "jit": "naive",
    "several": "jit",
}

operation = Operation(
    name="histogram",
    title="Weighted histogram",
    summary="out[b] = start[b] + Σ of w[n] over the samples n with bins[n] = b",
    arguments={
        "bins": Argument("bins", "labels", ("N",), upper="B", meaning="the bin of each sample"),
        "w": Argument("w", "array", ("N",), meaning="the weight of each sample"),
        "start": Argument("start", "array", ("B",), meaning="what the bins hold before"),
    },
    out_shape=("B",),
    wrt=(),
    formulas={"out": "out[b] = start[b] + Σ of w[n] over the samples n with bins[n] = b"},
    definition=definition,
    derive=derive,
    cost=cost,
    cases=dict([case("tiny", 2_000, 16), case("small", 20_000, 64), case("large", 400_000, 256)]),
    checks=dict(
        [
            case("odd", 23, 5),
            case("one_sample", 1, 3),
            case("one_bin", 9, 1),
            case("more_bins_than_samples", 6, 11),
            case("integers", 40, 4, inputs="integers"),
            case("empty", 0, 3),
        ]
    ),
    ladder=tuple(SINCE),
    since=SINCE,
    small_case="tiny",
    study_case="large",
    exact_on_integers=True,
    multiplies=False,
)
