"""The fully connected layer: every output neuron is a weighted sum of all inputs."""

import numpy as np

from perflab.contract import Argument, Case, Cost, Operation


def definition(x, w, b):
    return x @ w + b


def gradient(dout, x, w, b):
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def bound(gamma, dout, x, w, b):
    (N, D), M = x.shape, b.shape[0]
    x, w, b, dout = np.abs(x), np.abs(w), np.abs(b), np.abs(dout)
    dx, dw, db = gradient(dout, x, w, b)
    return gamma(D + 1) * definition(x, w, b), (gamma(M) * dx, gamma(N) * dw, gamma(N) * db)


def derive(sizes, parameters):
    return dict(sizes)


def cost(sizes, parameters, itemsize):
    N, D, M = sizes["N"], sizes["D"], sizes["M"]
    x, w, b, out = N * D, D * M, M, N * M
    forward = Cost(2 * N * D * M, itemsize * (x + w + b + out))
    backward = Cost(4 * N * D * M + N * M, itemsize * (2 * x + 2 * w + b + out))
    step = Cost(forward.flops + backward.flops, itemsize * (2 * x + 2 * w + 2 * b + 2 * out))
    return {"forward": forward, "backward": backward, "step": step}


def case(name, N, D, M, **more):
    return name, Case(name, {"N": N, "D": D, "M": M}, **more)


SINCE = {  # the ladder: each rung, and the one that it stands on
    "naive": "",
    "per_neuron": "naive",
    "vectorized": "per_neuron",
    "in_place": "vectorized",
    "jit": "naive",
    "reordered": "jit",
    "accumulators": "reordered",
    "simd": "accumulators",
    "tiles": "simd",
    "packed": "tiles",
    "cores": "packed",
    "auto": "cores",
}

operation = Operation(
    name="fully_connected",
    title="Fully connected layer",
    summary="out = x·w + b: each of M neurons weighs all D inputs",
    arguments={
        "x": Argument("x", "array", ("N", "D"), meaning="a batch of inputs, one sample a row"),
        "w": Argument("w", "array", ("D", "M"), meaning="weights, one neuron a column"),
        "b": Argument("b", "array", ("M",), meaning="biases"),
    },
    out_shape=("N", "M"),
    wrt=("x", "w", "b"),
    formulas={
        "out": "out[n,m] = b[m] + Σ over d of x[n,d]·w[d,m]",
        "dx": "dx[n,d] = Σ over m of dout[n,m]·w[d,m]",
        "dw": "dw[d,m] = Σ over n of x[n,d]·dout[n,m]",
        "db": "db[m] = Σ over n of dout[n,m]",
    },
    definition=definition,
    gradient=gradient,
    bound=bound,
    derive=derive,
    cost=cost,
    cases=dict(
        [
            case("tiny", 16, 64, 32),
            case("small", 32, 128, 64),
            case("digits", 500, 64, 10, inputs="digits"),
            case("medium", 64, 256, 128),
            case("large", 128, 768, 256),
            case("cs231n", 500, 3072, 1000),
        ]
    ),
    contest=dict(
        [
            case("n64_512", 64, 512, 512),
            case("cs231n", 500, 3072, 1000),
            case("one_4096", 1, 4096, 4096),
            case("n1024_4096", 1024, 4096, 4096),
        ]
    ),
    checks=dict(
        [
            case("odd", 5, 7, 3),
            case("one_sample", 1, 6, 4),
            case("one_neuron", 4, 5, 1),
            case("one_input", 3, 1, 4),
            case("square", 6, 6, 6),
            case("integers", 7, 9, 5, inputs="integers"),
            case("empty", 0, 5, 3),
        ]
    ),
    ladder=tuple(SINCE),
    since=SINCE,
    study_case="large",
    small_case="tiny",
    exact_on_integers=True,
)
