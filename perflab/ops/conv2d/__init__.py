"""Two-dimensional convolution (cross-correlation): neurons that see a window and share their weights."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from perflab.contract import Argument, Case, Cost, Operation


def padded_windows(x, taps, stride, pad):
    """Every window of the padded input, a view: (N, C, OH, OW, HH, WW)."""
    xp = np.pad(x, ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
    return sliding_window_view(xp, taps, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]


def definition(x, w, b, stride, pad):
    windows = padded_windows(x, w.shape[2:], stride, pad)
    out = np.einsum("ncijuv,fcuv->nfij", windows, w, optimize=x.dtype == np.float64)
    return out + b[:, np.newaxis, np.newaxis]


def gradient(dout, x, w, b, stride, pad):
    (N, C, H, W), (HH, WW), (OH, OW) = x.shape, w.shape[2:], dout.shape[2:]
    windows = padded_windows(x, (HH, WW), stride, pad)
    dw = np.einsum("nfij,ncijuv->fcuv", dout, windows, optimize=x.dtype == np.float64)
    dxp = np.zeros((N, C, H + 2 * pad[0], W + 2 * pad[1]), x.dtype)
    for u, v in np.ndindex(HH, WW):
        rows = slice(u, u + stride[0] * OH, stride[0])
        cols = slice(v, v + stride[1] * OW, stride[1])
        dxp[:, :, rows, cols] += np.einsum("nfij,fc->ncij", dout, w[:, :, u, v])
    dx = dxp[:, :, pad[0] : pad[0] + H, pad[1] : pad[1] + W]
    return dx, dw, dout.sum(axis=(0, 2, 3))


def bound(gamma, dout, x, w, b, stride, pad):
    (F, C, HH, WW), (N, _, OH, OW) = w.shape, dout.shape
    x, w, b, dout = np.abs(x), np.abs(w), np.abs(b), np.abs(dout)
    dx, dw, db = gradient(dout, x, w, b, stride, pad)
    grads = gamma(F * HH * WW) * dx, gamma(N * OH * OW) * dw, gamma(N * OH * OW) * db
    return gamma(C * HH * WW + 1) * definition(x, w, b, stride, pad), grads


def derive(sizes, parameters):
    derived = dict(sizes)
    window = zip(("OH", "OW"), ("H", "W"), ("HH", "WW"), parameters["stride"], parameters["pad"], strict=True)
    for out, axis, taps, stride, pad in window:
        reach = sizes[axis] + 2 * pad
        if sizes[taps] < 1:
            raise ValueError(f"w: {taps} = 0; wanted a kernel of at least one tap")
        if sizes[taps] > reach:
            raise ValueError(
                f"w: {taps} = {sizes[taps]} is larger than x's padded {axis} = {sizes[axis]} + 2·{pad}"
                f" = {reach}; wanted {taps} <= {reach}"
            )
        derived[out] = (reach - sizes[taps]) // stride + 1
    return derived


def cost(sizes, parameters, itemsize):
    s = derive(sizes, parameters)
    macs = s["N"] * s["F"] * s["OH"] * s["OW"] * s["C"] * s["HH"] * s["WW"]
    x = s["N"] * s["C"] * s["H"] * s["W"]
    w = s["F"] * s["C"] * s["HH"] * s["WW"]
    b, out = s["F"], s["N"] * s["F"] * s["OH"] * s["OW"]
    forward = Cost(2 * macs, itemsize * (x + w + b + out))
    backward = Cost(4 * macs + out, itemsize * (2 * x + 2 * w + b + out))
    step = Cost(forward.flops + backward.flops, itemsize * (2 * x + 2 * w + 2 * b + 2 * out))
    return {"forward": forward, "backward": backward, "step": step}


def case(name, image, kernel, stride=1, pad=0, **more):
    sizes = dict(zip("NCHW", image, strict=True)) | dict(zip(("F", "HH", "WW"), kernel, strict=True))
    return name, Case(name, sizes, {"stride": stride, "pad": pad}, **more)


SINCE = {  # the ladder: each rung, and the one that it stands on
    "naive": "",
    "per_neuron": "naive",
    "vectorized": "per_neuron",
    "one_product": "vectorized",
    "shift_and_add": "vectorized",
    "jit": "naive",
    "jit_parallel": "jit",
    "simd": "jit_parallel",
    "implicit": "simd",
    "winograd2": "implicit",
    "winograd4": "winograd2",
    "auto": "winograd4",
}

operation = Operation(
    name="conv2d",
    title="Convolution",
    summary="out[n,f,i,j] = b[f] + Σ over c,u,v of x[n,c,i·stride+u−pad,j·stride+v−pad]·w[f,c,u,v]",
    arguments={
        "x": Argument("x", "array", ("N", "C", "H", "W"), meaning="a batch of images"),
        "w": Argument("w", "array", ("F", "C", "HH", "WW"), meaning="F filters of C·HH·WW taps"),
        "b": Argument("b", "array", ("F",), meaning="one bias a filter"),
        "stride": Argument("stride", "pair", minimum=1, default=1, required=False, meaning="window step"),
        "pad": Argument("pad", "pair", minimum=0, default=0, required=False, meaning="zeros on each side"),
    },
    out_shape=("N", "F", "OH", "OW"),
    wrt=("x", "w", "b"),
    formulas={
        "out": "out[n,f,i,j] = b[f] + Σ over c,u,v of x[n,c,i·stride+u−pad,j·stride+v−pad]·w[f,c,u,v]",
        "dx": "dx[n,c,i·stride+u−pad,j·stride+v−pad] += w[f,c,u,v]·dout[n,f,i,j], where it falls inside x",
        "dw": "dw[f,c,u,v] = Σ over n,i,j of x[n,c,i·stride+u−pad,j·stride+v−pad]·dout[n,f,i,j]",
        "db": "db[f] = Σ over n,i,j of dout[n,f,i,j]",
    },
    definition=definition,
    gradient=gradient,
    bound=bound,
    derive=derive,
    cost=cost,
    cases=dict(
        [
            case("tiny", (5, 3, 9, 9), (8, 3, 3), stride=2, pad=1),
            case("small", (8, 3, 15, 15), (8, 3, 3), stride=2, pad=1),
            case("digits", (100, 1, 8, 8), (4, 3, 3), pad=1, inputs="digits"),
            case("medium", (10, 3, 31, 31), (10, 3, 3), stride=2, pad=1),
            case("large", (40, 3, 31, 31), (25, 3, 3), stride=2, pad=1),
            case("cs231n", (100, 3, 31, 31), (25, 3, 3), stride=2, pad=1),
        ]
    ),
    contest=dict(
        [
            case("cs231n", (100, 3, 31, 31), (25, 3, 3), stride=2, pad=1),
            case("rgb_7x7", (64, 3, 32, 32), (32, 7, 7), pad=3),
            case("c64", (16, 64, 56, 56), (64, 3, 3), pad=1),
            case("c128", (16, 128, 28, 28), (128, 3, 3), pad=1),
            case("c256", (16, 256, 14, 14), (256, 3, 3), pad=1),
            case("c32", (64, 32, 16, 16), (32, 3, 3), pad=1),
            case("c256_1x1", (16, 256, 28, 28), (64, 1, 1)),
            case("c128_stride2", (16, 128, 56, 56), (128, 3, 3), stride=2, pad=1),
            case("rgb_224", (16, 3, 224, 224), (64, 7, 7), stride=2, pad=3),
            case("one_image", (1, 64, 56, 56), (64, 3, 3), pad=1),
        ]
    ),
    checks=dict(
        [
            case("odd", (2, 3, 7, 6), (4, 3, 3), stride=(2, 1), pad=(1, 0)),
            case("rectangular", (2, 2, 5, 6), (3, 2, 3), stride=(1, 2), pad=(2, 1)),
            case("one_pixel", (1, 1, 1, 1), (1, 1, 1)),
            case("one_channel", (2, 1, 5, 5), (1, 2, 2)),
            case("leftover", (2, 2, 8, 9), (2, 2, 3), stride=3),
            case("gaps", (2, 2, 7, 7), (2, 2, 2), stride=(3, 4)),
            case("wide_pad", (1, 2, 3, 4), (2, 3, 3), stride=2, pad=3),
            case("square", (3, 3, 3, 3), (3, 3, 3), pad=1),
            case("integers", (3, 2, 6, 7), (4, 3, 2), stride=(2, 1), pad=1, inputs="integers"),
            case("tiles", (2, 3, 9, 7), (5, 3, 3), pad=1, inputs="integers"),
            case("empty", (0, 2, 5, 5), (3, 3, 3)),
        ]
    ),
    ladder=tuple(SINCE),
    since=SINCE,
    study_case="one_image",
    small_case="tiny",
    exact_on_integers=True,
)
