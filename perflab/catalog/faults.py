"""What is wrong with an operation's description, as far as it can be told without a call of its formulas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from perflab.catalog import inputs
from perflab.contract import Case, Cost, Operation
from perflab.errors import first_line, reason
from perflab.records import tree

KINDS = ("array", "labels", "scalar", "pair")
INPUTS = ("normal", "integers", "ties", "nan", "extreme", "digits")


def of(described: Operation) -> str:
    """The first fault of a description, in one line; "" if there is none."""
    return next(filter(None, _faults(described)), "")


def _faults(described: Operation) -> Iterator[str]:
    yield _of_arguments(described)
    yield _of_story(described)
    for field in ("cases", "contest", "checks"):
        for name, case in getattr(described, field).items():
            if case.name != name:
                yield f"`{field}`: case {name} is named {case.name!r}; wanted one name"
            if fault := _of_case(described, case):
                yield f"`{field}`: case {name} does not fit: {fault}"


def _of_arguments(described: Operation) -> str:
    """What is wrong with the arguments, or with the gradient's names."""
    arguments = described.arguments
    arrays = [name for name, argument in arguments.items() if argument.kind == "array"]
    for name, argument in arguments.items():
        if argument.kind not in KINDS:
            return f"`arguments`: {name} is of kind {argument.kind!r}; wanted one of {', '.join(KINDS)}"
        if argument.name != name:
            return f"`arguments`: {name} is named {argument.name!r}; wanted one name"
    if not arrays:
        return "`arguments`: no array of floats, whose dtype is that of a run; wanted one of kind 'array'"
    if unknown := [name for name in described.wrt if name not in arrays]:
        return f"`wrt` names {unknown[0]}; wanted arrays among the arguments: {', '.join(arrays)}"
    if described.wrt and described.gradient is None:
        return "`gradient` is missing; wanted one, or an empty `wrt` for an operation that is forward only"
    if not described.wrt and described.gradient is not None:
        return "`wrt` is empty; wanted the names of the gradients, or no `gradient`"
    return ""


def _of_story(described: Operation) -> str:
    """What is wrong with the ladder's tree, or with the names of the cases on which it is told."""
    if described.since and (*described.since,) != tuple(described.ladder):
        return f"`since` names {', '.join(described.since)}; wanted those of `ladder`, in its order"
    for field in ("cases", "checks"):
        if not getattr(described, field):
            return f"`{field}` is empty; wanted at least one case"
    known = [*described.cases, *described.contest]
    for field in ("study_case", "small_case"):
        case = getattr(described, field)
        if case not in ("", *known):
            return f"`{field}` is {case!r}; wanted one of {', '.join(known)}"
    fault = tree.fault(described.since)
    return f"`since` is no tree: {fault}" if fault else ""


def _of_case(described: Operation, case: Case) -> str:
    """Why a case is none of the operation."""
    if case.inputs not in INPUTS:
        return f"`inputs` is {case.inputs!r}; wanted one of {', '.join(INPUTS)}"
    for argument in described.arguments.values():
        for axis in filter(None, (*argument.shape, argument.upper)):
            if axis not in case.sizes:
                return f"no size of {axis}, an axis of {argument.name}; it has {', '.join(case.sizes)}"
    settable = [name for name, argument in described.arguments.items() if argument.kind in ("scalar", "pair")]
    for name in case.parameters:
        if name not in settable:
            return f"{name} is no parameter; there are {', '.join(settable) or 'none'}"
    try:
        pairs = inputs.pairs(described, case)
        derived = described.derive(case.sizes, pairs)
        if lacking := [axis for axis in described.out_shape if axis not in derived]:
            return f"`derive` gives no size of {lacking[0]}, an axis of the output"
        if case.inputs == "digits":
            inputs.make(described, case, "float32")
        return _of_cost(described, described.cost(case.sizes, pairs, 4))
    except ValueError as error:
        return first_line(str(error))
    except Exception as error:  # the description's functions may fail in any way
        return reason(error)


def _of_cost(described: Operation, cost: Mapping[str, Any]) -> str:
    for direction in described.directions:
        one = cost.get(direction)
        if not isinstance(one, Cost) or one.flops < 0 or one.bytes < 0:
            return f"`cost` gives {one!r} for {direction}; wanted a Cost"
    return ""
