"""The evidence on files from outside, each in a process of its own, and the hottest lines of each.

Only what a run showed to be right is called. One that raises, prints, hangs or ends its process costs itself
its evidence, and no other anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from perflab import catalog
from perflab.catalog.cases import costs
from perflab.contract import Case, Implementation, Operation, PerflabError
from perflab.evidence import profile
from perflab.evidence.gather import examine
from perflab.evidence.scene import fitting
from perflab.evidence.steps import Trace, watched
from perflab.machine import process
from perflab.records import Plan, kinds

LIMIT_S = 45.0  # one that gives no answer for so long is left without evidence
LONGEST_CALL_S = {"interpreted": 0.05}  # both ways: the tracer takes several times as long


def gather_all(plan: Plan, records: Iterable[kinds.Record]) -> Iterator[dict[str, Any]]:
    """The evidence on every outside file of a run, as fields of records; a `reason` where there is none."""
    right, dtype = shown_right(plan, records), plan.dtypes[0]
    for op, techniques in plan.techniques.items():
        for technique in techniques:
            name = f"{op}/{technique}"
            if name not in plan.outside or "@" in technique:
                continue
            case = fitting(catalog.operation(op), plan.cases[op], dtype)
            who = {"operation": op, "technique": technique, "dtype": dtype}
            if name not in right:
                yield {**who, "case": case, "reason": "it was not shown to be right, so it was not called"}
                continue
            order = {**who, "case": case, "outside": plan.outside[name], "cases": _telling(plan, op)}
            try:
                yield {**process.call("perflab.evidence.outside:gather", order, LIMIT_S), **who}
            except PerflabError as error:
                yield {**who, "case": case, "reason": str(error)}


def shown_right(plan: Plan, records: Iterable[kinds.Record]) -> frozenset[str]:
    """The outside files of a run, as OP/TECHNIQUE, that it showed to be right and found no fault with."""
    shown: dict[str, set[bool]] = {name: set() for name in plan.outside}
    for record in records:
        if isinstance(record, (kinds.Judgement, kinds.Failure)):
            right = isinstance(record, kinds.Judgement) and record.right
            shown.get(record.contender.name, set()).add(right)
    return frozenset(name for name, verdicts in shown.items() if verdicts == {True})


def gather(
    operation: str, technique: str, dtype: str, case: str, outside: str, cases: Sequence[str]
) -> dict[str, Any]:
    """The evidence on an outside file, its hottest lines among it, as fields of a record.

    On the largest of `cases` that a call gets through soon enough: its figures are read on that.
    """
    described, held = catalog.operation(operation), catalog.column(operation, technique, outside)
    found = examine(described, held, described.case(case), dtype)
    with contextlib.suppress(Exception):  # what was gathered before is whole without it
        kinds = {way.kind for way in found.ways.values()}
        telling = _profiled(described, held, [found.case, *cases], dtype, kinds)
        if telling.name != found.case and "interpreted" not in kinds:
            found = examine(described, held, telling, dtype)
        found = replace(found, profile=profile.profile(held, described, telling, dtype))
    return replace(found, step_s=step_seconds()).plain()


def _telling(plan: Plan, operation: str) -> list[str]:
    """The cases that most of the plan's columns meet on."""
    met = {case: len(plan.contenders(operation, case)) for case in plan.cases[operation]}
    return [case for case, count in met.items() if count == max(met.values())]


def _profiled(
    described: Operation, held: Implementation, names: Sequence[str], dtype: str, kinds: Collection[str]
) -> Case:
    """The case with the most work that a call is foretold to get through soon enough, from the first one."""
    first, *_ = cases = [described.case(name) for name in names]
    work = {case.name: costs(described, case, dtype)["step"].flops for case in cases}
    longest_s = min(LONGEST_CALL_S.get(kind, profile.LONGEST_CALL_S) for kind in kinds)
    took_s = profile.seconds_of(held, described, first, dtype) / max(work[first.name], 1)
    short = [case for case in cases if took_s * work[case.name] <= longest_s]
    return max(short, key=lambda case: work[case.name], default=first)


def step_seconds() -> dict[str, float]:
    """Seconds that a step of the interpreter takes in this process, on two loops.

    "plain" adds integers, the cheapest steps there are: other steps take longer. "element" reads numbers of
    arrays one by one and multiplies them, as scalar loops over arrays do.
    """
    numbers = np.ones(2000, np.float32)

    def plain() -> int:
        total = 0
        for i in range(20_000):
            total += i
        return total

    def element() -> Any:
        total = numbers[0]
        for i in range(2000):
            total += numbers[i] * numbers[i]
        return total

    found = {}
    for name, loop in (("plain", plain), ("element", element)):
        took = []
        for _ in range(7):
            began = perf_counter()
            loop()
            took.append(perf_counter() - began)
        trace = Trace(memory=False)
        watched(trace, loop)
        found[name] = min(took) / max(trace.steps, 1)
    return found
