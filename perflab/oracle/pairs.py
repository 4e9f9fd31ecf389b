"""Every two techniques of an operation compared, bit by bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from perflab.contract import Array, Implementation, Operation
from perflab.oracle.observation import Problem, copies, quiet, same_bits


@dataclass(frozen=True)
class Pair:
    """Two techniques of one operation side by side.

    `identical_integers` is None where the operation is not exact on integers; `difference` is the largest
    difference on real inputs over every check, relative to the largest value of its tensor.
    """

    operation: str
    dtype: str
    first: str
    second: str
    identical_integers: bool | None
    identical: bool
    difference: float


def pairwise(operation: Operation, implementations: Sequence[Implementation], dtype: str) -> list[Pair]:
    """Every two of the given implementations compared on every check case, bit by bit."""
    results: dict[str, dict[str, tuple[Array, ...]]] = {}
    for implementation in implementations:
        answers = {}
        for name, case in operation.checks.items():
            problem = Problem(operation, case, dtype)
            try:
                with quiet():
                    answers[name] = copies(problem.run(implementation))
            except Exception:  # it is wrong, which its verdict says; it is identical to nothing
                answers[name] = ()
        results[implementation.technique] = answers
    exact = {held.technique: held.exact_on_integers for held in implementations}
    pairs = []
    for first, second in combinations(results, 2):
        same: dict[bool, bool] = {True: True, False: True}
        difference = 0.0
        for name, case in operation.checks.items():
            a, b = results[first][name], results[second][name]
            integers = case.inputs == "integers"
            same[integers] &= bool(a) and len(a) == len(b) and all(map(same_bits, a, b))
            if not integers:
                difference = max(difference, _relative(a, b))
        pairs.append(
            Pair(
                operation.name,
                dtype,
                first,
                second,
                same[True] if operation.exact_on_integers and exact[first] and exact[second] else None,
                same[False] and same[True],
                difference,
            )
        )
    return pairs


def _relative(a: Sequence[Array], b: Sequence[Array]) -> float:
    if not a or len(a) != len(b):
        return float("inf")
    worst = 0.0
    for mine, other in zip(a, b, strict=True):
        if mine.shape != other.shape:
            return float("inf")
        if mine.size:
            with np.errstate(all="ignore"):
                largest = float(np.nanmax(np.abs(other), initial=0.0)) or 1.0
                worst = max(worst, float(np.nanmax(np.abs(mine - other), initial=0.0)) / largest)
    return worst
