"""The examples of an operation: its check cases and further small cases, each with its reference.

Some mistakes show only where two sizes are equal, others only where they differ. So further cases are drawn,
with sizes from 1 to 5 that are often equal, and with different strides and pads. The same operation always
gives the same cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from perflab.catalog import inputs
from perflab.contract import Array, Case, Operation
from perflab.oracle.observation import quiet
from perflab.oracle.references import central_differences, reference

FURTHER, EVEN = 24, 14  # cases drawn beside the checks; so many of them have the same two of each pair
SWAPPED, ATTEMPTS = 4, 1500  # and, if there are any, cases where a swapped pair gives the same sizes
LARGEST_AXIS, LARGEST_PARAMETER, LARGEST_VOLUME = 5, 3, 1500


@dataclass(frozen=True)
class Example:
    """One case in float64: its arguments, its reference and the rounding bounds.

    `wanted` and `allowed` have out and the gradients in the order of wrt; `sizes` includes the output's axes.
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
        """Whether programs with the same mistake may differ here: an empty case, NaN or overflow."""
        return min(self.sizes.values(), default=1) == 0 or self.case.inputs in ("nan", "extreme")

    @property
    def degenerate(self) -> bool:
        """Whether a further fault may show here alone: also where an axis has one element."""
        return self.peculiar or min(self.sizes.values(), default=1) <= 1


@cache
def _of_some(name: str, gradient: Any, bound: Any, at: tuple[int, ...]) -> tuple[Any, Any]:
    """The gradient and the bound of an operation for some of its arguments; the same objects each time."""

    def some(dout: Any, *args: Any) -> tuple[Array, ...]:
        every = gradient(dout, *args)
        return tuple(every[i] for i in at)

    def some_bounds(gamma: Any, dout: Any, *args: Any) -> Any:
        out, every = bound(gamma, dout, *args)
        return out, tuple(every[i] for i in at)

    return some, some_bounds


def with_gradients(operation: Operation, gives: Sequence[str] | None) -> Operation:
    """The operation with only these gradients, as some files have it; itself where all are given."""
    if gives is None:
        return operation
    at = tuple(operation.wrt.index(name) for name in gives)
    gradient, bound = _of_some(operation.name, operation.gradient, operation.bound, at)
    return replace(operation, wrt=tuple(gives), gradient=gradient, bound=bound)


_EXAMPLES: dict[tuple[Any, ...], tuple[Example, ...]] = {}


def examples_of(operation: Operation) -> tuple[Example, ...]:
    """Every check case and the cases drawn beside them; computed once per process."""
    key = (operation.name, operation.definition, operation.gradient)
    if key not in _EXAMPLES:
        checks = [example_of(operation, case, True) for case in operation.checks.values()]
        _EXAMPLES[key] = (*checks, *(example_of(operation, case) for case in drawn_cases(operation)))
    return _EXAMPLES[key]


def example_of(operation: Operation, case: Case, checked: bool = False) -> Example:
    """One case with its reference; `checked` says that it is a check case."""
    args, dout = inputs.make(operation, case, "float64"), inputs.upstream(operation, case, "float64")
    right = reference(operation, tuple(args.values()), dout, "float64")
    sizes, pairs = inputs.output_sizes(operation, case), inputs.pairs(operation, case)
    return Example(case, sizes, pairs, args, dout, right.values, right.bounds, checked)


def further_examples(operation: Operation, seed: int) -> tuple[Example, ...]:
    """More of the drawn cases, from another seed: what is told of the first ones is tested on them."""
    key = (operation.name, operation.definition, operation.gradient, seed)
    if key not in _EXAMPLES:
        _EXAMPLES[key] = tuple(example_of(operation, case) for case in drawn_cases(operation, seed))
    return _EXAMPLES[key]


