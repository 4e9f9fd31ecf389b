"""The pattern of an error that no known mistake explains: what every wrong answer looked at has in common.

A sentence is told only if it holds on every case looked at, and only if some case could have refuted it.
Three questions are asked: in which cases is the tensor wrong, how does it relate to what is right, and which
of its elements are wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from perflab.contract import Array, Operation
from perflab.oracle.diagnosis.conditions import conditions
from perflab.oracle.diagnosis.expressions import in_words
from perflab.oracle.diagnosis.witness import Witness, far, largest

CLOSE = 1e-9  # two numbers this near, as a share of the tensor's largest, are taken for equal
SINGLE = 1e-5  # errors below this share of the largest value are a matter of precision


@dataclass(frozen=True)
class Seen:
    """One tensor on one witness, as got; `wrong` where rounding does not explain what it differs by."""

    witness: Witness
    tensor: int
    got: Array
    wrong: bool

    @cached_property
    def wanted(self) -> Array:
        """What is right, in float64."""
        return np.asarray(self.witness.wanted[self.tensor], np.float64)

    @cached_property
    def mask(self) -> Array:
        """The elements that are wrong."""
        return np.asarray(far(self.got, self.wanted, self.room))

    @cached_property
    def room(self) -> Array:
        """How far rounding may lead, element by element."""
        bound = np.asarray(self.witness.allowed[self.tensor], np.float64)
        return bound + CLOSE * largest(self.wanted) if self.coarse else bound

    @property
    def coarse(self) -> bool:
        """Whether some element is off by more than a matter of precision."""
        bound = self.witness.allowed[self.tensor]
        return bool(far(self.got, self.wanted, bound + SINGLE * largest(self.wanted)).any())

    def equals(self, other: Array) -> bool:
        """Whether the tensor got is this one, within rounding."""
        return not far(self.got, other, CLOSE * max(largest(other), largest(self.wanted))).any()


def pattern(operation: Operation, name: str, seen: Sequence[Seen]) -> str:
    """What holds on every case looked at, as one line; empty where nothing simple does."""
    axes = _axes(operation, name)
    wrong = [s for s in seen if s.wrong]
    if not any(s.coarse for s in wrong):
        return _precision(wrong)
    full = [s for s in seen if s.wanted.size]
    told = [conditions(operation, [s.witness for s in full], [s.wrong for s in full])]
    relation = _relation(operation, name, axes, wrong)
    told += [relation] if relation else [_values(wrong), _places(axes, wrong)]
    return "; ".join(part for part in told if part)


def _axes(operation: Operation, name: str) -> tuple[str, ...]:
    return operation.out_shape if name == "out" else operation.arguments[name[1:]].shape


def _precision(wrong: Sequence[Seen]) -> str:
    with np.errstate(all="ignore"):
        share = max(float(np.nanmax(np.abs(s.got - s.wanted))) / (largest(s.wanted) or 1) for s in wrong)
    single = all(np.array_equal(s.got, s.got.astype(np.float32), equal_nan=True) for s in wrong)
    exponent = int(np.floor(np.log10(share))) + 1
    words = f"off by less than 1e{exponent} of the largest value: a loss of precision"
    return f"{words}; every number got is one of float32" if single else words


# ---------------------------------------------------------------------------- how it relates to what is right


def _relation(operation: Operation, name: str, axes: Sequence[str], wrong: Sequence[Seen]) -> str:
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


def _factor(name: str, wrong: Sequence[Seen]) -> str:
    factors = []
    for s in wrong:
        k = _multiple(s.got, s.wanted)
        if k is None or not s.equals(k * s.wanted):
            return ""
        factors.append(k)
    words = in_words(factors, [s.witness for s in wrong], summed=False)
    if words:
        return f"got = {_times(words, 'wanted')}"
    if np.ptp(factors) <= 1e-7 * abs(factors[0]):
        return f"got = {factors[0]:.6g} · wanted"
    sizes = [np.count_nonzero(s.wanted) for s in wrong]
    return "got is a multiple of wanted, another one in each case" if min(sizes) >= 3 else ""


def _mirrored(axes: Sequence[str], wrong: Sequence[Seen]) -> str:
    """Two axes swapped, or some reversed. What the shapes or the numbers hide is no evidence."""
    for a, b in combinations(range(len(axes)), 2):
        if all(s.wanted.shape[a] == s.wanted.shape[b] for s in wrong) and all(
            s.equals(s.wanted.swapaxes(a, b)) for s in wrong
        ):
            return f"got is wanted with {axes[a]} and {axes[b]} swapped"
    for count in range(1, len(axes) + 1):
        for turned in combinations(range(len(axes)), count):
            if all(s.equals(np.flip(s.wanted, turned)) for s in wrong):
                return f"got is wanted reversed along {' and '.join(axes[a] for a in turned)}"
    return ""


def _difference(operation: Operation, name: str, axes: Sequence[str], wrong: Sequence[Seen]) -> str:
    """Got − wanted as a multiple of one of the arguments, or, for a number, as an expression of sums."""
    gaps = [s.got - s.wanted for s in wrong]
    if not axes:
        words = in_words([float(gap) for gap in gaps], [s.witness for s in wrong], summed=True)
        return f"got − wanted = {words}" if words else ""
    for other, argument in operation.arguments.items():
        if argument.kind != "array" or not set(argument.shape) <= set(axes):
            continue
        factors = []
        for s, gap in zip(wrong, gaps, strict=True):
            held = _spread(s.witness.args[other], argument.shape, axes, gap.shape)
            k = _multiple(gap, held)
            if k is None or not s.equals(s.wanted + k * held):
                break
            factors.append(k)
        if len(factors) == len(wrong):
            words = in_words(factors, [s.witness for s in wrong], summed=False)
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
    order = [own.index(axis) for axis in axes if axis in own]
    held = value.transpose(order).reshape([n if a in own else 1 for a, n in zip(axes, shape, strict=True)])
    return np.broadcast_to(held, shape)


def _shifted(axes: Sequence[str], wrong: Sequence[Seen]) -> str:
    """The right numbers one or two places off along an axis, as far as they still overlap."""
    for axis, name in enumerate(axes):
        for by in (1, -1, 2, -2):
            long = [s for s in wrong if s.wanted.shape[axis] > abs(by)]
            told = [moved for s in long if (moved := _moved(s, axis, by)) is not None]
            if len(told) >= 3 and all(told):
                way = "up" if by > 0 else "down"
                return f"got holds wanted shifted {way} by {abs(by)} along {name}"
    return ""


def _moved(s: Seen, axis: int, by: int) -> bool | None:
    """Whether what overlaps is equal; None where zeros alone overlap, which says nothing."""
    long = s.wanted.shape[axis]
    to, of = (slice(by, None), slice(0, long - by)) if by > 0 else (slice(0, long + by), slice(-by, None))
    at = (slice(None),) * axis
    mine, right = s.got[(*at, to)], s.wanted[(*at, of)]
    if not (mine.any() or right.any()):
        return None
    return not far(mine, right, CLOSE * largest(s.wanted)).any()


def _rearranged(wrong: Sequence[Seen]) -> str:
    if min(np.count_nonzero(s.wanted) for s in wrong) < 2:
        return ""
    if all(not far(np.abs(s.got), np.abs(s.wanted), CLOSE * largest(s.wanted)).any() for s in wrong):
        return "the magnitudes are right, some signs are not"
    tight = [CLOSE * largest(s.wanted) for s in wrong]
    alike = [not far(np.sort(s.got.ravel()), np.sort(s.wanted.ravel()), t).any()
             for s, t in zip(wrong, tight, strict=True)]  # fmt: skip
    return "the numbers are the right ones, at other places" if all(alike) else ""


# ----------------------------------------------------------------------------------- which elements are wrong


def _values(wrong: Sequence[Seen]) -> str:
    """What stands where it is wrong, or what ought to."""
    got = [s.got[s.mask] for s in wrong]
    wanted = [s.wanted[s.mask] for s in wrong]
    if all(np.isnan(g).all() for g in got):
        return "what is wrong is NaN"
    if all(not np.isfinite(g).any() for g in got):
        return "what is wrong is NaN or infinite"
    if all(np.isnan(w).all() for w in wanted):
        return "wrong only where NaN is wanted"
    if all((g == 0).all() for g in got):
        return "what is wrong is zero"
    if all((w == 0).all() for w in wanted):
        return "wrong only where zero is wanted"
    for sign, words in ((1, "too large"), (-1, "too small")):
        if all((sign * (g - w) > 0).all() for g, w in zip(got, wanted, strict=True)) and len(wrong) >= 12:
            return f"what is wrong is {words}"
    return ""


def _places(axes: Sequence[str], wrong: Sequence[Seen]) -> str:
    """Where along the axes the wrong elements stand, as far as every wrong case agrees."""
    found = []
    for axis, name in enumerate(axes):
        sized = [s for s in wrong if s.wanted.shape[axis] > 2]
        if len(sized) < 2:
            continue
        hit = [
            np.flatnonzero(s.mask.any(axis=tuple(a for a in range(s.mask.ndim) if a != axis))) for s in wrong
        ]
        last = [s.wanted.shape[axis] - 1 for s in wrong]
        pairs = list(zip(hit, last, strict=True))
        if all((h == 0).all() for h, _ in pairs):
            found.append(f"only at the first index of {name}")
        elif all((h == end).all() for h, end in pairs):
            found.append(f"only at the last index of {name}")
        elif all(((h == 0) | (h == end)).all() for h, end in pairs):
            found.append(f"only at the border of {name}")
        elif all((h > 0).all() for h, _ in pairs):
            found.append(f"never at the first index of {name}")
        elif all((h < end).all() for h, end in pairs):
            found.append(f"never at the last index of {name}")
    both = _border(axes, wrong)
    return ", ".join(found) or both


def _border(axes: Sequence[str], wrong: Sequence[Seen]) -> str:
    """Whether only the outermost rows and columns of the last two axes are wrong."""
    if len(axes) < 2:
        return ""
    inner = [s for s in wrong if min(s.wanted.shape[-2:]) > 2]
    if len(inner) >= 2 and all(not s.mask[..., 1:-1, 1:-1].any() for s in inner):
        return f"only at the border of {axes[-2]} and {axes[-1]}"
    return ""
