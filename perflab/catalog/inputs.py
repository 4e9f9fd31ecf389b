"""A case's arrays, drawn from its seed or taken from the handwritten digits.

The kinds of inputs, by the name that a case gives:

normal    standard normal with one value in 64 scaled by 8, so that an error in a rare large value shows;
          where the operation has kinks, a random order of evenly spaced values, so that none are near
integers  whole numbers from −4 to 4: any order of summation gives the same bits
ties      zeros and ones: nearly every window has several maxima
nan       normal, one value in ten NaN
extreme   rows scaled from 1 up, so that exp of some scores overflows, and scores exceed ±1e4
digits    real images and their labels; weights and biases as in "normal"

Targets are uniform between 0 and 1 for every kind except "digits": there they are one-hot rows of the labels.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from perflab.contract import Argument, Array, Case, Operation

OUTLIER_EVERY = 64
OUTLIER_SCALE = 8.0
EXTREME = 4e4


def make(operation: Operation, case: Case, dtype: str) -> dict[str, Any]:
    """Every argument of `forward` by name, in order: arrays in `dtype`, labels int64, pairs as two ints."""
    rng = np.random.default_rng([case.seed, zlib.crc32(operation.name.encode())])
    values: dict[str, Any] = dict(pairs(operation, case))
    for position, argument in enumerate(operation.arguments.values()):
        if argument.kind == "array":
            values[argument.name] = _draw(operation, argument, case, position, rng).astype(dtype)
        elif argument.kind == "labels":
            values[argument.name] = _labels(argument, case, rng)
        elif argument.kind == "scalar":
            values[argument.name] = np.dtype(dtype).type(case.parameters.get(argument.name, 0.0))
    return {name: values[name] for name in operation.arguments}


def upstream(operation: Operation, case: Case, dtype: str) -> Any:
    """A random upstream gradient `dout` in the shape of the output: never ones."""
    rng = np.random.default_rng([case.seed, zlib.crc32(operation.name.encode()), 1])
    shape = _shape(operation.out_shape, output_sizes(operation, case))
    whole = case.inputs in ("integers", "ties")
    drawn = np.asarray(rng.integers(-4, 5, shape) if whole else rng.standard_normal(shape)).astype(dtype)
    return drawn if shape else drawn[()]


def output_sizes(operation: Operation, case: Case) -> dict[str, int]:
    """The size of every axis of a case, the output's included."""
    return operation.derive(case.sizes, pairs(operation, case))


def pairs(operation: Operation, case: Case) -> dict[str, tuple[int, int]]:
    """A case's strides, pads and windows, each as two ints."""
    arguments = [argument for argument in operation.arguments.values() if argument.kind == "pair"]
    values = {argument.name: case.parameters.get(argument.name, argument.default) for argument in arguments}
    return {name: (v, v) if isinstance(v, int) else tuple(v) for name, v in values.items()}


@cache
def digits() -> tuple[Array, Array]:
    """The handwritten digits: images (1797,8,8) with values 0 to 16, and labels (1797,), both uint8."""
    with files("perflab").joinpath("data/digits.npz").open("rb") as file, np.load(file) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def _shape(axes: Sequence[str], sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(sizes[axis] for axis in axes)


def _labels(argument: Argument, case: Case, rng: np.random.Generator) -> Array:
    shape = _shape(argument.shape, case.sizes)
    if case.inputs == "digits":
        return digits()[1][: shape[0]].astype(np.int64)
    return rng.integers(0, case.sizes[argument.upper], shape)


def _draw(
    operation: Operation, argument: Argument, case: Case, position: int, rng: np.random.Generator
) -> Array:
    """An array argument in float64; the first argument of a case of digits is their images."""
    shape = _shape(argument.shape, case.sizes)
    if case.inputs == "digits" and position == 0:
        return (digits()[0][: shape[0]] / 16.0).reshape(shape)
    if argument.target:
        N, k = shape
        return np.eye(10, k)[digits()[1][:N]] if case.inputs == "digits" else rng.random(shape)
    if case.inputs == "integers":
        return rng.integers(-4, 5, shape).astype(float)
    if case.inputs == "ties":
        return rng.integers(0, 2, shape).astype(float)
    if operation.kinks:
        values = rng.permutation(np.linspace(-1.0, 1.0, math.prod(shape))).reshape(shape)
    else:
        values = rng.standard_normal(shape)
        values[rng.random(shape) < 1 / OUTLIER_EVERY] *= OUTLIER_SCALE
        values *= argument.scale
    if case.inputs == "nan":
        values[rng.random(shape) < 0.1] = np.nan
    if case.inputs == "extreme" and position == 0:
        values *= np.geomspace(1.0, EXTREME, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    return values
