"""Time against size: each technique's line on log axes, how it grows, and where two of them cross."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes

from perflab import units
from perflab.report import words
from perflab.report.figures.palette import INK
from perflab.report.figures.sheet import Sheet
from perflab.report.figures.style import (
    Look,
    Picture,
    hollow,
    interval,
    keys_of,
    logarithmic,
    look,
    short_seconds,
    strokes,
    title_of,
)
from perflab.report.summary import CellResult, Crossover, Summary

MOST_CROSSINGS = 6  # told one by one; of more the table tells
APART = 1.1  # times the work, from one case to the next: closer ones differ in shape rather than in size
Contest = tuple[str, str, int, str]  # operation, dtype, threads, direction


def times(summary: Summary, operation: str, threads: int) -> Picture | None:
    """Seconds a call against the work of the case, a panel a direction and dtype; None of one size."""
    plan = summary.run.plan
    dtypes = [
        dtype for dtype in plan.dtypes
        if any(not f.predicted for f in summary.of(operation=operation, dtype=dtype, threads=threads))
    ]  # fmt: skip
    if not dtypes:
        return None
    shown = list(summary.of(operation=operation, threads=threads))
    if len({figure.cell.case for figure in shown}) < 2:
        return None  # one size shows nothing of growth
    sheet = Sheet(len(dtypes), len(plan.directions), (2.45, 2.15 if len(dtypes) > 1 else 2.9))
    crossings: list[Crossover] = []
    joined = _differ_in_size(summary, operation)
    for r, dtype in enumerate(dtypes):
        for c, direction in enumerate(plan.directions):
            contest = (operation, dtype, threads, direction)
            _panel(sheet, (r, c), summary, contest, joined)
            sheet.name(r, c, f"{direction}, {dtype}")
            if joined:
                crossings += _crossings(sheet.axes[r][c], summary, contest)
        row = sheet.axes[r]
        held = [f.median_s for f in shown if f.cell.dtype == dtype]
        logarithmic(row, "y", held, short_seconds, 7, labelled=row[:1])
        sheet.up("time a call", r)
    for c, direction in enumerate(plan.directions):
        column = [row[c] for row in sheet.axes]
        logarithmic(column, "x", [f.flops for f in shown if f.cell.direction == direction],
                    lambda value: units.power(value, 1), 4)  # fmt: skip
    sheet.across("work, operations")
    title = f"{title_of(summary, operation)}: time against size, {words.of_threads(threads)}"
    keys = keys_of(summary, operation, {figure.cell.technique for figure in shown})
    return sheet.finished(summary, title, _caption(summary, operation, shown, crossings, joined), keys)


def _differ_in_size(summary: Summary, operation: str) -> bool:
    """Whether the cases grow from one to the next; where some are of one size, they differ in shape."""
    cases = summary.run.operations[operation].cases
    work = sorted(
        summary.work(operation, case)
        for case in summary.run.plan.cases[operation]
        if cases[case].inputs != "digits"
    )
    return all(b > APART * a for a, b in pairwise(work))


def _panel(sheet: Sheet, at: tuple[int, int], summary: Summary, contest: Contest, joined: bool) -> None:
    """A panel's points, and where they are `joined` the exponents at the lines' ends."""
    ax = sheet.axes[at[0]][at[1]]
    exponents = {
        g.technique: g.scaling.exponent
        for g in summary.growths
        if (g.operation, g.dtype, g.threads, g.direction) == contest
    }
    ends: list[tuple[float, Look, str]] = []
    for technique in summary.run.plan.techniques[contest[0]]:
        found = summary.line(*contest, technique)
        if not found:
            continue
        shown = look(summary, contest[0], technique)
        line = summary.growing(*contest, technique)
        _line(ax, summary, found, line, shown | ({} if joined else {"linestyle": ""}))
        if joined and technique in exponents:
            ends.append((_end(summary, found).median_s, shown, f"{exponents[technique]:.2f}"))
    sheet.ends(*at, ends)


def _line(
    ax: Axes, summary: Summary, found: Sequence[CellResult], line: Sequence[CellResult], shown: Look
) -> None:
    """One technique: measured points joined, predictions hollow on a dashed line, the digits as crosses."""
    ax.plot([f.flops for f in line], [f.median_s for f in line], **shown)
    known = [((f.flops, f.flops), between) for f in line if (between := interval(f))]
    if known:
        strokes(ax, known, color=shown["color"], linewidth=2.4, alpha=0.5)
    cases = summary.run.operations[found[0].cell.operation].cases
    real = [f for f in found if cases[f.cell.case].inputs == "digits" and not f.predicted]
    predicted = [f for f in found if f.predicted and cases[f.cell.case].inputs != "digits"]
    if predicted:
        tail = [*line[-1:], *predicted]
        look_of = (
            hollow(shown) if "linestyle" in shown else hollow(shown) | {"linestyle": "--", "linewidth": 1}
        )
        ax.plot([f.flops for f in tail], [f.median_s for f in tail], **look_of,
                markevery=range(len(line[-1:]), len(tail)))  # fmt: skip
    if real:
        ax.plot([f.flops for f in real], [f.median_s for f in real], "+", color=shown["color"],
                markersize=8, markeredgewidth=1.6)  # fmt: skip


def _end(summary: Summary, found: Sequence[CellResult]) -> CellResult:
    """Where a technique's line ends, measured or predicted; the digits lie off the line."""
    cases = summary.run.operations[found[0].cell.operation].cases
    return [figure for figure in found if cases[figure.cell.case].inputs != "digits"][-1]


