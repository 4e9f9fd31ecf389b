"""Layer normalisation: each sample is centred and scaled to unit variance, then scaled and shifted."""

import numpy as np

from perflab.contract import Argument, Case, Cost, Operation


def normalised(x, eps):
    """Each row centred and scaled to unit variance, and the scale of each row: (N,D), (N,1)."""
    centred = x - x.mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt((centred * centred).mean(axis=1, keepdims=True) + eps)
    return centred * scale, scale


def definition(x, g, b, eps):
    return normalised(x, eps)[0] * g + b


def gradient(dout, x, g, b, eps):
    xhat, scale = normalised(x, eps)
    dxhat = dout * g
    mean = dxhat.mean(axis=1, keepdims=True)
    along = (dxhat * xhat).mean(axis=1, keepdims=True)
    return (dxhat - mean - xhat * along) * scale, (dout * xhat).sum(axis=0), dout.sum(axis=0)


def derive(sizes, parameters):
    if sizes["D"] < 1:
        raise ValueError(f"x: D = {sizes['D']}; wanted at least one input to take the mean of")
    return dict(sizes)


def cost(sizes, parameters, itemsize):
    x, D, N = sizes["N"] * sizes["D"], sizes["D"], sizes["N"]
    forward = Cost(7 * x + 4 * N, itemsize * (2 * x + 2 * D))
    backward = Cost(11 * x + 2 * N, itemsize * (3 * x + 3 * D))
    step = Cost(forward.flops + backward.flops, itemsize * (4 * x + 4 * D))
    return {"forward": forward, "backward": backward, "step": step}


def case(name, N, D, eps=1e-5, **more):
    return name, Case(name, {"N": N, "D": D}, {"eps": eps}, **more)


SINCE = {
    "naive": "",
    "per_sample": "naive",
    "vectorized": "per_sample",
    "in_place": "vectorized",
    "jit": "naive",
    "reassociated": "jit",
}

operation = Operation(
    name="layer_norm",
    title="Layer normalisation",
    summary="out[n,d] = g[d]·(x[n,d] − mean of x[n]) / √(variance of x[n] + eps) + b[d]",
    arguments={
        "x": Argument("x", "array", ("N", "D"), meaning="a batch of inputs, one sample a row"),
        "g": Argument("g", "array", ("D",), meaning="scale of each input"),
        "b": Argument("b", "array", ("D",), meaning="shift of each input"),
        "eps": Argument("eps", "scalar", meaning="added to the variance, so that it is never zero"),
    },
    out_shape=("N", "D"),
    wrt=("x", "g", "b"),
    formulas={
        "out": "out[n,d] = g[d]·h[n,d] + b[d], h[n,d] = (x[n,d] − mean[n])·s[n], s[n] = 1/√(var[n] + eps)",
        "dx": "dx[n,d] = s[n]·(dh[n,d] − mean over k of dh[n,k] − h[n,d]·mean over k of dh[n,k]·h[n,k]),"
        " with dh[n,d] = dout[n,d]·g[d]",
        "dg": "dg[d] = Σ over n of dout[n,d]·h[n,d]",
        "db": "db[d] = Σ over n of dout[n,d]",
    },
    definition=definition,
    gradient=gradient,
    derive=derive,
    cost=cost,
    cases=dict([case("tiny", 32, 64), case("small", 128, 256), case("large", 512, 768)]),
    checks=dict(
        [
            case("odd", 5, 7),
            case("one_sample", 1, 6),
            case("two_inputs", 4, 2),
            case("square", 4, 4),
            case("large_eps", 4, 5, eps=2.0),
            case("empty", 0, 3),
        ]
    ),
    ladder=tuple(SINCE),
    since=SINCE,
    small_case="tiny",
    study_case="large",
)