def drawn_cases(operation: Operation, seed: int = 5) -> list[Case]:
    """Small cases beside the checks: with their kinds of inputs and their scalars, but random sizes."""
    models = [case for case in operation.checks.values() if min(case.sizes.values(), default=1) > 0]
    kinds = list({case.inputs: case for case in models}.values())  # so that a rare kind is drawn often enough
    rng = np.random.default_rng(seed)
    cases: list[Case] = []
    pairs = [name for name, argument in operation.arguments.items() if argument.kind == "pair"]
    swapped, evens = dict.fromkeys(pairs, 0), 0
    for attempt in range(ATTEMPTS if models else 0):
        source = models if attempt % 2 else kinds
        model = source[attempt // 2 % len(source)]
        sizes = {axis: int(rng.integers(1, LARGEST_AXIS + 1)) for axis in model.sizes}
        drawn = {}
        even = attempt % 3 == 2  # some interfaces have one number for both axes
        for name in pairs:
            low, high = operation.arguments[name].minimum, LARGEST_PARAMETER + 1
            first, second = (int(value) for value in rng.integers(low, high, 2))
            drawn[name] = (first, first if even else second)
        name, draw = f"drawn_{seed}_{attempt}", 100 * seed + attempt
        case = Case(name, sizes, {**model.parameters, **drawn}, model.inputs, draw)
        if not fits(operation, case):
            continue
        hidden = [name for name in pairs if swapped[name] < SWAPPED and _swaps(operation, case, name)]
        if len(cases) < FURTHER or hidden or (even and pairs and evens < EVEN):
            cases.append(case)
            evens += even
            swapped |= {name: swapped[name] + 1 for name in hidden}
    return cases


def _swaps(operation: Operation, case: Case, name: str) -> bool:
    """Whether the two of a pair differ, and swapping them changes no size of the output."""
    pairs = inputs.pairs(operation, case)
    other = {**pairs, name: pairs[name][::-1]}
    return other != pairs and derived(operation, case.sizes, other) == derived(operation, case.sizes, pairs)


def derived(operation: Operation, sizes: Mapping[str, int], pairs: Mapping[str, Any]) -> Mapping[str, int]:
    """The size of every axis, the output's included; empty where the parameters do not fit."""
    try:
        return operation.derive(sizes, pairs)
    except ValueError:
        return {}


def fits(operation: Operation, case: Case) -> bool:
    """Whether the parameters fit the sizes, and the case is small and not empty."""
    sizes = derived(operation, case.sizes, inputs.pairs(operation, case))
    return min(sizes.values(), default=0) > 0 and volume(operation, case) <= LARGEST_VOLUME


def volume(operation: Operation, case: Case) -> int:
    """How many numbers the inputs and the output have."""
    sizes = inputs.output_sizes(operation, case)
    shapes = [argument.shape for argument in operation.arguments.values() if argument.shape]
    return int(sum(np.prod([sizes[axis] for axis in shape]) for shape in (*shapes, operation.out_shape)))


def far(got: Array, wanted: Array, allowed: Any) -> Any:
    """Where two arrays differ by more than is allowed; everywhere if their shapes do.

    What is not finite must be equal.
    """
    if got.shape != wanted.shape:
        return np.ones(wanted.shape or (1,), bool) if wanted.size else np.ones(1, bool)
    with np.errstate(all="ignore"):
        close = np.abs(got - wanted) <= allowed
        alike = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    return ~(close | alike)


def largest(value: Array) -> float:
    """The largest finite magnitude in an array, or 0."""
    with np.errstate(all="ignore"):
        finite = np.abs(value[np.isfinite(value)])
    return float(finite.max(initial=0.0))


def derivative(example: Example, forward: Callable[..., Any], name: str, step: float) -> Array:
    """Central differences of a forward along one argument, weighted by the upstream gradient."""
    args, at = list(example.args.values()), list(example.args).index(name)
    with quiet():
        return central_differences(lambda *moved: forward(*moved)[0], args, example.dout, at, step)
