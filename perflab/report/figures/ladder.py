"""The ladder: one bar a rung, as long as a call takes, a panel a direction and dtype."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator

from perflab import units
from perflab.report import words
from perflab.report.figures.palette import INK, PAPER
from perflab.report.figures.sheet import Sheet
from perflab.report.figures.style import (
    Picture,
    interval,
    logarithmic,
    look,
    on_common_case,
    short_seconds,
    strokes,
    title_of,
)
from perflab.report.summary import BASELINE, CellResult, Summary

BAR = 0.66  # of a rung's height
RUNG = 0.2  # inches


def ladder(summary: Summary, operation: str, threads: int) -> Picture | None:
    """Seconds a call of every rung on the case that most rungs met on; None where none was measured."""
    plan = summary.run.plan
    case = summary.common_case(operation)
    found = {
        dtype: {way: on_common_case(summary, operation, dtype, threads, way) for way in plan.directions}
        for dtype in plan.dtypes
    }
    found = {dtype: ways for dtype, ways in found.items() if any(_measured(rungs) for rungs in ways.values())}
    if not found:
        return None
    shown = [figure for ways in found.values() for rungs in ways.values() for figure in rungs.values()]
    names = [t for t in plan.contenders(operation, case) if any(f.cell.technique == t for f in shown)]
    over_naive = any(f.speedup is not None and f.cell.technique != BASELINE for f in shown)
    sheet = Sheet(len(found), len(plan.directions), (1.75, max(RUNG * len(names), 0.5)))
    ends = [end for figure in shown for end in (figure.median_s, *(interval(figure) or ()))]
    low, _ = logarithmic(sheet.all, "x", [min(ends) / 1.6, *ends], short_seconds, 3.5)
    for r, (dtype, ways) in enumerate(found.items()):
        for c, (direction, rungs) in enumerate(ways.items()):
            ax = sheet.axes[r][c]
            _bars(ax, summary, operation, rungs, names, low)
            ax.grid(visible=False, axis="y")
            ax.yaxis.set_major_locator(FixedLocator(list(range(len(names)))))
            ax.yaxis.set_major_formatter(FixedFormatter(names if c == 0 else []))
            ax.set_ylim(len(names) - 0.4, -0.6)
            sheet.name(r, c, f"{direction}, {dtype}")
            told = _told(summary, rungs, over_naive)
            sheet.ends(r, c, [(names.index(t), {}, text) for t, text in told.items()])
    sheet.across("time a call")
    over = f"{BASELINE}, pass by pass" if over_naive else "the rung below that was measured, pass by pass"
    caption = (
        f"Case {case}; a bar is the median time a call, on a scale of powers of ten that has no zero, a line"
        f" its 95 % interval; shorter is faster. Beside it the time, and how many times as fast as {over}."
    )
    if any(figure.predicted for figure in shown):
        caption += " Hollow bars and ~ are predictions, not measurements."
    title = f"{title_of(summary, operation)}: the ladder, {words.of_threads(threads)}"
    return sheet.finished(summary, title, caption)


def _measured(rungs: Mapping[str, CellResult]) -> bool:
    return any(not figure.predicted for figure in rungs.values())


def _bars(
    ax: Axes, summary: Summary, operation: str, rungs: Mapping[str, CellResult], names: list[str], low: float
) -> None:
    """A panel's bars, hollow where predicted, and their intervals."""
    ends: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for technique, figure in rungs.items():
        colour, y = look(summary, operation, technique)["color"], names.index(technique)
        ax.barh(y, figure.median_s - low, BAR, left=low, edgecolor=colour, linewidth=0.9,
                facecolor=PAPER if figure.predicted else colour,
                linestyle=(0, (2, 1.4)) if figure.predicted else "-")  # fmt: skip
        between = interval(figure)
        if between:
            ends.append((between, (y, y)))
            ends += [((at, at), (y - 0.16, y + 0.16)) for at in between]
    if ends:
        strokes(ax, ends, color=INK, linewidth=1.0)


def _told(summary: Summary, rungs: Mapping[str, CellResult], over_naive: bool) -> dict[str, str]:
    """What stands beside each bar: the time, and the gain over the baseline or over the rung below."""
    told: dict[str, str] = {}
    below: CellResult | None = None
    for technique, figure in rungs.items():
        if figure.predicted:
            told[technique] = "~" + units.seconds(figure.median_s, 2)
            continue
        told[technique] = words.time(figure)
        own = summary.run.plan.is_built_in(figure.cell.operation, technique)
        if over_naive:
            gain = figure.speedup if technique != BASELINE else None
        else:
            gain = summary.ratio(below.cell, figure.cell) if below and own else None
        told[technique] += f"  {words.ratio(gain)}" if gain else ""
        below = figure if own else below
    return told
