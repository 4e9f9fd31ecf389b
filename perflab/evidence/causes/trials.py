"""All interventions on one function: each compiled, verified, and timed in turns with the original."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from perflab import oracle
from perflab.contract import PerflabError
from perflab.errors import reason
from perflab.evidence import interventions
from perflab.evidence.causes import timing
from perflab.evidence.causes.building import Builder, flags, kinds_of
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Program
from perflab.evidence.compiled import dispatchers_of
from perflab.records.causes import REFUSED, TIMED, WRONG, Tested, Trial, moved

ORIGINAL, AGAIN = "the original", "the original, compiled again"


@dataclass(frozen=True)
class Subject:
    """A function to ask: its files by name, where it is, the arguments, and what is right.

    `tensors` takes those tensors from what it returns that `reference` holds. `threads` compute.
    """

    texts: Mapping[str, str]
    file: str
    name: str
    args: tuple[Any, ...]
    tensors: Callable[[Any], Sequence[Any]]
    reference: oracle.Reference
    threads: int = 1


def called(subject: Subject, builder: Builder) -> Any:
    """What the function returns. Raises PerflabError where it fails."""
    return _originals(subject, builder, 1)[1]


def _originals(subject: Subject, builder: Builder, copies: int) -> tuple[list[Callable[..., Any]], Any]:
    """Copies of the unchanged function, compiled, and what it returns."""
    trees = {name: ast.parse(text) for name, text in subject.texts.items()}
    try:
        built = [builder.built(trees, subject.file, subject.name) for _ in range(copies)]
        *_, result = (each(*subject.args) for each in built)
    except Exception as failure:
        raise PerflabError(f"it fails: {reason(failure)}") from failure
    return built, result


def tested(subject: Subject, builder: Builder) -> Tested:
    """What the interventions show. Raises PerflabError for a function that Numba did not compile."""
    (original, again), result = _originals(subject, builder, 2)
    trees = {name: ast.parse(text) for name, text in subject.texts.items()}
    compiled = kinds_of(original)
    if not compiled:
        raise PerflabError("not compiled by Numba: no @njit function is called")
    program = Program(trees, _entry(original, subject), compiled, subject.args, result, _options(original))
    error = _error(subject, result)
    if not error <= 1:
        raise PerflabError(f"wrong: its error is {error:.3g} of the rounding bound, so it is not timed")
    calls: dict[str, timing.Call] = {ORIGINAL: partial(original, *subject.args)}
    calls[AGAIN] = partial(again, *subject.args)
    trials: list[dict[str, Any]] = []
    for each in interventions.known():
        trial, call = _prepared(each, program, subject, builder)
        if trial is not None:
            trials.append(trial)
        if call is not None:
            calls[each.name] = call
    seconds = timing.turns_of(calls, timing.clock_of(subject.threads))
    compare = partial(timing.compared, seconds[ORIGINAL], tests=len(calls) - 1)
    timed = (
        Trial(status=TIMED, moved=moved(compare(seconds[trial["name"]])), **trial) if trial["name"] in seconds
        else Trial(**trial)
        for trial in trials
    )  # fmt: skip
    return Tested(median(seconds[ORIGINAL]), error, moved(compare(seconds[AGAIN])), tuple(timed))


def _entry(original: Any, subject: Subject) -> tuple[str, str]:
    """The file and name of the function's definition, which another file may have compiled."""
    function = getattr(original, "py_func", original)
    module = str(function.__module__).partition(".")[2]
    return f"{module.replace('.', '/')}.py", str(function.__name__)


def _options(original: Any) -> Mapping[str, Any]:
    """Numba's options of a function, or of the first compiled one that it calls."""
    dispatchers = dispatchers_of(original)
    return dict(getattr(original, "targetoptions", None) or dispatchers[0].targetoptions)


def _prepared(
    intervention: Intervention, program: Program, subject: Subject, builder: Builder
) -> tuple[dict[str, Any] | None, timing.Call | None]:
    """The fields of a trial but its time, and the call to time; without a call where it is not right."""
    names = ("name", "cause", "because", "changes", "ends")
    told: Callable[..., dict[str, Any]] = partial(dict, {name: getattr(intervention, name) for name in names})
    try:
        change = intervention.apply(program)
        if change is None or not _passes(change, program, subject, builder):
            return None, None
        call = _call(change, change.flags, program, subject, builder)
        error = _error(subject, call()) if change.verified else None
    except Exception as failure:
        return told(status=REFUSED, note=reason(failure)), None
    if change.verified and not (error is not None and error <= 1):
        return told(
            status=WRONG, error=_finite(error), note="its results are beyond the rounding bound"
        ), None
    return told(error=error), call


def _passes(change: Change, program: Program, subject: Subject, builder: Builder) -> bool:
    """Whether a change that needs a guard raises nothing with it."""
    if change.guard is None:
        return True
    try:
        _call(change, change.guard, program, subject, builder)()
    except IndexError:
        return False
    return True


def _call(
    change: Change, given: Mapping[str, Any], program: Program, subject: Subject, builder: Builder
) -> timing.Call:
    """The changed function on its arguments; it is compiled."""
    args = (*(subject.args if change.args is None else change.args), *change.extra)
    with flags(given):
        function = builder.built(change.trees or program.trees, subject.file, subject.name)
        function(*args)
    return partial(function, *args)


def _error(subject: Subject, result: Any) -> float:
    """The worst error as a share of the rounding bound."""
    dtype = subject.reference.dtype
    got = [
        np.asarray(
            each, dtype if isinstance(each, float) else None
        )  # Numba returns a scalar as Python's float
        for each in subject.tensors(result)
    ]
    if wrong := oracle.form(subject.reference, got):
        raise PerflabError(wrong)
    return max((worst.share for worst in oracle.judge(subject.reference, got)), default=0.0)


def _finite(error: float | None) -> float | None:
    return error if error is not None and np.isfinite(error) else None
