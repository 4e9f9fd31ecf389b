"""Many saved results as a history: a series for each cell over commits or dates, and where it changed.

A run with other commits' columns, as `perflab run --against A..B` makes it, is a history in itself: its
commits in their order, then what was checked out, all measured in turns.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from perflab import units
from perflab.contract import PerflabError
from perflab.records.environment import differences
from perflab.records.typed import escaped
from perflab.report import words
from perflab.report.across import changepoints, selection
from perflab.report.across.changepoints import Found, Step
from perflab.report.across.timings import Side, labels

NORMAL = 1.96  # the normal quantile of 95 %
MOST_NAMED = 5


@dataclass(frozen=True)
class Point:
    """One run of the history: its label, what it measured in seconds a call by cell, and of which commit.

    `code` names its files where that is known better than by the commit.
    """

    label: str
    seconds: Mapping[str, float]
    commit: str = ""
    clean: bool = True
    code: str = ""
    when: float | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)

    def same_code(self, other: Point) -> bool:
        """Whether both are of the same code for certain: one commit without changes, or equal files."""
        mine, others = self.code or self.commit, other.code or other.commit
        return bool(mine) and mine == others and self.clean and other.clean


@dataclass(frozen=True)
class History:
    """Runs in order, cells by name (`shown` as shown), what was found, and what else there is to say."""

    points: tuple[Point, ...]
    cells: tuple[str, ...]
    shown: Mapping[str, str]
    logs: changepoints.Array  # logarithms of seconds, runs × cells
    found: Found
    notes: tuple[str, ...] = ()

    def ratio(self, step: Step) -> tuple[float, float, float]:
        """How many times as fast a cell is after a step, with its 95 % interval."""
        ends = (step.log, step.log + step.half, step.log - step.half)
        value, low, high = (math.exp(-end) for end in ends)
        return value, low, high

    @property
    def equal(self) -> tuple[int, int]:
        """Of the pairs of neighbouring runs of the same code, how many differ at 95 %, and their number."""
        alarms = pairs = 0
        rest, noise = self.found.residuals, np.where(self.found.noise > 0, self.found.noise, np.nan)
        for at, (before, after) in enumerate(pairwise(self.points)):
            if before.same_code(after):
                sizes = np.abs(rest[at + 1] - rest[at]) / (math.sqrt(2) * noise)
                known = np.isfinite(sizes)
                pairs += int(known.sum())
                alarms += int((sizes[known] > NORMAL).sum())
        return alarms, pairs


def history(sides: Sequence[Side], select: str = "") -> History:
    """The history of these results; `select` is an expression as -k takes it.

    Results are in order of their time; in the given order where one has none. A result of an unfit machine is
    left out. Raises PerflabError for fewer than two runs, for no cell that two of them have, and for an
    expression that selects nothing.
    """
    known = all(side.when for side in sides)
    ordered = sorted(sides, key=lambda side: side.when or 0) if known else [*sides]
    unfit = [side for side in ordered if side.unfit]
    notes = [f"{side.path}: left out, its machine was unfit: {side.unfit[0]}" for side in unfit]
    points = _labelled([point for side in ordered if not side.unfit for point in _points(side)])
    if len(points) < 2:
        wanted = f"wanted at least 2, {changepoints.FEWEST_RUNS} for a change to be found"
        raise PerflabError(f"history: {len(points)} run{'s'[: len(points) != 1]}; {wanted}")
    every = dict.fromkeys(name for point in points for name in point.seconds)
    if select:
        holds = selection.expression(select)
        chosen = [name for name in every if holds(name)]
        if not chosen:
            hint = selection.nearest(select, every)
            raise PerflabError(f"-k {select!r}: matches none of {len(every)} cells; {hint}")
        every = dict.fromkeys(chosen)
    cells = [name for name in every if sum(name in point.seconds for point in points) > 1]
    if not cells:
        raise PerflabError(f"history: no cell is in two of {len(points)} runs")
    points = [point for point in points if any(name in point.seconds for name in cells)]
    logs = np.array([[math.log(p.seconds[n]) if n in p.seconds else math.nan for n in cells] for p in points])
    notes += _notes(sides, points, cells, len(every))
    return History(tuple(points), tuple(cells), labels(cells), logs, changepoints.find(logs), tuple(notes))


def _points(side: Side) -> Iterator[Point]:
    """The points of one result: one, or one for each commit that a run measured."""
    of_commit: dict[str, dict[str, float]] = {}
    for name, timing in side.timings.items():
        technique, _, commit = timing.cell.technique.partition("@") if timing.cell else ("", "", "")
        if commit and timing.cell:
            name = words.name(replace(timing.cell, technique=technique))
        of_commit.setdefault(commit, {})[name] = timing.median_s
    own = of_commit.pop("", {})
    for commit, seconds in of_commit.items():
        code = side.trees.get(commit, "")
        yield Point(commit, seconds, commit, True, code, side.when, side.environment)
    if own:
        date = time.strftime("%Y-%m-%d", time.gmtime(side.when)) if side.when else ""
        label = (side.commit[:9] + "" if side.clean else f"{side.commit[:9]}+") or date or side.path
        code = side.trees.get(side.commit, "")
        yield Point(escaped(label), own, side.commit, side.clean, code, side.when, side.environment)


def _labelled(points: Sequence[Point]) -> list[Point]:
    """The points with labels of which no two are alike."""
    seen: dict[str, int] = {}
    labelled = []
    for point in points:
        seen[point.label] = number = seen.get(point.label, 0) + 1
        labelled.append(replace(point, label=f"{point.label} ({number})") if number > 1 else point)
    return labelled


def _notes(sides: Sequence[Side], points: Sequence[Point], cells: Sequence[str], every: int) -> list[str]:
    notes = []
    if len(points) < changepoints.FEWEST_RUNS:
        notes.append(f"too few runs, {len(points)}: a change needs {changepoints.LEAST_RUNS} on either side")
    if len(cells) < changepoints.FEWEST_CELLS:
        notes.append(
            f"too few cells, {len(cells)}, to tell what all share: a change may be the machine's"
            f" ({changepoints.FEWEST_CELLS} are enough)"
        )
    gaps = sum(any(name not in point.seconds for point in points) for name in cells)
    notes += [f"{gaps} cells are not in every run"] if gaps else []
    notes += (
        [f"{every - len(cells)} cells are in one run only and have no series"] if every > len(cells) else []
    )
    notes += [note for side in sides for note in side.notes if "was skipped: " in note]
    lost = sum(len(side.faults) for side in sides)
    notes += [f"{lost} times are left out: two benchmarks of a name, or no time"] if lost else []
    for before, after in pairwise(points):
        notes += [f"at {after.label}: {each}" for each in differences(before.environment, after.environment)]
    return notes


def sentence(history: History) -> str:
    """What the history says, in one sentence."""
    steps, runs = history.found.steps, f"{len(history.cells)} cells over {len(history.points)} runs"
    if not steps:
        return f"No change found in {runs}."
    changed = len({step.cell for step in steps})
    slower = sum(step.log > 0 for step in steps)
    verdicts = ", ".join(
        f"{n} {word}" for n, word in ((slower, "slower"), (len(steps) - slower, "faster")) if n
    )
    return f"{len(steps)} change{'s'[: len(steps) != 1]} in {changed} of {runs}: {verdicts}."


def facts(history: History) -> list[str]:
    """How far it can be trusted: the machine's drift, the smallest visible change, its own false alarms."""
    lines = []
    shared = history.found.shared
    if len(history.cells) >= changepoints.FEWEST_CELLS:
        spread = math.exp(float(np.ptp(shared))) - 1
        lines.append(f"what all cells share moved by {_percent(spread)}: the machine, or everything at once;"
                     " it is taken away from each cell")  # fmt: skip
    visible = history.found.visible[np.isfinite(history.found.visible)]
    if len(visible):
        middle, most = (math.exp(float(size)) - 1 for size in (np.median(visible), np.max(visible)))
        lines.append(f"a step in the middle is found in 4 of 5 cases from {_percent(middle)} on in the median"
                     f" cell, from {_percent(most)} on in the noisiest")  # fmt: skip
    alarms, pairs = history.equal
    if pairs:
        share = f"{_percent(alarms / pairs)}, wanted about 5 %"
        lines.append(f"its own false alarms: of {pairs} pairs of the same code, which must be equal, {alarms}"
                     f" differ at 95 % ({share})")  # fmt: skip
    else:
        lines.append("its own false alarms were not measured: no two neighbouring runs are of the same code")
    return lines


