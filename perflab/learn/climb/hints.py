"""The hints of an exercise, each asked for by itself, from a first line to the whole solution.

Two of them are read from figures: a race of the user's own file with evidence gathered beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from perflab import catalog
from perflab.catalog import find
from perflab.contract import Cell
from perflab.learn.climb import exercises
from perflab.records.causes import Causes
from perflab.records.climb import HINTS, Climb, Step
from perflab.records.texts import DERIVATION
from perflab.report.study import mathematics
from perflab.report.summary import Summary
from perflab.report.why import causes as interventions
from perflab.report.why import reading, why

FIRST_LINE, FORMULAS, HOTTEST, MOVED, SOLUTION = HINTS
MEASURED = (HOTTEST, MOVED)  # these need a race with evidence


def taken(climb: Climb, step: Step, kind: str) -> Climb:
    """The climb with a hint noted."""
    return climb.with_step(replace(step, hints=(*step.hints, kind)))


def given(
    step: Step, kind: str, summary: Summary | None = None, tried: Causes | str | None = None
) -> list[str]:
    """The lines of one hint. Those that are `MEASURED` are read from the summary of a race.

    `tried` is what changes to the source of a compiled file did to its time, or why none was tried.
    """
    if kind == FIRST_LINE:
        return [f"{step.above}: {find.summary(step.operation, step.above)}"]
    if kind == FORMULAS:
        return derived(step.operation, step.above)
    if kind == SOLUTION:
        return exercises.written(step.operation, step.above).splitlines()
    if summary is None:
        return []
    return [*hottest(summary)] if kind == HOTTEST else [*moved_most(summary, step, tried)]


def derived(operation: str, rung: str) -> list[str]:
    """The part of the derivation that names a rung's file, else the operation's formulas."""
    file = find.folder(operation) / DERIVATION
    text = file.read_text("utf-8") if file.is_file() else ""
    parts = re.split(r"\n\n(?=\*\*|#)", text)  # a part begins with a heading, or with bold words
    named = [part for part in parts if f"`{rung}.py`" in part]
    if not named:
        return list(catalog.operation(operation).formulas.values())
    lines = mathematics.readable("\n\n".join(named), markup=False).splitlines()
    fenced = [line for line in lines if not line.startswith("```")]
    return [line for before, line in pairwise(["", *fenced]) if before or line]  # one empty line at most


def hottest(summary: Summary) -> Iterator[str]:
    """Where the time of the user's file goes: its hottest lines, with what is known of each.

    Its place among the rungs is left out: the bar of every check shows it.

    What else comes to be known of a line, of the compiler or of the memory that it reads, belongs here.
    """
    for each in reading.readings(summary):
        yield from reading.lines(replace(each, standings=()))


def moved_most(summary: Summary, step: Step, tried: Causes | str | None = None) -> Iterator[str]:
    """What makes the rung to reach faster than the one below, and which changes moved the file's own time.

    The first is read from the figures of both rungs, in the direction that saves most.
    """
    direction = summary.run.plan.directions[-1]
    cell = Cell(step.operation, step.case, step.dtype, step.threads, direction, step.below)
    slow, fast = (summary.figures.get(replace(cell, technique=name)) for name in (step.below, step.above))
    causes = why.causes(summary, slow, fast) if slow and fast else ""
    yield f"{step.above} over {step.below}: {causes or 'the figures here do not explain it'}."
    if isinstance(tried, str):
        yield f"No change to its source was tried: {tried}"
    elif tried is not None:
        yield from (f"{step.file}, {sentence}" for sentence in interventions.sentences(tried))
