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
    results: dict[str, list[tuple[Array, ...]]] = {}
    for implementation in implementations:
        answers = results[implementation.technique] = []
        for case in operation.checks.values():
            try:
                with quiet():
                    answers.append(copies(Problem(operation, case, dtype).run(implementation)))
            except Exception:  # its verdict says that it is wrong; here it is identical to nothing
                answers.append(())
    exact = {each.technique: each.exact_on_integers for each in implementations}
    whole = [case.inputs == "integers" for case in operation.checks.values()]
    pairs = []
    for first, second in combinations(results, 2):
        both = list(zip(whole, results[first], results[second], strict=True))
        same = [bool(a) and len(a) == len(b) and all(map(same_bits, a, b)) for _, a, b in both]
        difference = max((_relative(a, b) for integers, a, b in both if not integers), default=0.0)
        claimed = operation.exact_on_integers and exact[first] and exact[second]
        on_integers = all(equal for integers, equal in zip(whole, same, strict=True) if integers)
        identical = on_integers if claimed else None
        pairs.append(Pair(operation.name, dtype, first, second, identical, all(same), difference))
    return pairs


def _relative(a: Sequence[Array], b: Sequence[Array]) -> float:
    if not a or [tensor.shape for tensor in a] != [tensor.shape for tensor in b]:
        return float("inf")
    with np.errstate(all="ignore"):
        apart = [float(np.nanmax(np.abs(x - y), initial=0.0)) for x, y in zip(a, b, strict=True)]
        largest = [float(np.nanmax(np.abs(y), initial=0.0)) or 1.0 for y in b]
    return max(x / y for x, y in zip(apart, largest, strict=True))
