"""What a race says of an attempt: its speed between the two rungs, and whether the upper one is reached."""

from __future__ import annotations

import time
from dataclasses import replace
from math import log
from statistics import median

from perflab import units
from perflab.contract import NOT_SHOWN, RIGHT, Cell, status_in
from perflab.learn.climb import exercises
from perflab.records import kinds
from perflab.records.climb import Attempt, Step
from perflab.report.summary import Summary

BAR = 24  # characters
# A share within this factor of what is wanted is not decided by one process: its memory layout may cost 10 %.
CLOSE = 1.15


def unraced(status: str, said: str) -> Attempt:
    """An attempt that was not raced: it is not right, or the race could not be."""
    return Attempt(time.time(), status, said)


def judge(summary: Summary, step: Step, technique: str) -> Attempt:
    """The attempt that a race with the rungs of an exercise is."""
    own = _cell(summary, step, technique)
    if against := objection(summary, step, technique):
        return against
    own_s, figure = call_s(summary, own), summary.figures[own]
    below_s, above_s = (call_s(summary, replace(own, technique=each)) for each in (step.below, step.above))
    if own_s is None or above_s is None:
        return unraced(RIGHT, f"not raced: {step.above} has no time on {step.case}")
    attempt = Attempt(time.time(), RIGHT, "", own_s, below_s, above_s, above_s / own_s)
    if borrowed := _borrowed(summary, step, technique):
        return replace(attempt, status=NOT_SHOWN, said=f"it calls {borrowed}; wanted your own work")
    if figure.predicted:
        predicted = f"a call would take about {units.seconds(figure.median_s, 2)}"
        return replace(attempt, said=f"too slow to race: {predicted} ({figure.basis})")
    return replace(attempt, passed=above_s / own_s >= step.wanted)


def objection(summary: Summary, step: Step, technique: str) -> Attempt | None:
    """What a race found against a file: that it is wrong or not as it claims, or has no time."""
    for finding in summary.findings:
        if finding.technique == technique:
            status, why = status_in(finding.reason)
            return unraced(status, f"in the race: {why}")
    own = _cell(summary, step, technique)
    lacking = [
        c for c in summary.run.plan.cases[step.operation] if replace(own, case=c) not in summary.figures
    ]
    if lacking or own not in summary.figures:
        why = f"a race of {step.dtype} gave it no time on {lacking[0] if lacking else step.case}"
        return unraced(RIGHT, f"not raced: {why}; wanted outputs of the inputs' dtype")
    return None


def _cell(summary: Summary, step: Step, technique: str) -> Cell:
    direction = summary.run.plan.directions[-1]
    return Cell(step.operation, step.case, step.dtype, step.threads, direction, technique)


def is_close(step: Step, attempt: Attempt) -> bool:
    """Whether a further process could decide otherwise."""
    share = attempt.share or 0.0
    return step.wanted / CLOSE < share < step.wanted * CLOSE


def call_s(summary: Summary, cell: Cell) -> float | None:
    """The seconds of a call in a race of seconds: the median over blocks of a block's fastest round.

    Of a block's few rounds some are slowed by whatever else runs on the machine, the fastest rarely. A
    prediction where it was not measured; None where there is neither.
    """
    fastest = [min(record.rounds_s) for record in summary.run.of_kind(kinds.Timed) if record.cell == cell]
    if fastest:
        return median(fastest)
    figure = summary.figures.get(cell)
    return figure.median_s if figure else None


def _borrowed(summary: Summary, step: Step, technique: str) -> str:
    """What a file calls of others that its exercise has no need of."""
    allowed = exercises.allowed(step.operation, step.below, step.above)
    found: dict[str, None] = {}
    for record in summary.run.of_kind(kinds.Judgement):
        if record.contender.technique == technique:
            found |= dict.fromkeys(name for name in record.calls if name not in allowed)
    return ", ".join(found)


def place(attempt: Attempt) -> float | None:
    """How far an attempt came: 0 at the rung below, 1 at the one to reach, on a logarithmic scale."""
    if not (attempt.seconds and attempt.below_s and attempt.above_s) or attempt.below_s == attempt.above_s:
        return None
    return log(attempt.below_s / attempt.seconds) / log(attempt.below_s / attempt.above_s)


def bar(step: Step, attempt: Attempt, full: str = "━", empty: str = "─") -> str:
    """How far an attempt came, drawn from the rung below to the one to reach.

    A mark beyond an end is at the end. "" for an attempt without times.
    """
    at = place(attempt)
    if at is None:
        return ""
    filled = round(BAR * min(max(at, 0.0), 1.0))
    line = full * filled + "●" + empty * (BAR - filled)
    return (
        f"{step.below} {units.seconds(attempt.below_s or 0.0, 2)} {line}"
        f" {units.seconds(attempt.above_s or 0.0, 2)} {step.above}"
    )


def sentence(step: Step, attempt: Attempt) -> str:
    """What a race says, in a sentence."""
    if attempt.share is None:
        return attempt.said
    own = units.seconds(attempt.seconds or 0.0, 3)
    speed = f"{own} a call, {attempt.share:.0%} of the speed of {step.above}; wanted {step.wanted:.0%}"
    return f"{speed}: {attempt.said}" if attempt.said else speed
