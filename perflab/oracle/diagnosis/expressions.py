"""Numbers put into words: the sizes and scalars of a case that a factor is made of."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np

from perflab.contract import Array
from perflab.oracle.diagnosis.witness import Witness


def in_words(numbers: Sequence[float], held: Sequence[Witness], summed: bool) -> str:
    """The one simple expression in sizes and scalars that gives these numbers, case by case; empty if none.

    An expression is a small fraction times, or over, up to three of: a size, a pair's product, a scalar
    argument, the upstream number; with `summed` also the sum of an argument and of its squares.
    """
    values = np.asarray(numbers)
    simple = _fraction(values)
    if simple and not summed:
        return simple
    quantities = _quantities(held, summed)
    names = list(quantities)
    for count in (1, 2, 3):
        found = []
        for chosen in combinations(names, count):
            for signs in np.ndindex(*(2,) * count):
                with np.errstate(all="ignore"):
                    parts = [
                        quantities[n] ** (-1.0 if s else 1.0) for n, s in zip(chosen, signs, strict=True)
                    ]
                    ratio = values / np.prod(parts, axis=0)
                scale = _fraction(ratio)
                if scale:
                    above = [n for n, s in zip(chosen, signs, strict=True) if not s]
                    below = [n for n, s in zip(chosen, signs, strict=True) if s]
                    found.append(_product(scale, above, below))
        if len(found) == 1:
            return found[0]
        if found:
            return ""  # the cases cannot tell one from another
    return ""


def _quantities(held: Sequence[Witness], summed: bool) -> dict[str, Array]:
    """Everything that a factor may depend on, by name, a number per case; each only where it varies."""
    found: dict[str, Array] = {}
    first = held[0]
    for axis in first.sizes:
        found[axis] = np.array([float(w.sizes[axis]) for w in held])
    for name in first.pairs:
        found[f"{name}[0]"] = np.array([float(w.pairs[name][0]) for w in held])
        found[f"{name}[1]"] = np.array([float(w.pairs[name][1]) for w in held])
    for name, value in first.args.items():
        if np.ndim(value) == 0 and not isinstance(value, tuple):
            found[name] = np.array([float(w.args[name]) for w in held])
        elif summed and isinstance(value, np.ndarray) and value.dtype.kind == "f":
            found[f"Σ{name}"] = np.array([float(w.args[name].sum()) for w in held])
            found[f"Σ{name}²"] = np.array([float((w.args[name] ** 2).sum()) for w in held])
    if np.ndim(first.dout) == 0:
        found["dout"] = np.array([float(w.dout) for w in held])
    return {name: values for name, values in found.items() if np.ptp(values) > 0}


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
    plain = scale in ("1", "−1")  # a one is not written beside something else
    top = scale[:-1] + (top or "1") if plain else "·".join(part for part in (scale, top) if part)
    bottom = "·".join(below)
    return f"{top}/({bottom})" if len(below) > 1 else f"{top}/{bottom}" if below else top
