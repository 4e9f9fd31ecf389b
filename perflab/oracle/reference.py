"""What is right for given inputs, and how far rounding may lead from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from perflab.contract import Array, Case, Operation
from perflab.oracle.observation import Expected, Problem

STEP = 2.0**-17  # of central differences: truncation h²/6 and rounding ε/h both stay below 1e-10
DIFFERENCE_TOLERANCE = 1e-9
DIRECTION_TOLERANCE = 1e-6
EXTENDED_FLOPS = 6e7  # above this float64 is held to float64, and the bound is doubled


@dataclass(frozen=True)
class Reference:
    """What is right for one set of inputs, and how far rounding may lead from it.

    `precision` names what it was computed in.
    """

    names: tuple[str, ...]
    values: tuple[Array, ...]
    bounds: tuple[Array, ...]
    precision: str
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Worst:
    """The worst element of one tensor: its error as a share of the bound, and where it stands."""

    tensor: str
    share: float
    index: tuple[int, ...]
    got: str
    wanted: str

    @property
    def where(self) -> str:
        """The tensor and the index, as one would write it in Python."""
        return f"{self.tensor}[{', '.join(map(str, self.index))}]" if self.index else self.tensor


def reference(
    operation: Operation, args: Sequence[Any], dout: Any, dtype: str, flops: float = 0
) -> Reference:
    """What is right for these inputs: the definition and its gradient in higher precision, with bounds.

    float32 is held to float64. float64 is held to the platform's long double, or, where `flops` exceeds
    EXTENDED_FLOPS, to float64 with twice the bound (each of the two may be off by one).
    """
    extended = dtype == "float64" and flops <= EXTENDED_FLOPS
    wide: type[np.floating[Any]] = np.longdouble if extended else np.float64
    with np.errstate(all="ignore"):
        exact = _widen(args, wide)
        out = operation.definition(*exact)
        grads = operation.gradient(_widen([dout], wide)[0], *exact)
    right = Reference(
        names=("out", *(f"d{name}" for name in operation.wrt)),
        values=(np.asarray(out), *grads),
        bounds=(),
        precision=np.dtype(wide).name,
        dtype=np.dtype(dtype),
    )
    return within(right, operation.bound, args, dout)


def within(right: Reference, bound: Callable[..., Any], args: Sequence[Any], dout: Any) -> Reference:
    """The same values, held to this rounding bound."""
    roundoff = float(np.finfo(right.dtype).eps) / 2
    factor = 2.0 if np.finfo(right.precision).eps == np.finfo(right.dtype).eps else 1.0

    def gamma(k: int) -> float:
        return factor * k * roundoff / (1 - k * roundoff)

    with np.errstate(all="ignore"):
        double = _widen(args, np.float64)
        out_bound, grad_bounds = bound(gamma, _widen([dout], np.float64)[0], *double)
    floor = 1024 * float(np.finfo(right.dtype).smallest_normal)  # gradual underflow, not part of γ
    bounds = tuple(np.asarray(held, np.float64) + floor for held in (out_bound, *grad_bounds))
    return replace(right, bounds=bounds)


def held_to(right: Reference, implementation: Any, args: Sequence[Any], dout: Any) -> Reference:
    """The reference with the bound of an implementation's own arithmetic, where it brings one."""
    own = getattr(implementation, "bound", None)
    return within(right, own, args, dout) if own else right


def judge(right: Reference, got: Sequence[Any]) -> list[Worst]:
    """The worst element of every tensor, `got` being out followed by the gradients. Shapes must agree."""
    found = []
    for name, value, bound, mine in zip(right.names, right.values, right.bounds, got, strict=True):
        mine = np.asarray(mine)
        if mine.size == 0:
            continue
        share = _shares(mine, value, bound)
        at = np.unravel_index(int(np.argmax(share)), share.shape)
        found.append(
            Worst(
                name,
                float(share[at]),
                tuple(int(i) for i in at),
                f"{float(mine[at]):.9g}",
                f"{float(value[at]):.9g}",
            )
        )
    return found


def form(right: Reference, got: Sequence[Any]) -> str:
    """What is wrong with the shapes and dtypes of out and gradients; empty when nothing is."""
    return Expected(right.names, tuple(value.shape for value in right.values), right.dtype).wrong(got)


def differentiable(operation: Operation, case: Case) -> bool:
    """Whether central differences say anything here: not at kinks, ties, NaN, or past exp's overflow."""
    return case.inputs == "normal" or (case.inputs in ("integers", "digits") and not operation.kinks)


