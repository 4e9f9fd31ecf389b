"""In which cases an answer is wrong: the plainest condition that all of them meet and right ones do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

from perflab.contract import Operation
from perflab.oracle.diagnosis.witness import Witness

KINDS = {
    "ties": "values tie",
    "nan": "the input holds NaN",
    "extreme": "the numbers are extreme",
    "integers": "the numbers are whole",
}


def conditions(operation: Operation, held: Sequence[Witness], wrong: Sequence[bool]) -> str:
    """When the cases are wrong, in words; empty where no condition tells the wrong ones from right ones."""
    if all(wrong):
        return "wrong in every case"
    only = []
    for words, meets in _tests(operation, held):
        covers = all(m for m, w in zip(meets, wrong, strict=True) if w)
        outside = meets.count(False)
        if covers and outside >= 3 and sum(wrong) >= 2:
            exact = all(w for m, w in zip(meets, wrong, strict=True) if m)
            only.append((not exact, -outside, words))
    if not only:
        return ""
    inexact, _, words = min(only, key=lambda found: found[:2])
    return f"wrong only where {words}" if inexact else f"wrong wherever {words}, and only there"


def _tests(operation: Operation, held: Sequence[Witness]) -> Iterator[tuple[str, list[bool]]]:
    """Conditions with the cases that meet them, the plainest first."""
    kinds = [w.case.inputs for w in held]
    for kind, words in KINDS.items():
        yield words, [k == kind for k in kinds]
    yield "values tie or the input holds NaN", [k in ("ties", "nan") for k in kinds]
    yield "values can tie", [k in ("ties", "integers") for k in kinds]
    for name, argument in operation.arguments.items():
        if argument.kind == "scalar":
            yield f"{name} ≠ 0", [bool(w.args[name] != 0) for w in held]
            yield f"{name} = 0", [bool(w.args[name] == 0) for w in held]
        if argument.kind == "pair":
            low = argument.minimum
            yield f"{name} > {low}", [max(w.pairs[name]) > low for w in held]
            yield f"both of {name} > {low}", [min(w.pairs[name]) > low for w in held]
            yield f"the first of {name} > {low}", [w.pairs[name][0] > low for w in held]
            yield f"the second of {name} > {low}", [w.pairs[name][1] > low for w in held]
    yield from _of_pairs(operation, held)
    sizes = list(held[0].sizes)
    for axis in sizes:
        yield f"{axis} > 1", [w.sizes[axis] > 1 for w in held]
        yield f"{axis} = 1", [w.sizes[axis] == 1 for w in held]
    for a, b in combinations(sizes, 2):
        yield f"{a} ≠ {b}", [w.sizes[a] != w.sizes[b] for w in held]
        yield f"{a} = {b}", [w.sizes[a] == w.sizes[b] for w in held]
        yield f"{a} > {b}", [w.sizes[a] > w.sizes[b] for w in held]
        yield f"{a} < {b}", [w.sizes[a] < w.sizes[b] for w in held]


def _of_pairs(operation: Operation, held: Sequence[Witness]) -> Iterator[tuple[str, list[bool]]]:
    """Conditions between numbers that belong to rows and columns: parameters, images, kernels."""
    ends = dict.fromkeys(a.shape[-2:] for a in operation.arguments.values() if len(a.shape) == 4)
    pairs = {name: [w.pairs[name] for w in held] for name in held[0].pairs}
    pairs |= {f"{a}×{b}": [(w.sizes[a], w.sizes[b]) for w in held] for a, b in ends}
    for name, values in pairs.items():
        yield f"the two of {name} differ", [a != b for a, b in values]
        yield f"the two of {name} are equal", [a == b for a, b in values]
    for one, other in permutations(pairs, 2):
        both = list(zip(pairs[one], pairs[other], strict=True))
        if one < other:
            yield f"{one} ≠ {other}", [p != q for p, q in both]
        yield f"{one} < {other} along an axis", [p[0] < q[0] or p[1] < q[1] for p, q in both]
    moving = [axis for axis in held[0].case.sizes if _grown(operation, held[0], axis, 12)]
    if moving:
        over = [any(_grown(operation, w, axis, -1) == 0 for axis in moving) for w in held]
        yield "no window covers the last rows or columns", over


def _grown(operation: Operation, held: Witness, axis: str, by: int) -> int | None:
    """By how much the sizes that derive from others change, if this axis grows; None where it may not."""
    try:
        after = operation.derive({**held.case.sizes, axis: held.case.sizes[axis] + by}, held.pairs)
    except ValueError:
        return None
    return sum(after[a] - held.sizes[a] for a in after if a not in held.case.sizes)
