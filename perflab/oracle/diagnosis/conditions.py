"""The simplest condition that every case with a wrong answer meets and cases with right answers do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations, product
from operator import eq, gt, lt, ne

from perflab.contract import Operation
from perflab.oracle.diagnosis.examples import Example, derived

KINDS = {
    "ties": "values tie",
    "nan": "the input holds NaN",
    "extreme": "the numbers are extreme",
    "integers": "the numbers are whole",
}
COMPARISONS = {"≠": ne, "=": eq, ">": gt, "<": lt}


def conditions(operation: Operation, examples: Sequence[Example], wrong: Sequence[bool]) -> str:
    """The condition under which cases are wrong, in words; empty where none fits."""
    if all(wrong):
        return "wrong in every case"
    only = []
    for words, meets in _tests(operation, examples):
        covers = all(m for m, w in zip(meets, wrong, strict=True) if w)
        outside = meets.count(False)
        if covers and outside >= 3 and sum(wrong) >= 2:
            exact = all(w for m, w in zip(meets, wrong, strict=True) if m)
            only.append((not exact, -outside, words))
    if not only:
        return ""
    inexact, _, words = min(only, key=lambda condition: condition[:2])
    return f"wrong only where {words}" if inexact else f"wrong wherever {words}, and only there"


def _tests(operation: Operation, examples: Sequence[Example]) -> Iterator[tuple[str, list[bool]]]:
    """Conditions with the cases that meet them, the simplest first."""
    kinds = [e.case.inputs for e in examples]
    for kind, words in KINDS.items():
        yield words, [k == kind for k in kinds]
    yield "values tie or the input holds NaN", [k in ("ties", "nan") for k in kinds]
    yield "values can tie", [k in ("ties", "integers") for k in kinds]
    for name, argument in operation.arguments.items():
        if argument.kind == "scalar":
            yield f"{name} ≠ 0", [bool(e.args[name] != 0) for e in examples]
            yield f"{name} = 0", [bool(e.args[name] == 0) for e in examples]
        if argument.kind == "pair":
            low = argument.minimum
            yield f"{name} > {low}", [max(e.pairs[name]) > low for e in examples]
            yield f"both of {name} > {low}", [min(e.pairs[name]) > low for e in examples]
            yield f"the first of {name} > {low}", [e.pairs[name][0] > low for e in examples]
            yield f"the second of {name} > {low}", [e.pairs[name][1] > low for e in examples]
    yield from _of_pairs(operation, examples)
    sizes = list(examples[0].sizes)
    for axis in sizes:
        yield f"{axis} > 1", [e.sizes[axis] > 1 for e in examples]
        yield f"{axis} = 1", [e.sizes[axis] == 1 for e in examples]
    for (a, b), (sign, compare) in product(combinations(sizes, 2), COMPARISONS.items()):
        yield f"{a} {sign} {b}", [compare(e.sizes[a], e.sizes[b]) for e in examples]


def _of_pairs(operation: Operation, examples: Sequence[Example]) -> Iterator[tuple[str, list[bool]]]:
    """Conditions between numbers that belong to rows and columns: parameters, images, kernels."""
    ends = dict.fromkeys(a.shape[-2:] for a in operation.arguments.values() if len(a.shape) == 4)
    pairs = {name: [e.pairs[name] for e in examples] for name in examples[0].pairs}
    pairs |= {f"{a}×{b}": [(e.sizes[a], e.sizes[b]) for e in examples] for a, b in ends}
    for name, values in pairs.items():
        yield f"the two of {name} differ", [a != b for a, b in values]
        yield f"the two of {name} are equal", [a == b for a, b in values]
    for first, second in permutations(pairs, 2):
        both = list(zip(pairs[first], pairs[second], strict=True))
        if first < second:
            yield f"{first} ≠ {second}", [p != q for p, q in both]
        yield f"{first} < {second} along an axis", [p[0] < q[0] or p[1] < q[1] for p, q in both]
    moving = [axis for axis in examples[0].case.sizes if _grown(operation, examples[0], axis, 12)]
    if moving:
        over = [any(_grown(operation, e, axis, -1) == 0 for axis in moving) for e in examples]
        yield "no window covers the last rows or columns", over


def _grown(operation: Operation, example: Example, axis: str, by: int) -> int | None:
    """By how much the sizes that derive from others change, where this axis grows; None where it cannot."""
    before = example.case.sizes
    after = derived(operation, {**before, axis: before[axis] + by}, example.pairs)
    return sum(after[a] - example.sizes[a] for a in after if a not in before) if after else None
