"""What the worker answers, read as what it is: bytes that a file from outside may have written itself.

Each function gives None for an answer that our own worker does not give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from perflab import catalog
from perflab.contract import Array, Case, Implementation
from perflab.oracle.observation import Expected, Observation, Problem, expected, is_wider
from perflab.records import typed
from perflab.records.typed import Location, Name, Text

ARRAYS = ("first", "repeated", "second", "ints")


@dataclass(frozen=True)
class Described:
    """The fields of an implementation that are no functions."""

    operation: Name
    technique: Name
    source: Location
    summary: str
    unwritten: tuple[str, ...]
    notes: tuple[str, ...]
    gives: tuple[str, ...] | None


@dataclass(frozen=True)
class Content:
    """A loaded file: its implementations, the files that were read; or why it cannot be loaded."""

    columns: tuple[Described, ...] = ()
    files: tuple[Location, ...] = ()
    notes: tuple[str, ...] = ()
    forbidden: str = ""
    error: Text = ""


def content(answer: Mapping[str, Any]) -> Content | None:
    """The answer to "load"."""
    try:
        read = typed.read(Content, answer)
    except typed.Wrong:
        return None
    known = all(_known(each) for each in read.columns)
    return read if read.error or (read.columns and known) else None


def _known(described: Described) -> bool:
    return described.operation in catalog.operations() and (
        {*(described.gives or ())} <= {*catalog.operation(described.operation).wrt}
        and {*described.unwritten} <= {"forward", "backward"}
    )


def column(described: Described) -> Implementation:
    """An implementation without functions: outside code cannot be called in this process."""

    def elsewhere(*_: Any) -> Any:
        raise AssertionError("outside code runs in its sandbox")

    return Implementation(forward=elsewhere, backward=elsewhere, outside=True, **vars(described))


def observation(
    answer: Mapping[str, Any], column: Implementation, case: Case, dtype: str
) -> Observation | None:
    """The answer to "observe"."""
    told = Observation(case.name, dtype)
    if answer.keys() == {"failed"}:  # our worker itself
        told.failed = str(answer["failed"])
        return told
    for field in fields(Observation):
        blank, value = getattr(told, field.name), answer.get(field.name)
        if field.name in ("case", "dtype") or field.name in ARRAYS:
            continue
        if isinstance(blank, tuple):
            value = tuple(map(str, value)) if isinstance(value, list) else None
        if type(value) is not type(blank):
            return None
        setattr(told, field.name, value)
    form = wanted(column, case, dtype)
    for name in ARRAYS:
        setattr(told, name, answer.get(name, ()))
    return told if _whole(told, form) else None


def _whole(told: Observation, form: Expected) -> bool:
    """Whether the arrays have the forms that are judged; without those of the first call there are none."""
    later = (told.second, told.ints, told.repeated and (*told.first[:1], *told.repeated))
    if not told.first:
        return not any(later)
    return fit(told.first, form) and (
        bool(told.later_form) or all(fit(arrays, form) for arrays in later if arrays)
    )


def wanted(column: Implementation, case: Case, dtype: str) -> Expected:
    """What a column must return on a case."""
    operation = catalog.operation(column.operation)
    return expected(operation, column, *Problem(operation, case, dtype).arguments(), dtype)


def fit(arrays: Sequence[Array], form: Expected) -> bool:
    """Whether arrays have these shapes and this dtype; a number may be of any, as Python's own are."""
    return len(arrays) == len(form.shapes) and all(
        array.shape == shape
        and (shape == () or array.dtype == form.dtype or (form.wider and is_wider(array.dtype, form.dtype)))
        for array, shape in zip(arrays, form.shapes, strict=True)
    )
