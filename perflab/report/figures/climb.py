"""The climb: every operation's rungs by their rate, from plain loops to the fastest, on one axis."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes

from perflab.contract import FIRST_RUNGS
from perflab.report import words
from perflab.report.figures import style
from perflab.report.figures.palette import INK, SOFT
from perflab.report.figures.sheet import Sheet
from perflab.report.summary import BASELINE, CellResult, Summary
from perflab.units import power

ROW = 0.46  # inches, of an operation


def climb(summary: Summary, threads: int) -> style.Picture | None:
    """An operation a row, a rung a mark at its operations a second; None with fewer than two operations.

    On the common case. Rungs that were not measured there are on the largest case where naive was measured,
    a smaller mark: rates of different cases are beside one another, and no ratio is made of them.
    """
    plan = summary.run.plan
    dtype, direction = plan.dtypes[0], plan.directions[-1]
    rows = {name: _rungs(summary, name, dtype, threads, direction) for name in plan.techniques}
    rows = {name: rungs for name, rungs in rows.items() if len(rungs) > 1}
    if len(rows) < 2:  # the ladder shows the rungs of one operation
        return None
    sheet = Sheet(1, 1, (8.3, ROW * len(rows)))
    ax = sheet.axes[0][0]
    rates = [_rate(figure) for rungs in rows.values() for figure in rungs.values()]
    style.logarithmic([ax], "x", rates, lambda value: power(value, 1), 10, margin=0.04)
    ends: list[tuple[float, style.Look, str]] = []
    for y, (operation, rungs) in enumerate(rows.items()):
        case = summary.common_case(operation)
        _row(ax, summary, operation, rungs, y)
        best = max(rungs.values(), key=_rate)
        label = f"{best.cell.technique}, {words.time(best)} on {best.cell.case}"
        ends.append((y + 0.0, {}, label))
        small = {figure.cell.case for figure in rungs.values()} - {case}
        if small:
            first = min((f for f in rungs.values() if f.cell.case != case), key=_rate)
            ax.annotate(f"{first.cell.technique} on {first.cell.case}", (_rate(first), y), xytext=(0, 6),
                        textcoords="offset points", fontsize=style.SMALL - 1, color=SOFT)  # fmt: skip
    style.categories(ax, [summary.title(operation) for operation in rows], grid=True)
    ax.set_ylim(len(rows) - 0.5, -0.6)
    sheet.ends[0, 0] = ends
    sheet.across("operations a second, of those that the mathematics needs")
    title = f"From plain loops to the fastest rung: {direction}, {dtype}, {words.of_threads(threads)}"
    caption = (
        "A mark is a rung; right is faster. The fastest rung of each operation is named at the right, with"
        " its case. Smaller marks are rungs on a smaller case, where the common case would take them too"
        " long: rates of two cases are not a speed-up."
    )
    return sheet.finished(summary.run.environment, title, caption, _keys(summary, rows))


def _keys(summary: Summary, rows: Mapping[str, Mapping[str, CellResult]]) -> dict[str, style.Look]:
    """The marks of the first rungs, the same in every row; further rungs have their branch's hue."""
    keys = {
        technique: style.look(summary, operation, technique) | {"linestyle": ""}
        for technique in FIRST_RUNGS
        for operation, rungs in rows.items()
        if technique in rungs
    }
    for technique, name in (("vectorized", "further in NumPy"), ("jit", "further compiled")):
        if technique in keys:
            keys[name] = {"color": keys[technique]["color"], "marker": "|", "linestyle": "", "markersize": 9}
    return keys


def _rate(figure: CellResult) -> float:
    """Operations a second; bytes where the operation has no arithmetic."""
    return (figure.flops or figure.bytes) / figure.median_s


def _rungs(
    summary: Summary, operation: str, dtype: str, threads: int, direction: str
) -> dict[str, CellResult]:
    """Each rung on the common case, or else on the largest case where naive was measured."""
    plan = summary.run.plan
    cases = [summary.widest(operation, dtype, threads, direction), summary.common_case(operation)]
    found = {
        figure.cell.technique: figure
        for case in filter(None, cases)
        for figure in summary.measured(operation=operation, case=case, dtype=dtype, threads=threads,
                                       direction=direction)
        if plan.is_built_in(operation, figure.cell.technique) and "@" not in figure.cell.technique
    }  # fmt: skip
    order = plan.techniques[operation]
    return dict(sorted(found.items(), key=lambda item: order.index(item[0])))


def _row(ax: Axes, summary: Summary, operation: str, rungs: Mapping[str, CellResult], y: int) -> None:
    """A line from the slowest to the fastest rung, and a mark for each."""
    rates = [_rate(figure) for figure in rungs.values()]
    ax.plot([min(rates), max(rates)], [y, y], color=INK, linewidth=0.8, zorder=1.5)
    case = summary.common_case(operation)
    for technique, figure in rungs.items():
        look = style.look(summary, operation, technique)
        size = 6.5 if figure.cell.case == case or technique == BASELINE else 4.0
        ax.plot(_rate(figure), y, linestyle="", markersize=size, **look)
