"""A case's arrays, drawn from its seed or taken from the handwritten digits.

The kinds of inputs, by the name that a case gives:

normal    standard normal with one value in 64 scaled by 8, so that an error in a rare large value shows;
          where the operation has kinks, a random order of evenly spaced values, so that none are near
integers  whole numbers from −4 to 4: any order of summation gives the same bits
ties      zeros and ones: nearly every window holds several maxima
nan       normal, one value in ten NaN
extreme   rows scaled from 1 up, so that scores straddle the overflow of exp and pass ±1e4
digits    real images and their labels; weights and biases as in "normal"

Targets are even between 0 and 1 whatever the kind; of the digits, one-hot rows of the labels.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import lru_cache
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
    made: dict[str, Any] = {}
    for position, argument in enumerate(operation.arguments.values()):
        if argument.kind == "array":
            if case.inputs == "digits" and position == 0:
                made[argument.name] = _images(argument, case.sizes).astype(dtype)
            elif argument.target:
                made[argument.name] = _targets(argument, case, rng).astype(dtype)
            else:
                made[argument.name] = _draw(operation, argument, case, position, rng).astype(dtype)
        elif argument.kind == "labels":
            if case.inputs == "digits":
                made[argument.name] = digits()[1][: case.sizes[argument.shape[0]]].astype(np.int64)
            else:
                shape = tuple(case.sizes[axis] for axis in argument.shape)
                made[argument.name] = rng.integers(0, case.sizes[argument.upper], shape)
        elif argument.kind == "pair":
            made[argument.name] = pairs(operation, case)[argument.name]
        else:
            made[argument.name] = np.dtype(dtype).type(case.parameters.get(argument.name, 0.0))
    return made


def upstream(operation: Operation, case: Case, dtype: str) -> Any:
    """A random upstream gradient `dout` in the shape of the output: never ones."""
    rng = np.random.default_rng([case.seed, zlib.crc32(operation.name.encode()), 1])
    sizes = output_sizes(operation, case)
    shape = tuple(sizes[axis] for axis in operation.out_shape)
    if case.inputs in ("integers", "ties"):
        drawn: Any = rng.integers(-4, 5, shape).astype(float)
    else:
        drawn = rng.standard_normal(shape)
    if shape == ():
        return np.dtype(dtype).type(drawn)
    return np.asarray(drawn).astype(dtype)


def output_sizes(operation: Operation, case: Case) -> dict[str, int]:
    """The size of every axis of a case, the output's included."""
    return operation.derive(case.sizes, pairs(operation, case))


def pairs(operation: Operation, case: Case) -> dict[str, tuple[int, int]]:
    """A case's strides, pads and windows, each as two ints."""
    given = {
        argument.name: case.parameters.get(argument.name, argument.default)
        for argument in operation.arguments.values()
        if argument.kind == "pair"
    }
    return {name: (v, v) if isinstance(v, int) else tuple(v) for name, v in given.items()}


@lru_cache(maxsize=1)
def digits() -> tuple[Array, Array]:
    """The handwritten digits: images (1797,8,8) with values 0 to 16, and labels (1797,), both uint8."""
    with files("perflab").joinpath("data/digits.npz").open("rb") as stored, np.load(stored) as held:
        images, labels = held["images"], held["labels"]
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def _images(argument: Argument, sizes: Mapping[str, int]) -> Array:
    shape = tuple(sizes[axis] for axis in argument.shape)
    images = digits()[0][: shape[0]] / 16.0
    return np.ascontiguousarray(images.reshape(shape))


def _targets(argument: Argument, case: Case, rng: np.random.Generator) -> Array:
    N, k = (case.sizes[axis] for axis in argument.shape)
    return np.eye(10, k)[digits()[1][:N]] if case.inputs == "digits" else rng.random((N, k))


def _draw(
    operation: Operation, argument: Argument, case: Case, position: int, rng: np.random.Generator
) -> Array:
    shape = tuple(case.sizes[axis] for axis in argument.shape)
    size = int(np.prod(shape))
    if case.inputs == "integers":
        return rng.integers(-4, 5, shape).astype(float)
    if case.inputs == "ties":
        return rng.integers(0, 2, shape).astype(float)
    if operation.kinks:
        values = rng.permutation(np.linspace(-1.0, 1.0, size)).reshape(shape)
    else:
        values = rng.standard_normal(shape)
        values[rng.random(shape) < 1 / OUTLIER_EVERY] *= OUTLIER_SCALE
        values *= argument.scale
    if case.inputs == "nan":
        values[rng.random(shape) < 0.1] = np.nan
    if case.inputs == "extreme" and position == 0:
        rows = np.geomspace(1.0, EXTREME, shape[0])
        values *= rows.reshape(-1, *[1] * (len(shape) - 1))
    return values