def along_a_direction(
    operation: Operation, args: Sequence[Any], dout: Any, right: Reference
) -> tuple[float, float]:
    """The reference's own gradient against a central difference of the definition, along one direction.

    Returns |difference| as a share of what is allowed, and the derivative found. The direction is random
    and moves every differentiable argument at once; it is what can be afforded at benchmark sizes.
    """
    wide = right.values[0].dtype.type
    exact = _widen(args, wide)
    at = [list(operation.arguments).index(name) for name in operation.wrt]
    rng = np.random.default_rng(7)
    ways = [rng.uniform(-1, 1, exact[i].shape).astype(wide) for i in at]
    if operation.kinks:  # less than half the gap between two of the evenly spaced values
        h = 0.5 / max(exact[i].size for i in at)
    else:
        h = 1e-3
        ways = [way / np.sqrt((way * way).sum()) for way in ways]
    weights = _widen([dout], wide)[0]

    def moved(sign: float) -> Any:
        there = list(exact)
        for i, way in zip(at, ways, strict=True):
            there[i] = exact[i] + wide(sign * h) * way
        return (weights * operation.definition(*there)).sum()

    found = float((moved(1.0) - moved(-1.0)) / wide(2 * h))
    products = [g * way for g, way in zip(right.values[1:], ways, strict=True)]
    wanted = float(sum(p.sum() for p in products))
    scale = float(np.sqrt(sum((p * p).sum() for p in products))) + abs(wanted)
    return abs(found - wanted) / (DIRECTION_TOLERANCE * scale), found


def kept_reference(operation: Operation, case: Case, dtype: str) -> Reference:
    """What is right on a case; computed once, for it does not depend on the implementation."""
    key = (operation.definition, operation.gradient, *_name(operation, case, dtype), "reference")
    if key not in _KEPT:
        args, dout = Problem(operation, case, dtype).arguments()
        _KEPT[key] = reference(operation, args, dout, dtype)
    return _KEPT[key]


def kept_differences(operation: Operation, case: Case, dtype: str) -> Reference:
    """The gradients once more, every element from two evaluations of the definition in long double.

    The bounds are of this method's own error; what is judged adds those of its arithmetic.
    """
    key = (operation.definition, *_name(operation, case, dtype), "differences")
    if key not in _KEPT:
        args, dout = Problem(operation, case, dtype).arguments()
        _KEPT[key] = _central_differences(operation, args, dout, dtype)
    return _KEPT[key]


def _name(operation: Operation, case: Case, dtype: str) -> tuple[Any, ...]:
    return operation.name, case.name, case.seed, dtype


_KEPT: dict[tuple[Any, ...], Reference] = {}


def _central_differences(operation: Operation, args: Sequence[Any], dout: Any, dtype: str) -> Reference:
    exact, weights = _widen(args, np.longdouble), _widen([dout], np.longdouble)[0]
    h = np.longdouble(STEP)
    values, bounds = [], []
    for name in operation.wrt:
        at = list(operation.arguments).index(name)
        gradient = np.empty(exact[at].shape, np.longdouble)
        for index in np.ndindex(gradient.shape):
            sides = []
            for sign in (1, -1):
                moved = list(exact)
                moved[at] = exact[at].copy()
                moved[at][index] += sign * h
                sides.append((weights * operation.definition(*moved)).sum())
            gradient[index] = (sides[0] - sides[1]) / (2 * h)
        values.append(gradient)
        most = float(np.abs(gradient).max(initial=0))
        bounds.append(np.full(gradient.shape, DIFFERENCE_TOLERANCE * (1 + most)))
    names = tuple(f"d{name}" for name in operation.wrt)
    return Reference(names, tuple(values), tuple(bounds), "longdouble", np.dtype(dtype))


def of_tensors(right: Reference, names: Sequence[str]) -> Reference:
    """The reference of these tensors alone."""
    at = [right.names.index(name) for name in names]
    return replace(
        right,
        names=tuple(right.names[i] for i in at),
        values=tuple(right.values[i] for i in at),
        bounds=tuple(right.bounds[i] for i in at),
    )


def _widen(args: Sequence[Any], wide: type[np.floating[Any]]) -> list[Any]:
    """Floats in the wide precision; labels and pairs as they are."""
    widened: list[Any] = []
    for value in args:
        if isinstance(value, np.ndarray):
            widened.append(value.astype(wide) if value.dtype.kind == "f" else value)
        else:
            widened.append(value if isinstance(value, tuple) else wide(value))
    return widened


def _shares(got: Array, wanted: Array, bound: Array) -> Array:
    """|got − wanted| / bound, element by element; what is not finite must be equal."""
    with np.errstate(all="ignore"):
        error = np.abs(got.astype(wanted.dtype) - wanted)
        share = np.asarray(error / bound, np.float64)
    alike = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    share = np.where(alike, 0.0, share)
    return np.where(np.isnan(share), np.inf, share)
