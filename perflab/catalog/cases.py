"""The cases of an operation: what they are, what they cost, and how a run describes them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from perflab.catalog.find import operation
from perflab.catalog.inputs import pairs
from perflab.contract import Case, Cost, Operation
from perflab.records import Plan


def every_case(described: Operation) -> dict[str, Case]:
    """An operation's cases, the everyday ones first, then those of the contest."""
    return {**described.cases, **described.contest}


def describe(plan: Plan) -> dict[str, Any]:
    """What the plan's names mean: titles, sizes, costs. Saved, so that a report needs no code."""
    described: dict[str, Any] = {}
    for op, cases in plan.cases.items():
        known = operation(op)
        described[op] = {
            "title": known.title,
            "summary": known.summary,
            "exact_on_integers": known.exact_on_integers,
            "multiplies": known.multiplies,
            "cases": {
                name: {
                    "sizes": dict(known.case(name).sizes),
                    "parameters": dict(known.case(name).parameters),
                    "inputs": known.case(name).inputs,
                    "costs": {
                        dtype: {
                            way: asdict(cost) for way, cost in costs(known, known.case(name), dtype).items()
                        }
                        for dtype in plan.dtypes
                    },
                }
                for name in cases
            },
        }
    return described


def costs(described: Operation, case: Case, dtype: str) -> dict[str, Cost]:
    """What an operation costs on a case, per direction."""
    return described.cost(case.sizes, pairs(described, case), 4 if dtype == "float32" else 8)
