"""A sweep: time a call, rate and share of the roof against the swept size, crossovers, the caches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from matplotlib.axes import Axes

from perflab.contract import Cell
from perflab.report import sweep as sweeps
from perflab.report import words
from perflab.report.figures import style
from perflab.report.figures.palette import INK, SOFT
from perflab.report.figures.sheet import ENDS, Sheet
from perflab.report.summary import Contest, Summary
from perflab.statistics import on_log_axes
from perflab.units import in_bytes

PANEL = (3.4, 1.7)  # inches


def sweep(summary: Summary, operation: str, threads: int) -> style.Picture | None:
    """Three panels against the swept size, first dtype and last direction; None with a single size."""
    plan = summary.run.plan
    if not sweeps.is_line(summary):
        return None
    dtype, direction = plan.dtypes[0], plan.directions[-1]
    contest = (operation, dtype, threads, direction)
    lines = {name: sweeps.line(summary, contest, name) for name in plan.techniques[operation]}
    lines = {name: points for name, points in lines.items() if points}
    known = {size for points in lines.values() for size, _ in sweeps.measured(points)}
    if len(known) < 2:
        return None
    roofs = {f.cell: r.seconds for p in lines.values() for _, f in p if (r := summary.roof(f)) is not None}
    tallest = max(PANEL[1], (len(lines) + 1) * ENDS)
    sheet = Sheet(3 if roofs else 2, 1, PANEL, [tallest, *[PANEL[1]] * (2 if roofs else 1)])
    axes = sheet.all
    sheet.ends[0, 0] = list(_times(axes[0], summary, contest, lines))
    _rates(axes[1], summary, operation, lines)
    if roofs:
        _shares(axes[2], summary, operation, lines, roofs)
    crossings = _crossings(axes[0], summary, contest, lines)
    sizes = [size for points in lines.values() for size, _ in points]
    for row, ax in enumerate(axes):
        style.logarithmic([ax], "x", sizes, lambda size: f"{size:.0f}", 11, ticks=_at(sorted({*sizes})))
        sheet.up(("time a call", "GFLOP/s", "of the roof")[row], row)
    marks = sweeps.caches(summary, contest)
    held = dict(sweeps.held_by(summary))
    for ax in axes:
        for _, size in marks:
            ax.axvline(size, color=SOFT, linewidth=1.0, linestyle=":", zorder=1.2)
    sheet.marks[0, 0] = [(size, f"{name} {in_bytes(held[name])}") for name, size in marks]
    axis = plan.swept[0]
    sheet.across(axis)
    where = f"{direction}, {dtype}, {words.of_threads(threads)}"
    title = f"{summary.title(operation)}: a sweep of {axis}, {where}"
    return sheet.finished(
        summary.run.environment, title, _caption(summary, contest, lines, crossings, bool(marks))
    )


def _at(sizes: Sequence[int]) -> Callable[[float, float, float], list[float]]:
    """Ticks at the swept sizes, some of them where they would be too near to one another."""

    def ticks(low: float, high: float, room: float) -> list[float]:
        apart, kept = (high - low) / room, list[float]()
        for size in sizes:
            if not kept or math.log10(size / kept[-1]) >= apart:
                kept.append(float(size))
        return kept

    return ticks


def _times(
    ax: Axes, summary: Summary, contest: Contest, lines: dict[str, sweeps.Points]
) -> Iterator[tuple[float, style.Look, str]]:
    """Draw every technique's time; its name for the end of its line, with its exponent."""
    seconds = [f.median_s for points in lines.values() for _, f in points]
    style.logarithmic([ax], "y", seconds, style.short_seconds, 8)
    for technique, points in lines.items():
        look = style.look(summary, contest[0], technique)
        _line(ax, points, look, [figure.median_s for _, figure in points])
        ends = [((size, size), pair) for size, f in points if (pair := style.interval(f))]
        if ends:
            style.strokes(ax, ends, color=look["color"], linewidth=2.4, alpha=0.5)
        grows = sweeps.growth(points)
        yield points[-1][1].median_s, look, f"{technique}  {words.exponent(grows)}" if grows else technique


