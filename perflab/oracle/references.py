"""The reference for given inputs, and the rounding bound of every element."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from perflab.catalog.cases import costs
from perflab.contract import Array, Case, Operation
from perflab.oracle import estimate
from perflab.oracle.observation import Expected, Problem

T = TypeVar("T")
STEP = 2.0**-17  # of central differences: truncation h²/6 and rounding ε/h both stay below 1e-10
DIFFERENCE_TOLERANCE = 1e-9
DIRECTION_TOLERANCE = 1e-6
MOST_DIFFERENCES = 4e7  # operations of all central differences of a case: above, one direction is compared
ENOUGH = 100  # non-zeros that show something, however few they are among all elements
EXTENDED_FLOPS = 6e7  # above this float64 is compared with float64, and the bound is doubled


@dataclass(frozen=True)
class Reference:
    """Out and gradients for one set of inputs, computed in `precision`, and the rounding bound of each."""

    names: tuple[str, ...]
    values: tuple[Array, ...]
    bounds: tuple[Array, ...]
    precision: str
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Worst:
    """The worst element of one tensor: its error as a share of the bound, its index and both values."""

    tensor: str
    share: float
    index: tuple[int, ...]
    got: str
    wanted: str

    @property
    def where(self) -> str:
        """The tensor and the index, as Python writes them."""
        return f"{self.tensor}[{', '.join(map(str, self.index))}]" if self.index else self.tensor


def reference(
    operation: Operation, args: Sequence[Any], dout: Any, dtype: str, flops: float = 0
) -> Reference:
    """The definition and its gradient in higher precision, with rounding bounds, given or estimated.

    The reference of float32 is computed in float64. The reference of float64 is computed in the platform's
    long double, or, where `flops` exceeds EXTENDED_FLOPS, in float64 with twice the bound (both may err).
    """
    extended = dtype == "float64" and flops <= EXTENDED_FLOPS
    wide: type[np.floating[Any]] = np.longdouble if extended else np.float64
    with np.errstate(all="ignore"):
        exact = [_widen(value, wide) for value in args]
        out, upstream = operation.definition(*exact), _widen(dout, wide)
        gradients = () if operation.gradient is None else operation.gradient(upstream, *exact)
    values = (np.asarray(out), *gradients)
    names = ("out", *(f"d{name}" for name in operation.wrt))
    right = Reference(names, values, (), np.dtype(wide).name, np.dtype(dtype))
    if operation.bound is not None:
        return within(right, operation.bound, args, dout)
    return _bounded(right, estimate.bounds(operation, values, exact, upstream, _roundoff(right)))


def within(right: Reference, bound: Callable[..., Any], args: Sequence[Any], dout: Any) -> Reference:
    """The same values with this rounding bound."""
    roundoff = _roundoff(right)
    factor = 2.0 if np.finfo(right.precision).eps == np.finfo(right.dtype).eps else 1.0

    def gamma(k: int) -> float:
        return factor * k * roundoff / (1 - k * roundoff)

    with np.errstate(all="ignore"):
        double = [_widen(value, np.float64) for value in (dout, *args)]
        out_bound, grad_bounds = bound(gamma, *double)
    return _bounded(right, (out_bound, *grad_bounds))


def _bounded(right: Reference, bounds: Sequence[Any]) -> Reference:
    floor = 1024 * float(np.finfo(right.dtype).smallest_normal)  # gradual underflow, not part of γ
    return replace(right, bounds=tuple(np.asarray(each, np.float64) + floor for each in bounds))


def _roundoff(right: Reference) -> float:
    return float(np.finfo(right.dtype).eps) / 2


def held_to(right: Reference, implementation: Any, args: Sequence[Any], dout: Any) -> Reference:
    """The reference with the bound of an implementation's own arithmetic, where it has one."""
    own = getattr(implementation, "bound", None)
    return within(right, own, args, dout) if own else right


def judge(right: Reference, got: Sequence[Any]) -> list[Worst]:
    """The worst element of every tensor, `got` being out followed by the gradients. Shapes must agree."""
    every = []
    for name, value, bound, tensor in zip(
        right.names, right.values, right.bounds, map(np.asarray, got), strict=True
    ):
        if tensor.size:
            share = shares(tensor, value, bound)
            index = tuple(map(int, np.unravel_index(int(np.argmax(share)), share.shape)))
            got_text, wanted_text = (f"{float(values[index]):.9g}" for values in (tensor, value))
            if got_text == wanted_text and share[index]:
                wanted_text += f" (off by {float(abs(tensor[index] - value[index])):.3g})"
            every.append(Worst(name, float(share[index]), index, got_text, wanted_text))
    return every


def form(right: Reference, got: Sequence[Any]) -> str:
    """What is wrong with the shapes and dtypes of out and gradients; empty where nothing is."""
    return Expected(right.names, tuple(value.shape for value in right.values), right.dtype).wrong(got)


def differentiable(operation: Operation, case: Case) -> bool:
    """Whether central differences are valid: not at kinks, ties or NaN, nor where exp overflows.

    An operation that is forward only has no derivative to compare.
    """
    if not operation.wrt:
        return False
    return case.inputs == "normal" or (case.inputs in ("integers", "digits") and not operation.kinks)


