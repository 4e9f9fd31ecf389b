"""The examples of an operation: its check cases and further small cases, each with its reference.

Some mistakes show only where two sizes are equal, others only where they differ. So further cases are drawn,
with sizes from 1 to 5 that are often equal, and with different strides and pads. The same operation always
gives the same cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from perflab.catalog import inputs
from perflab.contract import Array, Case, Operation
from perflab.oracle.observation import quiet
from perflab.oracle.references import central_differences, reference

FURTHER = 24  # cases drawn beside the checks
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


def drawn_cases(operation: Operation) -> list[Case]:
    """Small cases beside the checks: with their kinds of inputs and their scalars, but random sizes."""
    models = [case for case in operation.checks.values() if min(case.sizes.values(), default=1) > 0]
    kinds = list({case.inputs: case for case in models}.values())  # so that a rare kind is drawn often enough
    rng = np.random.default_rng(5)
    cases: list[Case] = []
    pairs = [name for name, argument in operation.arguments.items() if argument.kind == "pair"]
    swapped = dict.fromkeys(pairs, 0)
    for attempt in range(ATTEMPTS if models else 0):
        source = models if attempt % 2 else kinds
        model = source[attempt // 2 % len(source)]
        sizes = {axis: int(rng.integers(1, LARGEST_AXIS + 1)) for axis in model.sizes}
        drawn = {}
        for name in pairs:
            low, high = operation.arguments[name].minimum, LARGEST_PARAMETER + 1
            drawn[name] = tuple(int(value) for value in rng.integers(low, high, 2))
        case = Case(f"drawn_{attempt}", sizes, {**model.parameters, **drawn}, model.inputs, 100 + attempt)
        if not fits(operation, case):
            continue
        hidden = [name for name in pairs if swapped[name] < SWAPPED and _swaps(operation, case, name)]
        if len(cases) < FURTHER or hidden:
            cases.append(case)
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


def derivative(example: Example, forward: Callable[..., Any], name: str, step: float) -> Array:
    """Central differences of a forward along one argument, weighted by the upstream gradient."""
    args, at = list(example.args.values()), list(example.args).index(name)
    with quiet():
        return central_differences(lambda *moved: forward(*moved)[0], args, example.dout, at, step)
