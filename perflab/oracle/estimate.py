"""The rounding bound of an operation that gives none: estimated from its definition.

The definition and its gradient are computed several times, each time with other random roundings of the
inputs and of every operation (`noise`). How far an element strays from its exact value, enlarged by SAFETY,
is taken for its bound. Enlarged, since a few draws may come out small by chance, and since an implementation
may take another way than the definition's; an order of summation is no other way, the noise allows for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from perflab.contract import Array, Operation
from perflab.oracle.noise import Noise

ESTIMATED = "the rounding bound is estimated from the definition"
DRAWS, FEWER_DRAWS = 8, 4
MANY = 100_000  # numbers, of which fewer draws suffice
SAFETY = 16.0
LEAST_SHARE = 1 / 8  # of the root mean square of its tensor, as one element may come out small in every draw


def remarks(operation: Operation, implementation: Any) -> tuple[str, ...]:
    """What there is to say of an implementation whose errors are held to an estimated bound."""
    given = operation.bound or getattr(implementation, "bound", None)
    return () if given else (ESTIMATED,)


def bounds(
    operation: Operation, values: Sequence[Array], exact: Sequence[Any], dout: Any, roundoff: float
) -> tuple[Array, ...]:
    """The bounds of out and gradients, whose right `values` were computed from these arguments.

    Arguments and values are in higher precision than that whose `roundoff` is given, or in the same.
    """
    strayed = [np.zeros(value.shape) for value in values]
    size = sum(map(np.size, (*values, *exact)))
    for draw in range(DRAWS if size < MANY else FEWER_DRAWS):
        _, drawn = run(operation, exact, dout, Noise(draw, roundoff))
        for most, value, other in zip(strayed, values, drawn, strict=True):
            with np.errstate(all="ignore"):
                far = np.abs(np.asarray(other).view(np.ndarray) - value).astype(np.float64)
            alike = (np.isnan(other) & np.isnan(value)) | (other == value)
            np.fmax(most, np.where(alike, 0.0, np.where(np.isnan(far), np.inf, far)), out=most)
    return tuple(_enlarged(most, value, roundoff) for most, value in zip(strayed, values, strict=True))


def run(
    operation: Operation, exact: Sequence[Any], dout: Any, noise: Noise
) -> tuple[tuple[int, int], tuple[Array, ...]]:
    """The operations of definition and gradient as far as they were counted, and out and gradients."""
    args = [_noisy(noise, value, operation.kinks) for value in exact]
    with np.errstate(all="ignore"):
        out = noise.in_function(operation.definition)(*args)
        forward = noise.flops
        gradients: tuple[Any, ...] = ()
        if operation.gradient is not None:
            gradients = noise.in_function(operation.gradient)(_noisy(noise, dout, False), *args)
    values = (np.asarray(value).view(np.ndarray) for value in (out, *gradients))
    return (forward, noise.flops - forward), tuple(values)


def _noisy(noise: Noise, value: Any, kinks: bool) -> Any:
    """An argument with its last places changed, but at kinks, where that would be another problem."""
    is_array = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return noise.on(noise.rounded(value) if is_array and not kinks else value)


def _enlarged(strayed: Array, value: Array, roundoff: float) -> Array:
    """The bound from the farthest that each element strayed; the last rounding is that of the result."""
    finite = strayed[np.isfinite(strayed)]
    usual = float(np.sqrt((finite * finite).mean())) if finite.size else 0.0
    with np.errstate(all="ignore"):
        last = np.nan_to_num(np.abs(value).astype(np.float64) * roundoff, nan=0.0, posinf=0.0)
    return SAFETY * np.maximum(strayed, LEAST_SHARE * usual) + last