def along_a_direction(
    operation: Operation, args: Sequence[Any], dout: Any, right: Reference
) -> tuple[float, float]:
    """Compare the reference's gradient with a central difference of the definition along one direction.

    Returns |difference| as a share of what is allowed, and the derivative measured. The direction is random
    and changes every differentiable argument at once: two or four evaluations, which benchmark sizes can
    afford.
    """
    wide = right.values[0].dtype.type
    exact = [_widen(value, wide) for value in args]
    at = [list(operation.arguments).index(name) for name in operation.wrt]
    rng = np.random.default_rng(7)
    moves = {i: rng.uniform(-1, 1, exact[i].shape).astype(wide) for i in at}
    if operation.kinks:  # less than half the gap between two of the evenly spaced values
        step = 0.5 / max(exact[i].size for i in at)
    else:
        step = 1e-3
        moves = {i: move / np.sqrt((move * move).sum()) for i, move in moves.items()}
    slopes = [
        float(_slope(operation.definition, exact, _widen(dout, wide), moves, h))
        for h in ((step,) if operation.kinks else (step, 2 * step))
    ]
    # Without kinks extrapolated to a step of 0 (Richardson): a long recurrence bends within one step.
    measured = slopes[0] if operation.kinks else (4 * slopes[0] - slopes[1]) / 3
    products = [gradient * moves[i] for gradient, i in zip(right.values[1:], at, strict=True)]
    wanted = float(sum(p.sum() for p in products))
    scale = float(np.sqrt(sum((p * p).sum() for p in products))) + abs(wanted) or 1.0
    return abs(measured - wanted) / (DIRECTION_TOLERANCE * scale), measured


def _slope(
    function: Callable[..., Any], args: Sequence[Any], dout: Any, moves: Mapping[int, Array], step: float
) -> Any:
    """The central difference of Σ dout · function, where `moves` gives the change of some arguments."""
    sums = []
    for signed in (step, -step):
        moved = [value + signed * moves[i] if i in moves else value for i, value in enumerate(args)]
        sums.append((dout * function(*moved)).sum())
    return (sums[0] - sums[1]) / (2 * step)


def central_differences(
    function: Callable[..., Any], args: Sequence[Any], dout: Any, at: int, step: float
) -> Array:
    """The derivative of Σ dout · function by every element of `args[at]`."""
    gradient: Array = np.empty_like(args[at])
    unit = np.zeros_like(gradient)
    for index in np.ndindex(unit.shape):
        unit[index] = 1
        gradient[index] = _slope(function, args, dout, {at: unit}, step)
        unit[index] = 0
    return gradient


_CACHE: dict[tuple[Any, ...], Any] = {}


def on_case(compute: Callable[[Operation, Case, str], T], operation: Operation, case: Case, dtype: str) -> T:
    """One of the functions below on a case. Computed once: it does not depend on the implementation."""
    functions = (compute, operation.definition, operation.gradient, operation.bound)
    key = (*functions, operation.name, case.name, case.seed, dtype)
    if key not in _CACHE:
        _CACHE[key] = compute(operation, case, dtype)
    found: T = _CACHE[key]
    return found


def of_case(operation: Operation, case: Case, dtype: str) -> Reference:
    """The reference."""
    args, dout = Problem(operation, case, dtype).arguments()
    return reference(operation, args, dout, dtype, costs(operation, case, dtype)["forward"].flops)


def has_differences(operation: Operation, case: Case, dtype: str) -> bool:
    """Whether every element of the gradients can be compared with central differences in a short time."""
    args, _ = Problem(operation, case, dtype).arguments()
    elements = sum(args[list(operation.arguments).index(name)].size for name in operation.wrt)
    cost = costs(operation, case, dtype)["forward"]
    return bool(2 * elements * max(cost.flops, cost.bytes) <= MOST_DIFFERENCES)


def slope_share(operation: Operation, case: Case, dtype: str) -> float:
    """How far the reference is from its definition along a direction, as a share of what is allowed."""
    args, dout = Problem(operation, case, dtype).arguments()
    return along_a_direction(operation, args, dout, on_case(of_case, operation, case, dtype))[0]


def differences(operation: Operation, case: Case, dtype: str) -> Reference:
    """The gradients by central differences of the definition in long double, every element.

    The bounds are of this method's own error, without the rounding of the implementation.
    """
    args, dout = Problem(operation, case, dtype).arguments()
    exact, weights = [_widen(value, np.longdouble) for value in args], _widen(dout, np.longdouble)
    at = [list(operation.arguments).index(name) for name in operation.wrt]
    values = tuple(central_differences(operation.definition, exact, weights, i, STEP) for i in at)
    allowed = [DIFFERENCE_TOLERANCE * (1 + float(np.abs(value).max(initial=0))) for value in values]
    bounds = tuple(np.full(value.shape, most) for value, most in zip(values, allowed, strict=True))
    names = tuple(f"d{name}" for name in operation.wrt)
    return Reference(names, values, bounds, "longdouble", np.dtype(dtype))


def weight(value: Array) -> float:
    """The share of non-zeros in a tensor; 1 where there are enough to show something whatever their share."""
    count = int(np.count_nonzero(value))
    return 1.0 if count >= ENOUGH else count / value.size


def of_tensors(right: Reference, names: Sequence[str]) -> Reference:
    """The reference of these tensors alone."""
    at = [right.names.index(name) for name in names]
    values, bounds = (tuple(tensors[i] for i in at) for tensors in (right.values, right.bounds))
    return replace(right, names=tuple(names), values=values, bounds=bounds)


def _widen(value: Any, wide: type[np.floating[Any]]) -> Any:
    """A float or an array of floats in the wide precision; labels and pairs as they are."""
    if isinstance(value, np.ndarray):
        return value.astype(wide) if value.dtype.kind == "f" else value
    return value if isinstance(value, tuple) else wide(value)


def shares(got: Array, wanted: Array, bound: Array | float) -> Array:
    """|got − wanted| / bound, element by element; what is not finite must be equal."""
    with np.errstate(all="ignore"):
        error = np.abs(got.astype(wanted.dtype) - wanted)
        share = np.asarray(error / bound, np.float64)
    alike = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    share = np.where(alike, 0.0, share)
    return np.where(np.isnan(share), np.inf, share)