def table(history: History) -> words.Table:
    """The changes in order of place: the cell, where, with its interval, and how large."""
    rows = tuple(
        (history.shown[history.cells[step.cell]], history.points[step.at].label, place(history, step),
         interval(history, step), verdict(history, step))
        for step in history.found.steps
    )  # fmt: skip
    return words.Table(
        "Changes", ("cell", "first run after it", "between", "before / after", "verdict"), rows
    )


def place(history: History, step: Step) -> str:
    """The runs between which a change lies with 95 %."""
    first, last = history.points[max(step.first - 1, 0)].label, history.points[step.last].label
    return f"{first} … {last}"


def interval(history: History, step: Step) -> str:
    """The ratio of a change with its interval."""
    value, low, high = history.ratio(step)
    return "×{} [{}, {}]".format(*(units.rounded(number, 3) for number in (value, low, high)))


def verdict(history: History, step: Step) -> str:
    """SLOWER or FASTER; with a remark where the code did not change there."""
    before, after = history.points[step.at - 1], history.points[step.at]
    word = "SLOWER" if step.log > 0 else "FASTER"
    return f"{word}, though of the same code" if before.same_code(after) else word


def to_json(history: History) -> dict[str, Any]:
    """The history as plain JSON."""
    alarms, pairs = history.equal
    return {
        "verdict": sentence(history), "facts": facts(history), "notes": list(history.notes),
        "runs": [{"label": p.label, "commit": p.commit, "when": p.when} for p in history.points],
        "shared": history.found.shared.tolist(), "equal_pairs": {"pairs": pairs, "alarms": alarms},
        "changes": [_step_json(history, step) for step in history.found.steps],
        "cells": [
            {"name": history.shown[name], "seconds": np.exp(history.logs[:, at]).tolist(),
             "noise": float(history.found.noise[at]), "visible": float(history.found.visible[at])}
            for at, name in enumerate(history.cells)
        ],
    }  # fmt: skip


def _step_json(history: History, step: Step) -> dict[str, Any]:
    value, low, high = history.ratio(step)
    return {
        "name": history.shown[history.cells[step.cell]],
        "at": step.at, "first": step.first, "last": step.last,
        "label": history.points[step.at].label, "ratio": value, "low": low, "high": high,
        "verdict": verdict(history, step),
    }  # fmt: skip


def _percent(share: float) -> str:
    return f"{units.rounded(100 * share, 2)} %"
