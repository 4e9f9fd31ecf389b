"""Two-dimensional max-pooling: each window passes on its largest value."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from perflab.contract import Argument, Case, Cost, Operation

from ._ties import is_subgradient


def definition(x, size, stride):
    windows = sliding_window_view(x, size, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    return windows.max(axis=(4, 5))


def gradient(dout, x, size, stride):
    out = definition(x, size, stride)
    OH, OW = out.shape[2:]
    dx = np.zeros_like(x)
    free = np.ones(out.shape, bool)  # windows without a maximum so far, tap after tap in row-major order
    for u, v in np.ndindex(*size):
        rows = slice(u, u + stride[0] * OH, stride[0])
        cols = slice(v, v + stride[1] * OW, stride[1])
        tap = x[:, :, rows, cols]
        met = free & ((tap == out) | np.isnan(tap))
        dx[:, :, rows, cols] += np.where(met, dout, 0)
        free &= ~met
    return (dx,)


def bound(gamma, dout, x, size, stride):
    """A maximum rounds nothing; an element of dx is a sum over the windows that cover it."""
    covering = math.prod(math.ceil(size[a] / stride[a]) for a in (0, 1))
    (dx,) = gradient(np.abs(dout), x, size, stride)
    return np.zeros_like(dout), (gamma(covering - 1) * dx,)


def derive(sizes, parameters):
    derived = dict(sizes)
    for out, axis, size, stride in zip(
        ("OH", "OW"), ("H", "W"), parameters["size"], parameters["stride"], strict=True
    ):
        if size > sizes[axis]:
            raise ValueError(
                f"size: {parameters['size']}; the window is larger than x's {axis} = {sizes[axis]},"
                f" wanted at most {sizes[axis]}"
            )
        derived[out] = (sizes[axis] - size) // stride + 1
    return derived


def cost(sizes, parameters, itemsize):
    s = derive(sizes, parameters)
    x, out = s["N"] * s["C"] * s["H"] * s["W"], s["N"] * s["C"] * s["OH"] * s["OW"]
    forward = Cost(out * (math.prod(parameters["size"]) - 1), itemsize * (x + out))
    backward = Cost(out, itemsize * (x + out) + out)
    step = Cost(forward.flops + backward.flops, itemsize * (2 * x + 2 * out))
    return {"forward": forward, "backward": backward, "step": step}


def case(name, image, size=2, stride=2, **more):
    return name, Case(name, dict(zip("NCHW", image, strict=True)), {"size": size, "stride": stride}, **more)


SINCE = {  # the ladder: each rung, and the one that it stands on
    "naive": "",
    "per_neuron": "naive",
    "vectorized": "per_neuron",
    "reshaped": "vectorized",
    "strided": "reshaped",
    "jit": "naive",
    "jit_parallel": "jit",
    "simd": "jit_parallel",
    "auto": "simd",
}

operation = Operation(
    name="max_pool2d",
    title="Max-pooling",
    summary="out[n,c,i,j] = the largest value of its window; its gradient goes to the first maximum",
    arguments={
        "x": Argument("x", "array", ("N", "C", "H", "W"), meaning="a batch of images"),
        "size": Argument("size", "pair", minimum=1, default=2, required=False, meaning="window"),
        "stride": Argument("stride", "pair", minimum=1, default=2, required=False, meaning="window step"),
    },
    out_shape=("N", "C", "OH", "OW"),
    wrt=("x",),
    formulas={
        "out": "out[n,c,i,j] = max over u,v of x[n,c,i·stride+u,j·stride+v]",
        "dx": "dx[n,c,i·stride+u,j·stride+v] += dout[n,c,i,j] at the first u,v that hold the maximum",
    },
    definition=definition,
    gradient=gradient,
    bound=bound,
    derive=derive,
    cost=cost,
    cases=dict(
        [
            case("tiny", (16, 3, 32, 32)),
            case("small", (40, 3, 32, 32)),
            case("digits", (1797, 1, 8, 8), inputs="digits"),
            case("cs231n", (100, 3, 32, 32)),
            case("medium", (64, 8, 32, 32)),
            case("large", (64, 32, 32, 32)),
        ]
    ),
    contest=dict(
        [
            case("cs231n", (100, 3, 32, 32)),
            case("large", (64, 32, 32, 32)),
            case("c64_112", (32, 64, 112, 112)),
            case("c64_112_3x3", (32, 64, 112, 112), size=3, stride=2),
            case("odd_57", (16, 32, 57, 57), size=3, stride=2),
        ]
    ),
    checks=dict(
        [
            case("odd", (2, 3, 7, 5)),
            case("tiles", (2, 3, 6, 4)),
            case("overlapping", (2, 2, 7, 8), size=3, stride=2),
            case("overlapping_whole", (2, 3, 5, 9), size=3, stride=2),
            case("rectangular", (2, 2, 6, 7), size=(2, 3), stride=(1, 2)),
            case("gaps", (2, 2, 7, 8), size=2, stride=3),
            case("one_pixel", (1, 1, 1, 1), size=1, stride=1),
            case("whole_image", (3, 2, 4, 5), size=(4, 5), stride=(2, 1)),
            case("integers", (3, 2, 6, 6), size=3, stride=1, inputs="integers"),
            case("ties", (4, 2, 6, 6), size=2, stride=2, inputs="ties"),
            case("ties_overlapping", (2, 2, 7, 7), size=3, stride=2, inputs="ties"),
            case("nan", (4, 2, 8, 8), size=2, stride=2, inputs="nan"),
            case("nan_overlapping", (2, 2, 9, 9), size=3, stride=2, inputs="nan"),
            case("empty", (0, 2, 4, 4)),
        ]
    ),
    ladder=tuple(SINCE),
    since=SINCE,
    study_case="large",
    small_case="tiny",
    exact_on_integers=True,
    kinks=True,
    subgradient=is_subgradient,
    multiplies=False,
)
