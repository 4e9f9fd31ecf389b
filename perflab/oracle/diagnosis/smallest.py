"""The smallest case that still shows a mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from perflab.catalog import inputs
from perflab.contract import Case, Operation
from perflab.oracle.diagnosis.examples import fits

SEEDS = 6  # draws of each case: whole numbers tie, cancel or vanish by chance


def smallest(operation: Operation, start: Case, separates: Callable[[Case], bool]) -> Case:
    """From `start`, which separates, down to the smallest case that still does.

    Whole numbers are tried first, since a reader can follow them; then every axis and every parameter is
    lowered as far as possible, until no change is left.
    """

    def holds(case: Case) -> Case | None:
        if not fits(operation, case):
            return None
        return next((c for seed in range(SEEDS) if separates(c := replace(case, seed=seed))), None)

    now = start
    if start.inputs != "integers":
        now = holds(replace(start, inputs="integers")) or start
    for _ in range(3):
        before = now
        for name, value in _steps(operation, before):
            case = _lowered(operation, now, name, value)
            now = (holds(case) if case else None) or now
        if now is before:
            break
    return now if now is start else replace(now, name="smallest")


def _steps(operation: Operation, start: Case) -> Iterator[tuple[str, int | tuple[int, int]]]:
    """What an axis or a pair may be lowered to, the boldest first."""
    for axis, size in start.sizes.items():
        for value in range(1, size):
            yield axis, value
    for name, (first, second) in inputs.pairs(operation, start).items():
        low = operation.arguments[name].minimum
        for pair in ((low, low), (low, second), (first, low), (first - 1, second), (first, second - 1)):
            if min(pair) >= low:
                yield name, pair


def _lowered(operation: Operation, case: Case, name: str, value: int | tuple[int, int]) -> Case | None:
    """The case with one axis or pair at this value; None where that is not lower than it is."""
    if isinstance(value, int):
        lower = value < case.sizes[name]
        return replace(case, sizes={**case.sizes, name: value}) if lower else None
    now = inputs.pairs(operation, case)[name]
    lower = value != now and value[0] <= now[0] and value[1] <= now[1]
    return replace(case, parameters={**case.parameters, name: value}) if lower else None
