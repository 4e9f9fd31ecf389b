"""Time against size: each technique's line on log axes, with its name and exponent, and the crossovers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from matplotlib.axes import Axes

from perflab import units
from perflab.report import words
from perflab.report.figures import style
from perflab.report.figures.sheet import Sheet
from perflab.report.summary import CellResult, Contest, Crossover, Summary
from perflab.statistics import on_log_axes

APART = 1.1  # times the work, from one case to the next: cases closer than this differ in shape, not in size


def times(summary: Summary, operation: str, threads: int) -> style.Picture | None:
    """Seconds a call against work, first dtype and last direction; None with a single case."""
    plan = summary.run.plan
    dtype, direction = plan.dtypes[0], plan.directions[-1]
    shown = list(summary.of(operation=operation, threads=threads, dtype=dtype, direction=direction))
    if all(figure.predicted for figure in shown) or len({figure.cell.case for figure in shown}) < 2:
        return None
    contest = (operation, dtype, threads, direction)
    names = len({figure.cell.technique for figure in shown})
    sheet = Sheet(1, 1, (2.25, max(2.8, 0.16 * names)))
    ax = sheet.axes[0][0]
    joined = _differ_in_size(summary, operation)
    sheet.ends[0, 0] = list(_lines(ax, summary, contest, joined))
    crossings = _crossings(ax, summary, contest) if joined else []
    style.logarithmic([ax], "y", [f.median_s for f in shown], style.short_seconds, 8)
    style.logarithmic([ax], "x", [f.flops for f in shown], lambda value: units.power(value, 1), 4)
    sheet.up("time a call")
    sheet.across("work, operations")
    where = f"{direction}, {dtype}, {words.of_threads(threads)}"
    title = f"{summary.title(operation)}: time against size, {where}"
    caption = _caption(summary, operation, shown, crossings, joined)
    return sheet.finished(summary.run.environment, title, caption)


def _differ_in_size(summary: Summary, operation: str) -> bool:
    """Whether the cases grow from one to the next; cases of the same size differ only in shape."""
    cases = summary.run.operations[operation].cases
    names = [case for case in summary.run.plan.cases[operation] if cases[case].inputs != "digits"]
    return all(b > APART * a for a, b in pairwise(sorted(summary.work(operation, case) for case in names)))


def _lines(
    ax: Axes, summary: Summary, contest: Contest, joined: bool
) -> Iterator[tuple[float, style.Look, str]]:
    """Draw every technique; its name for the end of its line, with its exponent if the points are joined."""
    exponents = {
        g.technique: g.scaling.exponent
        for g in summary.growths
        if (g.operation, g.dtype, g.threads, g.direction) == contest
    }
    for technique in summary.run.plan.techniques[contest[0]]:
        figures = summary.line(*contest, technique)
        if not figures:
            continue
        look = style.look(summary, contest[0], technique)
        line = summary.growing(*contest, technique)
        _line(ax, summary, figures, line, look | ({} if joined else {"linestyle": ""}))
        last = [figure for figure in figures if not summary.of_digits(figure)] or figures
        grows = f"  {exponents[technique]:.2f}" if joined and technique in exponents else ""
        yield last[-1].median_s, look, f"{technique}{grows}"


def _line(
    ax: Axes, summary: Summary, figures: Sequence[CellResult], line: Sequence[CellResult], look: style.Look
) -> None:
    """One technique: measured points joined, predictions hollow on a dashed line, the digits as crosses."""
    ax.plot([f.flops for f in line], [f.median_s for f in line], **look)
    intervals = [((f.flops, f.flops), ends) for f in line if (ends := style.interval(f))]
    if intervals:
        style.strokes(ax, intervals, color=look["color"], linewidth=2.4, alpha=0.5)
    digits = [f for f in figures if summary.of_digits(f) and not f.predicted]
    predicted = [f for f in figures if f.predicted and not summary.of_digits(f)]
    if predicted:
        tail = [*line[-1:], *predicted]
        tail_look: style.Look = {"linestyle": "--", "linewidth": 1} | style.hollow(look)
        ax.plot([f.flops for f in tail], [f.median_s for f in tail], **tail_look,
                markevery=range(len(line[-1:]), len(tail)))  # fmt: skip
    if digits:
        ax.plot([f.flops for f in digits], [f.median_s for f in digits], "+", color=look["color"],
                markersize=8, markeredgewidth=1.6)  # fmt: skip


def _crossings(ax: Axes, summary: Summary, contest: Contest) -> list[Crossover]:
    """Draw rings at the crossovers, on the line of the technique that is overtaken."""
    crossings = [c for c in summary.crossovers if (c.operation, c.dtype, c.threads, c.direction) == contest]
    rings = []
    for each in crossings:
        line = [(figure.flops, figure.median_s) for figure in summary.growing(*contest, each.overtaken)]
        if (seconds := on_log_axes(line, each.flops)) is not None:
            rings.append((each.flops, seconds))
    style.rings(ax, rings, 9)
    return crossings


def _caption(
    summary: Summary,
    operation: str,
    shown: Sequence[CellResult],
    crossings: Sequence[Crossover],
    joined: bool,
) -> str:
    cases = sorted({f.cell.case for f in shown}, key=summary.run.plan.cases[operation].index)
    cases.sort(key=lambda case: summary.work(operation, case))
    caption = f"Cases by growing work: {', '.join(cases)}."
    if not joined:
        caption += " Some cases do the same work in other shapes: the points are not joined."
    elif any(g.operation == operation for g in summary.growths):
        caption += " Beside a name: time grows as this power of work; 1 means proportional."
    if any(f.predicted for f in shown):
        caption += " Hollow points on dashed lines are predictions, not measurements."
    if any(summary.of_digits(f) and not f.predicted for f in shown):
        caption += " Points marked +, not on the lines, are the handwritten digits."
    if crossings and len(crossings) <= style.MOST_CROSSINGS:
        caption += " Rings: " + "; ".join(
            f"{c.technique} overtakes {c.overtaken} at {units.power(c.flops)} operations" for c in crossings
        ) + "."  # fmt: skip
    elif crossings:
        caption += f" Rings are the {len(crossings)} crossovers; the table of crossovers lists them."
    return caption
