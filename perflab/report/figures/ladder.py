"""The ladder as a tree: its branches at the left, a bar for the time of each rung on the story's cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from matplotlib.axes import Axes

from perflab.contract import Cell
from perflab.records import tree
from perflab.report import ladder as ladders
from perflab.report import words
from perflab.report.figures import style
from perflab.report.figures.palette import INK, PAPER
from perflab.report.figures.sheet import Rows, Sheet
from perflab.report.summary import CellResult, Summary

BAR = 0.66  # of a rung's height
RUNG = 0.2  # inches
WHOLE = "step"  # the direction that has both others in it
Panels = Mapping[tuple[str, str], Mapping[str, CellResult]]  # by direction and case, then by technique


def ladder(summary: Summary, operation: str, threads: int) -> style.Picture | None:
    """Seconds a call of every rung, on the small case and on the study case; None if none was measured."""
    dtype = next(iter(style.measured_dtypes(summary, operation=operation, threads=threads)), "")
    panels = _panels(summary, operation, dtype, threads)
    if not panels:
        return None
    shown = [figure for rungs in panels.values() for figure in rungs.values()]
    stands = ladders.since(summary, operation)
    names = _order(summary, operation, stands, {figure.cell.technique for figure in shown})
    directions, cases = (list(dict.fromkeys(keys)) for keys in zip(*panels, strict=True))
    sheet = Sheet(len(directions), len(cases), (1.75, max(RUNG * len(names), 0.5)))
    lows = [_scale(sheet, c, shown, case) for c, case in enumerate(cases)]
    for (r, direction), (c, case) in product(enumerate(directions), enumerate(cases)):
        rungs = panels.get((direction, case), {})
        ax = sheet.axes[r][c]
        _bars(ax, summary, operation, rungs, names, lows[c])
        style.categories(ax, names, labelled=False)
        ax.set_ylim(len(names) - 0.4, -0.6)
        sheet.names[r, c] = f"{case}, {direction}"
        sheet.ends[r, c] = [
            (names.index(name), {}, ladders.gain(summary, figure, stands.get(name, "")).words)
            for name, figure in rungs.items()
        ]
        sheet.trees[r] = _rows(summary, operation, stands, names)
    sheet.across("time a call")
    title = f"{summary.title(operation)}: the ladder, {dtype}, {words.of_threads(threads)}"
    return sheet.finished(summary.run.environment, title, _caption(summary, operation, shown, stands))


def _panels(summary: Summary, operation: str, dtype: str, threads: int) -> Panels:
    """The figures of each panel: the direction that has both in it, or else every direction."""
    directions = summary.run.plan.directions
    panels = {}
    for direction in (WHOLE,) if WHOLE in directions else directions:
        for case in ladders.story_cases(summary, operation):
            fields = {"case": case, "dtype": dtype, "threads": threads, "direction": direction}
            if summary.measured(operation=operation, **fields):
                figures = summary.of(operation=operation, **fields)
                panels[direction, case] = {figure.cell.technique: figure for figure in figures}
    return panels


def _scale(sheet: Sheet, column: int, shown: Sequence[CellResult], case: str) -> float:
    """One logarithmic range for the panels of a case; its low end, where the bars begin."""
    figures = [figure for figure in shown if figure.cell.case == case]
    ends = [end for figure in figures for end in (figure.median_s, *(style.interval(figure) or ()))]
    axes = [row[column] for row in sheet.axes]
    return style.logarithmic(axes, "x", [min(ends) / 1.6, *ends], style.short_seconds, 3.5)[0]


def _order(summary: Summary, operation: str, stands: Mapping[str, str], shown: set[str]) -> list[str]:
    """The techniques from top to bottom: the tree, then peers and another commit's."""
    placed = tree.nodes(tree.within(stands, [name for name in stands if name in shown]))
    names = [node.technique for node in placed]
    return names + [t for t in summary.run.plan.techniques[operation] if t in shown and t not in names]


def _rows(summary: Summary, operation: str, stands: Mapping[str, str], names: Sequence[str]) -> Rows:
    """The rows of the tree; what stands on none of those shown hangs from none."""
    own = ladders.apart(summary, operation)
    nodes = {n.technique: n for n in tree.nodes(tree.within(stands, [t for t in stands if t in names]), own)}
    rows = []
    for y, name in enumerate(names):
        node, look = nodes.get(name), style.look(summary, operation, name)
        hangs = names.index(node.parent) if node and node.parent else None
        rows.append((float(y), node.lane if node else 0, hangs, look, name))
    return rows


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


def _caption(summary: Summary, operation: str, shown: Sequence[CellResult], stands: Mapping[str, str]) -> str:
    cases = ladders.story_cases(summary, operation)
    told = "the lower rungs are told on the first, the upper ones on the second"
    caption = f"Cases {' and '.join(cases)}: {told}." if len(cases) > 1 else f"Case {cases[0]}."
    caption += (
        " A bar is the median time a call on a logarithmic scale without a zero, a line its 95 % interval."
        " Shorter is faster. Beside a bar: the time, then how many times as fast as the rung that it hangs"
        " from, and in brackets as naive, where both were measured on that case, pass by pass."
    )
    if any(figure.predicted for figure in shown):
        caption += " Hollow bars and ~ are predictions, not measurements."
    lines = []
    for cell in dict.fromkeys(Cell(**{**vars(f.cell), "case": ""}) for f in shown):
        if below := stands.get(cell.technique):
            line = ladders.no_faster(summary, cell, below)
            lines += [f"{cell.technique} ({cell.direction}) is {line}"] if line else []
    return caption + "".join(f" {line}." for line in lines)