def _crossings(ax: Axes, summary: Summary, contest: Contest) -> list[Crossover]:
    """Rings where one technique overtakes another, on the line of the one that is overtaken."""
    found = [c for c in summary.crossovers if (c.operation, c.dtype, c.threads, c.direction) == contest]
    marked = []
    for crossing in found:
        at = _time_at(summary.growing(*contest, crossing.overtaken), crossing.flops)
        if at is not None:
            marked.append((crossing.flops, at))
    if marked:
        ax.plot(*zip(*marked, strict=True), linestyle="", marker="o", markersize=9, markerfacecolor="none",
                markeredgecolor=INK, markeredgewidth=1.1, zorder=4)  # fmt: skip
    return found


def _time_at(line: Sequence[CellResult], flops: float) -> float | None:
    """The time that a line has at a size, on log axes between two of its points."""
    for a, b in pairwise(line):
        if a.flops <= flops <= b.flops and a.flops < b.flops:
            share = math.log(flops / a.flops) / math.log(b.flops / a.flops)
            return float(a.median_s * (b.median_s / a.median_s) ** share)
    return None


def _caption(
    summary: Summary,
    operation: str,
    shown: Sequence[CellResult],
    crossings: Sequence[Crossover],
    joined: bool,
) -> str:
    plan, described = summary.run.plan, summary.run.operations[operation].cases
    measured = {f.cell.case for f in shown}
    cases = sorted(
        (c for c in plan.cases[operation] if c in measured), key=lambda c: summary.work(operation, c)
    )
    caption = f"Cases by growing work: {', '.join(cases)}."
    if not joined:
        caption += " Some do the same work in other shapes: the points are not joined."
    elif any(g.operation == operation for g in summary.growths):
        caption += " At the end of a line: the power of work that its time grows with; 1 is in proportion."
    if any(f.predicted for f in shown):
        caption += " Hollow points on dashed lines are predictions, not measurements."
    if any(described[f.cell.case].inputs == "digits" and not f.predicted for f in shown):
        caption += " Points off the lines, marked +, are the handwritten digits."
    if crossings and len(crossings) <= MOST_CROSSINGS:
        caption += " Rings: " + "; ".join(
            f"{c.technique} overtakes {c.overtaken} at {units.power(c.flops)} operations"
            f" ({c.direction}, {c.dtype})"
            for c in crossings
        ) + "."  # fmt: skip
    elif crossings:
        caption += f" Rings are the {len(crossings)} crossovers, which the table of crossovers names."
    return caption
