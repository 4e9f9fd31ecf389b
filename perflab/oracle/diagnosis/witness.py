"""Cases that bear witness: an operation's checks, and small problems drawn beside them.

A mistake may hide where two sizes are not alike, or where they are. So beside the check cases others are
drawn, of sizes from 1 to 5 that often coincide, with strides and pads that differ. All of them are
deterministic: the same operation gives the same cases.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from perflab.catalog import inputs
from perflab.contract import Array, Case, Implementation, Mutant, Operation
from perflab.oracle.reference import reference

FURTHER = 24  # cases drawn beside the checks
SWAPPED, ATTEMPTS = 4, 1500  # and those on which the two of a pair may be swapped unseen, if they are found
LARGEST_AXIS, LARGEST_PARAMETER, LARGEST_VOLUME = 5, 3, 1500


@dataclass(frozen=True)
class Witness:
    """One case in float64: its arguments, what is right, and how far rounding may lead from it.

    `wanted` and `allowed` hold out and the gradients in the order of wrt; `sizes` those of the output too.
    """

    case: Case
    sizes: Mapping[str, int]
    pairs: Mapping[str, tuple[int, int]]
    args: Mapping[str, Any]
    dout: Any
    wanted: tuple[Array, ...]
    allowed: tuple[Array, ...]
    checked: bool

    @property
    def peculiar(self) -> bool:
        """Whether programs with one and the same mistake may part here: nothing in it, NaN, or overflow."""
        return min(self.sizes.values(), default=1) == 0 or self.case.inputs in ("nan", "extreme")


_KEPT: dict[tuple[Any, ...], tuple[Witness, ...]] = {}


def witnesses(operation: Operation) -> tuple[Witness, ...]:
    """Every check case and the cases drawn beside them; made once per process."""
    at = ("witnesses", operation.name, operation.definition, operation.gradient)
    if at not in _KEPT:
        found = [witness(operation, case, True) for case in operation.checks.values()]
        found += [witness(operation, case, False) for case in further(operation)]
        _KEPT[at] = tuple(found)
    return _KEPT[at]


def witness(operation: Operation, case: Case, checked: bool) -> Witness:
    """What is right for one case, as the oracle has it."""
    args = inputs.make(operation, case, "float64")
    dout = inputs.upstream(operation, case, "float64")
    with quiet():
        right = reference(operation, tuple(args.values()), dout, "float64")
    return Witness(
        case=case,
        sizes=inputs.output_sizes(operation, case),
        pairs=inputs.pairs(operation, case),
        args=args,
        dout=dout,
        wanted=tuple(np.asarray(value) for value in right.values),
        allowed=right.bounds,
        checked=checked,
    )


def further(operation: Operation) -> list[Case]:
    """Small cases beside the checks: the kinds of inputs and the scalars are theirs, sizes are drawn."""
    models = [case for case in operation.checks.values() if min(case.sizes.values(), default=1) > 0]
    kinds = list({case.inputs: case for case in models}.values())  # so that a rare kind is drawn often enough
    rng = np.random.default_rng(5)
    found: list[Case] = []
    pairs = [name for name, argument in operation.arguments.items() if argument.kind == "pair"]
    swapped = dict.fromkeys(pairs, 0)
    for attempt in range(ATTEMPTS if models else 0):
        model = (models if attempt % 2 else kinds)[attempt // 2 % len(models if attempt % 2 else kinds)]
        sizes = {axis: int(rng.integers(1, LARGEST_AXIS + 1)) for axis in model.sizes}
        drawn = {}
        for name in pairs:
            low, high = operation.arguments[name].minimum, LARGEST_PARAMETER + 1
            drawn[name] = tuple(int(value) for value in rng.integers(low, high, 2))
        case = Case(f"drawn_{attempt}", sizes, {**model.parameters, **drawn}, model.inputs, 100 + attempt)
        if not fits(operation, case):
            continue
        hidden = [name for name in pairs if swapped[name] < SWAPPED and _swaps(operation, case, name)]
        if len(found) < FURTHER or hidden:
            found.append(case)
            swapped |= {name: swapped[name] + 1 for name in hidden}
    return found


def _swaps(operation: Operation, case: Case, name: str) -> bool:
    """Whether the two of a pair differ and may be exchanged without any size of the output telling."""
    pairs = inputs.pairs(operation, case)
    other = {**pairs, name: pairs[name][::-1]}
    try:
        return other != pairs and operation.derive(case.sizes, other) == operation.derive(case.sizes, pairs)
    except ValueError:
        return False


def fits(operation: Operation, case: Case) -> bool:
    """Whether the parameters fit the sizes, and the problem is a small one with something in it."""
    try:
        sizes = inputs.output_sizes(operation, case)
    except ValueError:
        return False
    return min(sizes.values(), default=1) > 0 and volume(operation, case) <= LARGEST_VOLUME


def volume(operation: Operation, case: Case) -> int:
    """How many numbers go in and come out."""
    sizes = inputs.output_sizes(operation, case)
    shapes = [argument.shape for argument in operation.arguments.values() if argument.shape]
    return int(sum(np.prod([sizes[axis] for axis in shape]) for shape in (*shapes, operation.out_shape)))


def run(operation: Operation, case: Case, pair: Mutant | Implementation) -> tuple[Array, ...] | None:
    """Out and gradients of a pair in this process, in float64; None where it raises or forms do not fit."""
    args = inputs.make(operation, case, "float64")
    dout = inputs.upstream(operation, case, "float64")
    sizes = inputs.output_sizes(operation, case)
    shapes = [tuple(sizes[axis] for axis in operation.out_shape)]
    shapes += [np.shape(args[name]) for name in operation.wrt]
    try:
        with quiet():
            out, cache = pair.forward(*args.values())
            got = tuple(np.array(v) for v in (out, *pair.backward(dout, cache)))
    except Exception:  # a mistake may well raise on shapes that it did not expect
        return None
    fit = len(got) == len(shapes) and all(v.shape == s for v, s in zip(got, shapes, strict=True))
    return got if fit and all(v.dtype == np.float64 for v in got) else None


def far(got: Array, wanted: Array, allowed: Any) -> Any:
    """Where two arrays differ by more than is allowed; what is not finite must be equal."""
    with np.errstate(all="ignore"):
        close = np.abs(got - wanted) <= allowed
        alike = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    return ~(close | alike)


def largest(value: Array) -> float:
    """The largest finite magnitude in an array, or 0."""
    with np.errstate(all="ignore"):
        finite = np.abs(value[np.isfinite(value)])
    return float(finite.max(initial=0.0))


@contextmanager
def quiet() -> Iterator[None]:
    """A wrong answer may overflow on its way; that is told by its values, not by a warning."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def roughly(operation: Operation, case: Case, t: int, share: float) -> tuple[Array, float]:
    """What is right for one tensor, in float64, and this share of its largest value."""
    args = tuple(inputs.make(operation, case, "float64").values())
    with quiet():
        if t == 0:
            wanted = np.asarray(operation.definition(*args))
        else:
            dout = inputs.upstream(operation, case, "float64")
            wanted = np.asarray(operation.gradient(dout, *args)[t - 1])
    return wanted, share * largest(wanted)


def derivative(held: Witness, forward: Callable[..., Any], name: str, step: float) -> Array:
    """Central differences of a forward along one argument, weighted by the upstream gradient."""
    gradient = np.empty(held.args[name].shape)
    for index in np.ndindex(gradient.shape):
        sides = []
        for sign in (1.0, -1.0):
            args = {n: v.copy() if n == name else v for n, v in held.args.items()}
            args[name][index] += sign * step
            with quiet():
                sides.append(float((held.dout * forward(*args.values())[0]).sum()))
        gradient[index] = (sides[0] - sides[1]) / (2 * step)
    return gradient
