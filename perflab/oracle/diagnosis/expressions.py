"""A factor as an expression in the sizes and scalars of a case."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np

from perflab.contract import Array
from perflab.oracle.diagnosis.examples import Example


def in_words(numbers: Sequence[float], examples: Sequence[Example], summed: bool) -> str:
    """The only simple expression in sizes and scalars that gives these numbers, case by case; empty if none.

    An expression is a small fraction times, or over, up to three of: a size, a pair's product, a scalar
    argument, the upstream number; with `summed` also the sum of an argument and of its squares.
    """
    values = np.asarray(numbers)
    simple = _fraction(values)
    if simple and not summed:
        return simple
    quantities = _quantities(examples, summed)
    for count in (1, 2, 3):
        expressions = []
        for chosen in combinations(quantities, count):
            for signs in np.ndindex(*(2,) * count):
                above = [name for name, sign in zip(chosen, signs, strict=True) if not sign]
                below = [name for name, sign in zip(chosen, signs, strict=True) if sign]
                with np.errstate(all="ignore"):
                    parts = [*(quantities[name] for name in above), *(1 / quantities[name] for name in below)]
                    scale = _fraction(values / np.prod(parts, axis=0))
                if scale:
                    expressions.append(_product(scale, above, below))
        if len(expressions) == 1:
            return expressions[0]
        if expressions:
            return ""  # several fit: the cases do not separate them
    return ""


def _quantities(examples: Sequence[Example], summed: bool) -> dict[str, Array]:
    """Everything that a factor may depend on, by name, a number per case; each only where it varies."""
    quantities: dict[str, Array] = {}
    first = examples[0]
    for axis in first.sizes:
        quantities[axis] = np.array([float(e.sizes[axis]) for e in examples])
    for name in first.pairs:
        quantities[f"{name}[0]"] = np.array([float(e.pairs[name][0]) for e in examples])
        quantities[f"{name}[1]"] = np.array([float(e.pairs[name][1]) for e in examples])
    for name, value in first.args.items():
        if np.ndim(value) == 0 and not isinstance(value, tuple):
            quantities[name] = np.array([float(e.args[name]) for e in examples])
        elif summed and isinstance(value, np.ndarray) and value.dtype.kind == "f":
            quantities[f"Σ{name}"] = np.array([float(e.args[name].sum()) for e in examples])
            quantities[f"Σ{name}²"] = np.array([float((e.args[name] ** 2).sum()) for e in examples])
    if np.ndim(first.dout) == 0:
        quantities["dout"] = np.array([float(e.dout) for e in examples])
    return {name: values for name, values in quantities.items() if np.ptp(values) > 0}


def _fraction(values: Array) -> str:
    """One small fraction that all these numbers are; empty where they are not."""
    if not len(values) or not np.isfinite(values).all():
        return ""
    middle = float(np.median(values))
    if not middle or np.abs(values - middle).max() > 1e-7 * abs(middle):
        return ""
    near = Fraction(middle).limit_denominator(12)
    small = abs(near.numerator) <= 12 and abs(float(near) - middle) <= 1e-7 * abs(middle)
    return str(near).replace("-", "−") if small else ""


def _product(scale: str, above: Sequence[str], below: Sequence[str]) -> str:
    top = "·".join(above)
    plain = scale in ("1", "−1")  # a factor of 1 is not written
    top = scale[:-1] + (top or "1") if plain else "·".join(part for part in (scale, top) if part)
    bottom = "·".join(below)
    return f"{top}/({bottom})" if len(below) > 1 else f"{top}/{bottom}" if below else top