def _line(ax: Axes, points: sweeps.Points, look: style.Look, values: Sequence[float]) -> None:
    """One technique: measured points joined, predictions hollow on a dashed line."""
    sizes = [size for size, _ in points]
    known = [place for place, (_, figure) in enumerate(points) if not figure.predicted]
    ax.plot([sizes[at] for at in known], [values[at] for at in known], **look)
    far = [place for place, (_, figure) in enumerate(points) if figure.predicted]
    if far:
        tail = [*known[-1:], *far]
        looks: style.Look = {"linestyle": "--", "linewidth": 1} | style.hollow(look)
        ax.plot([sizes[at] for at in tail], [values[at] for at in tail], **looks,
                markevery=range(len(known[-1:]), len(tail)))  # fmt: skip


def _rates(ax: Axes, summary: Summary, operation: str, lines: dict[str, sweeps.Points]) -> None:
    """Draw every technique's arithmetic rate, measured ones only."""
    rates = []
    for technique, points in lines.items():
        known = sweeps.measured(points)
        values = [figure.gflops for _, figure in known]
        _line(ax, known, style.look(summary, operation, technique), values)
        rates += values
    style.logarithmic([ax], "y", rates, style.short_number, 7)


def _shares(
    ax: Axes, summary: Summary, operation: str, lines: dict[str, sweeps.Points], roofs: dict[Cell, float]
) -> None:
    """Draw every technique's share of the machine's roof, measured ones only."""
    shares = []
    for technique, points in lines.items():
        known = [(size, f) for size, f in sweeps.measured(points) if f.cell in roofs]
        values = [roofs[figure.cell] / figure.median_s for _, figure in known]
        _line(ax, known, style.look(summary, operation, technique), values)
        shares += values
    low, high = style.logarithmic([ax], "y", shares, lambda share: f"{100 * share:.3g}%", 7)
    if low < 1 < high:
        ax.axhline(1.0, color=INK, linewidth=1.2, zorder=1.5)


def _crossings(
    ax: Axes, summary: Summary, contest: Contest, lines: dict[str, sweeps.Points]
) -> list[sweeps.Overtaking]:
    """Draw a ring at every crossover, on the line that is overtaken, with a stroke over its interval."""
    crossings = [c for c in sweeps.overtakings(summary, contest) if c.overtaken in lines]
    rings, strokes = [], []
    for each in crossings:
        line = [(size, figure.median_s) for size, figure in sweeps.measured(lines[each.overtaken])]
        seconds = on_log_axes(line, each.passing.size)
        if seconds is not None:
            rings.append((each.passing.size, seconds))
            strokes.append(((each.passing.earliest, each.passing.latest), (seconds, seconds)))
    style.rings(ax, rings, 9)
    if strokes:
        style.strokes(ax, strokes, color=INK, linewidth=1.6, zorder=4)
    return crossings


def _caption(
    summary: Summary, contest: Contest, lines: dict[str, sweeps.Points],
    crossings: Sequence[sweeps.Overtaking], has_caches: bool,
) -> str:  # fmt: skip
    axis, same = summary.run.plan.swept[0], summary.common_size(contest[0])
    caption = f"All cases have {same}. " if same else ""
    caption += f"Beside a name: time grows as this power of {axis}, with its 95 % interval."
    if any(f.predicted for points in lines.values() for _, f in points):
        caption += " Hollow points on dashed lines are predictions, not measurements."
    if has_caches:
        caption += " Dotted: inputs and outputs of a call are as large as a cache of the machine."
    if crossings and len(crossings) <= style.MOST_CROSSINGS:
        told = (f"{c.technique} overtakes {c.overtaken} at {axis} = {c.words}" for c in crossings)
        caption += f" Rings, with a stroke over the 95 % interval: {'; '.join(told)}."
    elif crossings:
        caption += f" Rings are the {len(crossings)} crossovers; the table of crossovers has their intervals."
    return caption
