"""The pattern of an error that no known mistake explains: what all wrong answers have in common.

A sentence is reported only if it is true on every example, and only if some example could have refuted it.
Three questions are asked: in which cases is the tensor wrong, how does it follow from the reference, and
which of its elements are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from perflab.contract import Array, Operation
from perflab.oracle.diagnosis.conditions import conditions
from perflab.oracle.diagnosis.examples import Example, far, largest
from perflab.oracle.diagnosis.expressions import in_words

CLOSE = 1e-9  # numbers that differ by less than this share of the tensor's largest are equal
SINGLE = 1e-5  # errors below this share of the largest value are a loss of precision


@dataclass(frozen=True)
class Compared:
    """One tensor of an answer on one example; `wrong` where its error exceeds the rounding bound."""

    example: Example
    tensor: int
    got: Array
    wrong: bool

    @cached_property
    def wanted(self) -> Array:
        """The reference, in float64."""
        return np.asarray(self.example.wanted[self.tensor], np.float64)

    def beyond(self, share: float) -> Array:
        """The elements whose error exceeds the rounding bound by this share of the largest value."""
        bound = self.example.allowed[self.tensor] + share * largest(self.wanted)
        return np.asarray(far(self.got, self.wanted, bound))

    @cached_property
    def coarse(self) -> bool:
        """Whether some error is too large to be a loss of precision."""
        return bool(self.beyond(SINGLE).any())

    @cached_property
    def mask(self) -> Array:
        """The elements that are wrong."""
        return self.beyond(CLOSE if self.coarse else 0.0)

    def equals(self, other: Array) -> bool:
        """Whether the tensor is equal to this one, within rounding."""
        return not far(self.got, other, CLOSE * max(largest(other), largest(self.wanted))).any()


def pattern(operation: Operation, name: str, compared: Sequence[Compared]) -> str:
    """What is true on every example, as one line; empty where nothing simple is."""
    axes = operation.out_shape if name == "out" else operation.arguments[name[1:]].shape
    wrong = [s for s in compared if s.wrong]
    if not any(s.coarse for s in wrong):
        return _precision(wrong)
    full = [s for s in compared if s.wanted.size]
    parts = [conditions(operation, [s.example for s in full], [s.wrong for s in full])]
    relation = _relation(operation, name, axes, wrong)
    parts += [relation] if relation else [_values(wrong), _places(axes, wrong)]
    return "; ".join(part for part in parts if part)


def _precision(wrong: Sequence[Compared]) -> str:
    with np.errstate(all="ignore"):
        share = max(float(np.nanmax(np.abs(s.got - s.wanted))) / (largest(s.wanted) or 1) for s in wrong)
    single = all(np.array_equal(s.got, s.got.astype(np.float32), equal_nan=True) for s in wrong)
    exponent = int(np.floor(np.log10(share))) + 1
    words = f"off by less than 1e{exponent} of the largest value: a loss of precision"
    return f"{words}; every number got is one of float32" if single else words


# ---------------------------------------------------------------------------- how it relates to what is right


def _relation(operation: Operation, name: str, axes: Sequence[str], wrong: Sequence[Compared]) -> str:
    """How every wrong tensor follows from the right one; empty where it does not."""
    if all(not s.got.any() for s in wrong):
        return "got is zero throughout"
    return (
        _factor(name, wrong)
        or _mirrored(axes, wrong)
        or _difference(operation, name, axes, wrong)
        or _shifted(axes, wrong)
        or _rearranged(wrong)
    )


def _factor(name: str, wrong: Sequence[Compared]) -> str:
    factors = [k for s in wrong if (k := _multiple(s.got, s.wanted)) is not None and s.equals(k * s.wanted)]
    if len(factors) < len(wrong):
        return ""
    words = in_words(factors, [s.example for s in wrong], summed=False)
    if words:
        return f"got = {_times(words, 'wanted')}"
    if np.ptp(factors) <= 1e-7 * abs(factors[0]):
        return f"got = {factors[0]:.6g} · wanted"
    sizes = [np.count_nonzero(s.wanted) for s in wrong]
    return "got is a multiple of wanted, another one in each case" if min(sizes) >= 3 else ""


def _mirrored(axes: Sequence[str], wrong: Sequence[Compared]) -> str:
    """Whether two axes are swapped, or some reversed."""
    for a, b in combinations(range(len(axes)), 2):
        square = all(s.wanted.shape[a] == s.wanted.shape[b] for s in wrong)
        if square and all(s.equals(s.wanted.swapaxes(a, b)) for s in wrong):
            names = f"{axes[a]} and {axes[b]} swapped" if axes[a] != axes[b] else "both axes swapped"
            return f"got is wanted with {names}"
    for count in range(1, len(axes) + 1):
        for turned in combinations(range(len(axes)), count):
            if all(s.equals(np.flip(s.wanted, turned)) for s in wrong):
                return f"got is wanted reversed along {' and '.join(dict.fromkeys(axes[a] for a in turned))}"
    return ""


def _difference(operation: Operation, name: str, axes: Sequence[str], wrong: Sequence[Compared]) -> str:
    """Got − wanted as a multiple of one of the arguments, or, for a number, as an expression of sums."""
    gaps = [s.got - s.wanted for s in wrong]
    if not axes:
        words = in_words([float(gap) for gap in gaps], [s.example for s in wrong], summed=True)
        return f"got − wanted = {words}" if words else ""
    for other, argument in operation.arguments.items():
        if argument.kind != "array" or not set(argument.shape) <= set(axes):
            continue
        repeats = len({*axes}) < len(axes) or len({*argument.shape}) < len(argument.shape)
        if repeats and argument.shape != tuple(axes):  # along which of two axes of one name?
            continue
        factors = []
        for s, gap in zip(wrong, gaps, strict=True):
            values = _spread(s.example.args[other], argument.shape, axes, gap.shape)
            k = _multiple(gap, values)
            if k is None or not s.equals(s.wanted + k * values):
                break
            factors.append(k)
        if len(factors) == len(wrong):
            words = in_words(factors, [s.example for s in wrong], summed=False)
            if words:
                return f"got − wanted = {_times(words, other)}"
    return ""


def _multiple(value: Array, of: Array) -> float | None:
    """The factor at the largest element where both are finite; None where there is none."""
    with np.errstate(all="ignore"):
        sizes = np.where(np.isfinite(of) & np.isfinite(value), np.abs(of), 0.0)
    at = np.unravel_index(int(np.argmax(sizes)), sizes.shape)
    return float(value[at] / of[at]) if sizes[at] else None


def _times(factor: str, name: str) -> str:
    return factor[:-1] + name if factor in ("1", "−1") else f"{factor} · {name}"


def _spread(value: Array, own: Sequence[str], axes: Sequence[str], shape: Sequence[int]) -> Array:
    """An argument along the axes that it shares with a tensor, repeated along the others."""
    if tuple(own) == tuple(axes):
        return value
    order = [own.index(axis) for axis in axes if axis in own]
    sizes = [n if a in own else 1 for a, n in zip(axes, shape, strict=True)]
    return np.broadcast_to(value.transpose(order).reshape(sizes), shape)


def _shifted(axes: Sequence[str], wrong: Sequence[Compared]) -> str:
    """The right numbers one or two places off along an axis, as far as they still overlap."""
    for axis, name in enumerate(axes):
        for by in (1, -1, 2, -2):
            long = [s for s in wrong if s.wanted.shape[axis] > abs(by)]
            equal = [moved for s in long if (moved := _moved(s, axis, by)) is not None]
            if len(equal) >= 3 and all(equal):
                direction = "up" if by > 0 else "down"
                return f"got holds wanted shifted {direction} by {abs(by)} along {name}"
    return ""


def _moved(s: Compared, axis: int, by: int) -> bool | None:
    """Whether what overlaps is equal; None where zeros alone overlap, which says nothing."""
    long = s.wanted.shape[axis]
    to, of = (slice(by, None), slice(0, long - by)) if by > 0 else (slice(0, long + by), slice(-by, None))
    at = (slice(None),) * axis
    got, right = s.got[(*at, to)], s.wanted[(*at, of)]
    if not (got.any() or right.any()):
        return None
    return not far(got, right, CLOSE * largest(s.wanted)).any()


def _rearranged(wrong: Sequence[Compared]) -> str:
    if min(np.count_nonzero(s.wanted) for s in wrong) < 2:
        return ""
    if all(_close(np.abs(s.got), np.abs(s.wanted)) for s in wrong):
        return "the magnitudes are right, some signs are not"
    if all(_close(np.sort(s.got, axis=None), np.sort(s.wanted, axis=None)) for s in wrong):
        return "the numbers are the right ones, at other places"
    return ""


def _close(got: Array, wanted: Array) -> bool:
    return not far(got, wanted, CLOSE * largest(wanted)).any()


# ----------------------------------------------------------------------------------- which elements are wrong


def _values(wrong: Sequence[Compared]) -> str:
    """What the wrong elements are, or what is wanted there."""
    got, wanted = [s.got[s.mask] for s in wrong], [s.wanted[s.mask] for s in wrong]
    tests: tuple[tuple[str, Sequence[Array], Callable[[Array], Any]], ...] = (
        ("what is wrong is NaN", got, np.isnan),
        ("what is wrong is NaN or infinite", got, lambda value: ~np.isfinite(value)),
        ("wrong only where NaN is wanted", wanted, np.isnan),
        ("what is wrong is zero", got, lambda value: value == 0),
        ("wrong only where zero is wanted", wanted, lambda value: value == 0),
    )
    for words, values, test in tests:
        if all(test(value).all() for value in values):
            return words
    for sign, words in ((1, "too large"), (-1, "too small")):
        if all((sign * (g - w) > 0).all() for g, w in zip(got, wanted, strict=True)) and len(wrong) >= 12:
            return f"what is wrong is {words}"
    return ""


def _places(axes: Sequence[str], wrong: Sequence[Compared]) -> str:
    """Where along the axes the wrong elements are, as far as every wrong case agrees."""
    tests: tuple[tuple[str, Callable[[Array, int], Any]], ...] = (
        ("only at the first index", lambda hit, last: hit == 0),
        ("only at the last index", lambda hit, last: hit == last),
        ("only at the border", lambda hit, last: (hit == 0) | (hit == last)),
        ("never at the first index", lambda hit, last: hit > 0),
        ("never at the last index", lambda hit, last: hit < last),
    )
    places = []
    for axis, name in enumerate(axes):
        if sum(s.wanted.shape[axis] > 2 for s in wrong) < 2:
            continue
        others = tuple(other for other in range(len(axes)) if other != axis)
        hits = [(np.flatnonzero(s.mask.any(axis=others)), s.wanted.shape[axis] - 1) for s in wrong]
        fitting = [words for words, test in tests if all(test(hit, last).all() for hit, last in hits)]
        places += [f"{words} of {name}" for words in fitting[:1]]
    if places or len(axes) < 2:
        return ", ".join(places)
    inner = [s for s in wrong if min(s.wanted.shape[-2:]) > 2]
    if len(inner) >= 2 and all(not s.mask[..., 1:-1, 1:-1].any() for s in inner):
        return f"only at the border of {axes[-2]} and {axes[-1]}"
    return ""
