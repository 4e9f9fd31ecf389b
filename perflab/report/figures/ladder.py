"""The ladder: a bar for each rung shows the time of a call, with a panel for each direction and dtype."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes

from perflab.report import words
from perflab.report.figures import style
from perflab.report.figures.palette import INK, PAPER
from perflab.report.figures.sheet import Sheet
from perflab.report.summary import BASELINE, CellResult, Summary

BAR = 0.66  # of a rung's height
RUNG = 0.2  # inches


def ladder(summary: Summary, operation: str, threads: int) -> style.Picture | None:
    """Seconds a call of every rung on the common case; None if none was measured."""
    plan = summary.run.plan
    case = summary.common_case(operation)
    panels = {
        dtype: {
            name: style.on_common_case(summary, operation, dtype, threads, name) for name in plan.directions
        }
        for dtype in style.measured_dtypes(summary, operation=operation, case=case, threads=threads)
    }
    if not panels:
        return None
    shown = [figure for row in panels.values() for rungs in row.values() for figure in rungs.values()]
    names = [t for t in plan.contenders(operation, case) if any(f.cell.technique == t for f in shown)]
    over_naive = any(f.speedup is not None and f.cell.technique != BASELINE for f in shown)
    sheet = Sheet(len(panels), len(plan.directions), (1.75, max(RUNG * len(names), 0.5)))
    ends = [end for figure in shown for end in (figure.median_s, *(style.interval(figure) or ()))]
    low, _ = style.logarithmic(sheet.all, "x", [min(ends) / 1.6, *ends], style.short_seconds, 3.5)
    for r, (dtype, row) in enumerate(panels.items()):
        for c, (direction, rungs) in enumerate(row.items()):
            ax = sheet.axes[r][c]
            _bars(ax, summary, operation, rungs, names, low)
            style.categories(ax, names, labelled=c == 0)
            ax.set_ylim(len(names) - 0.4, -0.6)
            sheet.names[r, c] = f"{direction}, {dtype}"
            texts = _texts(summary, rungs, over_naive)
            sheet.ends[r, c] = [(names.index(name), {}, text) for name, text in texts.items()]
    sheet.across("time a call")
    over = f"{BASELINE}, pass by pass" if over_naive else "the rung below that was measured, pass by pass"
    caption = (
        f"Case {case}. A bar is the median time a call, on a logarithmic scale without a zero; a line is its"
        f" 95 % interval. Shorter is faster. Beside the bar: the time, and how many times as fast as {over}."
    )
    if any(figure.predicted for figure in shown):
        caption += " Hollow bars and ~ are predictions, not measurements."
    title = f"{summary.title(operation)}: the ladder, {words.of_threads(threads)}"
    return sheet.finished(summary.run.environment, title, caption)


def _bars(
    ax: Axes, summary: Summary, operation: str, rungs: Mapping[str, CellResult], names: list[str], low: float
) -> None:
    """A panel's bars, hollow if predicted, and their intervals."""
    ends: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for technique, figure in rungs.items():
        colour, y = style.look(summary, operation, technique)["color"], names.index(technique)
        ax.barh(y, figure.median_s - low, BAR, left=low, edgecolor=colour, linewidth=0.9,
                facecolor=PAPER if figure.predicted else colour,
                linestyle=(0, (2, 1.4)) if figure.predicted else "-")  # fmt: skip
        between = style.interval(figure)
        if between:
            ends.append((between, (y, y)))
            ends += [((at, at), (y - 0.16, y + 0.16)) for at in between]
    if ends:
        style.strokes(ax, ends, color=INK, linewidth=1.0)


def _texts(summary: Summary, rungs: Mapping[str, CellResult], over_naive: bool) -> dict[str, str]:
    """The text beside each bar: the time, and the gain over the baseline or over the rung below."""
    texts: dict[str, str] = {}
    below: CellResult | None = None
    for technique, figure in rungs.items():
        texts[technique] = words.time(figure).replace(" predicted", "")
        if figure.predicted:
            continue
        built_in = summary.run.plan.is_built_in(figure.cell.operation, technique)
        if over_naive:
            gain = figure.speedup if technique != BASELINE else None
        else:
            gain = summary.ratio(below.cell, figure.cell) if below and built_in else None
        texts[technique] += f"  {words.ratio(gain)}" if gain else ""
        below = figure if built_in else below
    return texts
