"""The cases of an operation: their names, their costs, and how a run describes them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from perflab.catalog.find import operation
from perflab.catalog.inputs import pairs
from perflab.contract import Case, Cost, Operation
from perflab.records import Plan


def every_case(described: Operation) -> dict[str, Case]:
    """An operation's cases: the everyday ones first, then those of the contest."""
    return {**described.cases, **described.contest}


def planned(plan: Plan, name: str) -> Operation:
    """An operation as a plan measures it: with the plan's cases of one's own sizes."""
    described = operation(name)
    own = {each.name: Case(each.name, each.sizes, each.parameters) for each in plan.sized.get(name, ())}
    return replace(described, cases={**described.cases, **own}) if own else described


def describe(plan: Plan) -> dict[str, Any]:
    """What the plan's names mean: titles, sizes, costs. Saved, so that a report needs no code."""
    fields = ("title", "summary", "exact_on_integers", "multiplies", "study_case", "small_case")
    operations: dict[str, Any] = {}
    for op, names in plan.cases.items():
        described = planned(plan, op)
        cases = {name: _describe(described, described.case(name), plan.dtypes) for name in names}
        operations[op] = {field: getattr(described, field) for field in fields} | {"cases": cases}
        operations[op]["since"] = dict(described.since)
    return operations


def _describe(described: Operation, case: Case, dtypes: tuple[str, ...]) -> dict[str, Any]:
    by_dtype = {dtype: costs(described, case, dtype).items() for dtype in dtypes}
    saved = {
        dtype: {way: asdict(c) for way, c in items if way in described.directions}
        for dtype, items in by_dtype.items()
    }
    sizes, parameters = dict(case.sizes), dict(case.parameters)
    return {"sizes": sizes, "parameters": parameters, "inputs": case.inputs, "costs": saved}


def costs(described: Operation, case: Case, dtype: str) -> dict[str, Cost]:
    """What an operation costs on a case, per direction. Without a gradient a step is forward alone."""
    cost = described.cost(case.sizes, pairs(described, case), 4 if dtype == "float32" else 8)
    return cost if described.wrt else {**cost, "backward": Cost(0, 0), "step": cost["forward"]}
