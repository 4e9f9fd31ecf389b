"""The evidence on files from outside, each in a process of its own, and the hottest lines of each.

Only what a run showed to be right is called. A file that raises, prints, hangs or ends its process gets no
evidence; the others are not affected.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from perflab import catalog
from perflab.catalog.cases import costs, planned
from perflab.catalog.sizes import Size, own_case, with_cases
from perflab.contract import Case, Implementation, Operation, PerflabError
from perflab.errors import reason
from perflab.evidence import profile
from perflab.evidence.gathering import examine
from perflab.evidence.scene import fitting
from perflab.evidence.steps import Trace, watched
from perflab.machine import process
from perflab.records import Plan, kinds

LIMIT_S = 45.0  # a file that gives no answer within this time has no evidence
LONGEST_CALL_S = {"interpreted": 0.05}  # forward and backward: the tracer takes several times as long


def gather_all(plan: Plan, records: Iterable[kinds.Record]) -> Iterator[dict[str, Any]]:
    """The evidence on every outside file of a run, as fields of records; a `reason` where there is none."""
    records = list(records)
    right = shown_right(plan, records)
    for op, techniques in plan.techniques.items():
        for technique in techniques:
            name = f"{op}/{technique}"
            if name not in plan.outside or "@" in technique:
                continue
            dtype = _first_dtype(plan, records, name)
            case = fitting(planned(plan, op), plan.cases[op], dtype)
            who = {"operation": op, "technique": technique, "dtype": dtype}
            counts = {case: len(plan.contenders(op, case)) for case in plan.cases[op]}
            common = [case for case, count in counts.items() if count == max(counts.values())]
            sizes = [{**own.sizes, **own.parameters} for own in plan.sized.get(op, ())]
            where = {"case": case, "cases": common, "sizes": sizes}
            order = {**who, **where, "outside": plan.outside[name]}
            try:
                if name not in right:
                    raise PerflabError("it was not shown to be right, so it was not called")
                yield {**process.call("perflab.evidence.outside:gather", order, LIMIT_S), **who}
            except Exception as error:
                why = str(error) if isinstance(error, PerflabError) else reason(error)
                yield {**who, "case": case, "reason": why}


def _first_dtype(plan: Plan, records: Iterable[kinds.Record], name: str) -> str:
    """The first dtype in which an outside file was shown to be right: some compute in float64 alone."""
    judged = [record for record in records if isinstance(record, kinds.Judgement) and record.right]
    found = {record.contender.dtype for record in judged if record.contender.name == name}
    return next((dtype for dtype in plan.dtypes if dtype in found), plan.dtypes[0])


def shown_right(plan: Plan, records: Iterable[kinds.Record]) -> frozenset[str]:
    """The outside files of a run, as OP/TECHNIQUE, that it showed to be right, without a failure."""
    shown: dict[str, set[bool]] = {name: set() for name in plan.outside}
    for record in records:
        if isinstance(record, (kinds.Judgement, kinds.Failure)):
            right = isinstance(record, kinds.Judgement) and record.right
            shown.get(record.contender.name, set()).add(right)
    return frozenset(name for name, verdicts in shown.items() if verdicts == {True})


def gather(
    operation: str, technique: str, dtype: str, case: str, outside: str, cases: Sequence[str],
    sizes: Sequence[Size] = (),
) -> dict[str, Any]:  # fmt: skip
    """The evidence on an outside file with its hottest lines, as fields of a record.

    Where it can, on the largest of `cases` that a call finishes within its limit. `sizes` are those of one's
    own among the cases.
    """
    known, implementation = catalog.operation(operation), catalog.column(operation, technique, outside)
    described = with_cases(known, [own_case(known, each) for each in sizes])
    evidence = examine(described, implementation, described.case(case), dtype)
    with contextlib.suppress(Exception):  # the evidence is complete without a profile
        code_kinds = {direction.kind for direction in evidence.ways.values()}
        longest_s = min(LONGEST_CALL_S.get(kind, profile.LONGEST_CALL_S) for kind in code_kinds)
        largest = _profiled(described, implementation, [evidence.case, *cases], dtype, longest_s)
        if largest.name != evidence.case and "interpreted" not in code_kinds:
            evidence = examine(described, implementation, largest, dtype)
        evidence = replace(evidence, profile=profile.profile(implementation, described, largest, dtype))
    return replace(evidence, step_s=step_seconds()).plain()


def _profiled(
    described: Operation, implementation: Implementation, names: Sequence[str], dtype: str, longest_s: float
) -> Case:
    """The case with the most work whose predicted time is within the limit, by the time of the first one."""
    first, *_ = cases = [described.case(name) for name in names]
    flops = {case.name: costs(described, case, dtype)["step"].flops for case in cases}
    per_flop_s = profile.seconds_of(implementation, described, first, dtype) / max(flops[first.name], 1)
    short = [case for case in cases if per_flop_s * flops[case.name] <= longest_s]
    return max(short, key=lambda case: flops[case.name], default=first)


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

    seconds = {}
    for name, loop in (("plain", plain), ("element", element)):
        trace = Trace(memory=False)
        watched(trace, loop)
        seconds[name] = min(profile.timed(loop) for _ in range(7)) / max(trace.steps, 1)
    return seconds
