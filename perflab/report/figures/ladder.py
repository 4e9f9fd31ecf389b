"""The ladder as a tree: each rung's time on the case that tells its gain, its branches at the left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
Rungs = Mapping[str, CellResult]  # by technique


def ladder(summary: Summary, operation: str, threads: int) -> style.Picture | None:
    """Seconds a call of every rung, a row for each case of the story; None if none was measured."""
    directions = summary.run.plan.directions
    directions = (WHOLE,) if WHOLE in directions else directions
    dtype = next(iter(style.measured_dtypes(summary, operation=operation, threads=threads)), "")
    stands = ladders.since(summary, operation)
    columns = [_column(summary, Cell(operation, "", dtype, threads, way, ""), stands) for way in directions]
    cases = [case for case in ladders.story_cases(summary, operation) if any(case in c for c in columns)]
    if not cases:
        return None
    rows = [{name for column in columns for name in column.get(case, ())} for case in cases]
    trees = [_tree(summary, operation, stands, names) for names in rows]
    heights = [max(RUNG * len(lines), 0.5) for lines in trees]
    sheet = Sheet(len(cases), len(directions), (1.75, 0.5), heights)
    for r, case in enumerate(cases):
        sheet.trees[r] = trees[r]
        names = [name for *_, name in trees[r]]
        low = _scale(sheet.axes[r], [f for column in columns for f in column.get(case, {}).values()])
        for c, direction in enumerate(directions):
            rungs, ax = columns[c].get(case, {}), sheet.axes[r][c]
            _bars(ax, summary, operation, rungs, names, low)
            style.categories(ax, names, labelled=False)
            ax.set_ylim(len(names) - 0.4, -0.6)
            sheet.names[r, c] = f"{summary.label(operation, case)}, {direction}"
            sheet.ends[r, c] = [
                (names.index(name), {}, ladders.gain(summary, figure, stands.get(name, "")).words)
                for name, figure in rungs.items()
            ]
    sheet.across("time a call")
    title = f"{summary.title(operation)}: the ladder, {dtype}, {words.of_threads(threads)}"
    shown = [f for column in columns for rungs in column.values() for f in rungs.values()]
    return sheet.finished(summary.run.environment, title, _caption(summary, cases, shown, stands))


def _column(summary: Summary, cell: Cell, stands: Mapping[str, str]) -> dict[str, Rungs]:
    """The figures of a direction by case: those whose gain the study case tells, and the others.

    The others are on the small case, with what they stand on; on the study case only if they were measured
    there, too, or nowhere.
    """
    fields = {"dtype": cell.dtype, "threads": cell.threads, "direction": cell.direction}
    found: dict[str, dict[str, CellResult]] = {}
    for case in ladders.story_cases(summary, cell.operation):
        figures = summary.of(operation=cell.operation, case=case, **fields)
        found[case] = {figure.cell.technique: figure for figure in figures}
    *small, study = found
    told = {name for name, figure in found[study].items() if not figure.predicted}
    for case in small:
        there = {name for name, figure in found[case].items() if not figure.predicted}
        lower = {name for name in there if not {name, stands.get(name) or name} <= told}
        lower |= {stands[name] for name in lower if stands.get(name)} & there
        found[study] = {n: f for n, f in found[study].items() if n in told or n not in there}
        found[case] = {name: figure for name, figure in found[case].items() if name in lower}
    measured = {case: any(not f.predicted for f in rungs.values()) for case, rungs in found.items()}
    return {case: rungs for case, rungs in found.items() if measured[case]}


def _tree(summary: Summary, operation: str, stands: Mapping[str, str], shown: set[str]) -> Rows:
    """A row for each technique that is shown: the tree from top to bottom, then peers and other commits'."""
    nodes = {n.technique: n for n in tree.nodes(stands, ladders.apart(summary, operation))}
    names = [name for name in nodes if name in shown]
    names += [name for name in summary.run.plan.techniques[operation] if name in shown and name not in nodes]
    first = min((nodes[name].lane for name in names if name in nodes), default=0)
    rows = []
    for y, name in enumerate(names):
        node, look = nodes.get(name), style.look(summary, operation, name)
        hangs = names.index(node.parent) if node and node.parent in names else None
        rows.append((float(y), node.lane - first if node else 0, hangs, look, name))
    return rows


def _scale(axes: Sequence[Axes], figures: Sequence[CellResult]) -> float:
    """One logarithmic range for the panels of a case; its low end, where the bars begin."""
    ends = [end for figure in figures for end in (figure.median_s, *(style.interval(figure) or ()))]
    return style.logarithmic(axes, "x", [min(ends) / 1.6, *ends], style.short_seconds, 3.5)[0]


def _bars(ax: Axes, summary: Summary, operation: str, rungs: Rungs, names: Sequence[str], low: float) -> None:
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


def _caption(
    summary: Summary, cases: Sequence[str], shown: Sequence[CellResult], stands: Mapping[str, str]
) -> str:
    told = "the lower rungs are told on the first, the upper ones on the second"
    caption = f"Cases {' and '.join(cases)}: {told}." if len(cases) > 1 else f"Case {cases[0]}."
    caption += (
        " A bar is the median time a call on a logarithmic scale without a zero, a line its 95 % interval."
        " Shorter is faster. Beside a bar: the time, then how many times as fast as the rung that it hangs"
        " from, and in brackets as naive, where both were measured on that case, pass by pass."
    )
    if any(figure.predicted for figure in shown):
        caption += " Hollow bars and ~ are predictions, not measurements."
    for cell in dict.fromkeys(Cell(**{**vars(f.cell), "case": ""}) for f in shown):
        if (below := stands.get(cell.technique)) and (line := ladders.no_faster(summary, cell, below)):
            caption += f" {cell.technique} ({cell.direction}) is {line}."
    return caption
