"""The figures: each is one function from a summary to a matplotlib figure.

Every figure says in its title or caption what its values belong to: case, dtype, threads; the machine
stands under it. A new figure is one function and one line in `all_figures`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from perflab.ceilings import bandwidth, peak
from perflab.contract import FIRST_RUNGS, Cell
from perflab.machine import one_line
from perflab.report import words
from perflab.report.summary import BASELINE, Summary

# Okabe and Ito's palette: distinct to colour-blind readers; markers tell the lines apart in print.
COLOURS = ("#6b6b6b", "#d17a00", "#0072b2", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#b03a2e")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
FURTHER = "fastest further rung"
NARROWEST = 6.6  # inches, in which the machine's line has room
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.title_fontsize": 11,
    "figure.dpi": 120,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "xtick.bottom": False,  # the grid's lines are ticks enough
    "ytick.left": False,
    "grid.alpha": 0.3,
    "text.hinting": "none",  # as in the SVG, so that one layout serves both
    "svg.hashsalt": "perflab",
    "figure.facecolor": "white",
}


@dataclass(frozen=True)
class Drawn:
    """A figure with the name of its files, its title and a sentence that says what it shows."""

    name: str
    title: str
    caption: str
    figure: Figure


def all_figures(summary: Summary) -> Iterator[Drawn]:
    """Every figure of a report, in its order."""
    plan = summary.run.plan
    with mpl.rc_context(STYLE):
        for threads in plan.threads:
            for dtype in plan.dtypes:
                yield speedups(summary, dtype, threads)
        for operation in plan.techniques:
            for threads in plan.threads:
                yield ladder(summary, operation, threads)
                if summary.ceilings:
                    yield roofline(summary, operation, threads)
                for dtype in plan.dtypes:
                    yield time_against_work(summary, operation, dtype, threads)
        if summary.checks:
            yield accuracy(summary)


def speedups(summary: Summary, dtype: str, threads: int) -> Drawn:
    """Speed-up over the baseline as a grid: operation and direction down, technique across.

    The rungs beyond the first four, which are others in every operation, share a column for the fastest.
    """
    plan = summary.run.plan
    shared = [t for t in _techniques(summary) if t in FIRST_RUNGS or not _is_built_in(summary, t)]
    rows = [(op, direction) for op in plan.techniques for direction in plan.directions]
    found: list[dict[str, tuple[float, str]]] = []
    labels = []
    for op, direction in rows:
        case = summary.widest(op, dtype, threads, direction, with_further=True)
        labels.append(f"{op} {direction}" + (f"\n{case}" if case else ""))
        row: dict[str, tuple[float, str]] = {}
        for technique in plan.techniques[op]:
            known = summary.figures.get(Cell(op, case or "", dtype, threads, direction, technique))
            if known is None or known.speedup is None:
                continue
            value, text = known.speedup.value, words.ratio(known.speedup)
            if technique in shared:
                row[technique] = value, text
            elif value > row.get(FURTHER, (0.0, ""))[0]:
                row[FURTHER] = value, f"{text}\n{technique}"
        found.append(row)
    techniques = [t for t in (*shared, FURTHER) if any(t in row for row in found)] or shared[:1]
    values = np.full((len(rows), len(techniques)), np.nan)
    said = {}
    for y, row in enumerate(found):
        for technique, (value, text) in row.items():
            values[y, techniques.index(technique)] = value
            said[y, techniques.index(technique)] = text
    figure, ax = _canvas(1.9 + 1.25 * len(techniques), 1.1 + 0.42 * len(rows))
    shades = mpl.colormaps["cividis"]
    top = max(np.nanmax(values, initial=1.0), 10.0)
    image = np.log10(np.where(np.isnan(values), 1, np.maximum(values, 1))) / np.log10(top)
    edges_x, edges_y = np.arange(len(techniques) + 1) - 0.5, np.arange(len(rows) + 1) - 0.5
    ax.pcolormesh(edges_x, edges_y, image, cmap=shades, vmin=0, vmax=1, edgecolors="white", linewidth=1)
    ax.invert_yaxis()
    for (y, x), text in said.items():
        ax.text(x, y, text, ha="center", va="center", color="white" if image[y, x] < 0.55 else "black",
                fontsize=9 if "\n" not in text else 8)  # fmt: skip
    for y, x in zip(*np.nonzero(np.isnan(values)), strict=True):
        ax.add_patch(mpl.patches.Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="#e6e6e6", edgecolor="white"))
        ax.text(x, y, "–", ha="center", va="center", color="#555555")
    ax.set_xticks(range(len(techniques)), techniques)
    ax.set_yticks(range(len(rows)), labels, fontsize=8)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    title = f"Speed-up over {BASELINE}, {dtype}, {words.of_threads(threads)}"
    _head(figure, title)
    caption = (
        f"Each row on the largest case where {BASELINE} was measured (named under the operation). "
        "Medians of paired ratios; darker is slower."
    )
    return _finished(summary, f"speedup-{dtype}-t{threads}", title, caption, figure)


def ladder(summary: Summary, operation: str, threads: int) -> Drawn:
    """Seconds a call of every rung on the case that most rungs were measured on, one panel a dtype."""
    plan = summary.run.plan
    title = f"{summary.run.operations[operation]['title']}: the ladder, {words.of_threads(threads)}"
    case = summary.common_case(operation)
    rungs = plan.contenders(operation, case)
    height = 1.3 + 0.26 * len(rungs)
    figure = Figure(figsize=(max(1.6 + 3.6 * len(plan.dtypes), NARROWEST), height), layout="constrained")
    axes = figure.subplots(1, len(plan.dtypes), sharey=True, squeeze=False)[0]
    for ax, dtype in zip(axes, plan.dtypes, strict=True):
        for turn, direction in enumerate(plan.directions):
            aside = 0.24 * (turn - (len(plan.directions) - 1) / 2)
            for y, technique in enumerate(rungs):
                known = summary.cell(
                    operation=operation, case=case, dtype=dtype, threads=threads,
                    direction=direction, technique=technique,
                )  # fmt: skip
                if known is None:
                    continue
                colour = COLOURS[1 + turn]
                if known.low_s is not None and known.high_s is not None:
                    ax.hlines(y + aside, known.low_s, known.high_s, color=colour, linewidth=3, alpha=0.5)
                ax.plot(known.median_s, y + aside, MARKERS[turn], color=colour, markersize=5,
                        markerfacecolor="white" if known.predicted else colour)  # fmt: skip
        if ax.lines:
            _log(ax, "x", lambda value: words.seconds(value, 1))
        ax.set_title(dtype)
        ax.set_xlabel("time a call")
    axes[0].set_yticks(range(len(rungs)), rungs)
    axes[0].set_ylim(len(rungs) - 0.5, -0.5)
    handles = [
        Line2D([], [], color=COLOURS[1 + turn], marker=MARKERS[turn], linestyle="")
        for turn, _ in enumerate(plan.directions)
    ]
    _head(figure, title, handles, plan.directions)
    caption = f"Case {case}, each rung with the 95 % interval of its median; left is faster."
    if any(f.predicted for f in summary.of(operation=operation, case=case, threads=threads)):
        caption += " Hollow points are predictions, not measurements."
    return _finished(summary, f"ladder-{operation}-t{threads}", title, caption, figure)


def roofline(summary: Summary, operation: str, threads: int) -> Drawn:
    """Arithmetic a second against arithmetic a byte, every rung below the machine's roof; a panel a dtype."""
    plan = summary.run.plan
    title = f"{summary.run.operations[operation]['title']}: under the roof, {words.of_threads(threads)}"
    case = summary.common_case(operation)
    figure = Figure(figsize=(max(1.0 + 3.8 * len(plan.dtypes), NARROWEST), 4.6), layout="constrained")
    axes = figure.subplots(1, len(plan.dtypes), sharey=True, squeeze=False)[0]
    handles: dict[str, Artist] = {}
    for ax, dtype in zip(axes, plan.dtypes, strict=True):
        shown = [f for f in summary.of(operation=operation, case=case, dtype=dtype, threads=threads)
                 if not f.predicted]  # fmt: skip
        rungs = plan.contenders(operation, case)
        for f in shown:
            aside = 1.04 ** (rungs.index(f.cell.technique) - (len(rungs) - 1) / 2)
            handles[f.cell.technique] = ax.plot(
                f.flops / f.bytes * aside, f.gflops, linestyle="", markersize=5, label=f.cell.technique,
                **_look(summary, f.cell.technique),
            )[0]  # fmt: skip
        if shown:
            _draw_roof(ax, summary, dtype, threads, shown)
            _log(ax, "x", lambda value: f"{value:g}")
        ax.set_title(dtype)
        ax.set_xlabel("operations a byte")
    if any(ax.lines for ax in axes):
        _log(axes[0], "y", lambda value: f"{value:g}")
    axes[0].set_ylabel("GFLOP/s")
    _head(figure, title, list(handles.values()), list(handles))
    caption = (
        f"Case {case}; the groups of points are its directions ({', '.join(plan.directions)}), which"
        " differ in what they compute and must move; within a group the rungs stand side by side. The roof is"
        " the best measured arithmetic, and the best measured traffic of arrays of this size (solid) and of"
        " arrays in the first cache (dotted)."
    )
    return _finished(summary, f"roofline-{operation}-t{threads}", title, caption, figure)


def _draw_roof(ax: Axes, summary: Summary, dtype: str, threads: int, shown: Sequence[Any]) -> None:
    """The ceilings over the range of the points, with room on either side."""
    top = peak(summary.ceilings, dtype, threads)
    here = bandwidth(summary.ceilings, threads, max(f.bytes for f in shown))
    nearest = bandwidth(summary.ceilings, threads, 0)
    if top is None or here is None or nearest is None:
        return
    intensities = [f.flops / f.bytes for f in shown]
    x = np.geomspace(min(*intensities, top / nearest) / 3, max(*intensities, top / here) * 3, 64)
    ax.plot(x, np.minimum(top, x * here) / 1e9, color="#222222", linewidth=1.3)
    ax.plot(x, np.minimum(top, x * nearest) / 1e9, color="#222222", linewidth=1, linestyle=":")
    ax.annotate(f"{top / 1e9:.0f} GFLOP/s", (x[-1], top / 1e9), xytext=(0, 3), textcoords="offset points",
                ha="right", fontsize=7)  # fmt: skip
    ax.annotate(f"{here / 1e9:.0f} GB/s", (x[2], x[2] * here / 1e9), xytext=(4, -8),
                textcoords="offset points", fontsize=7)  # fmt: skip


def time_against_work(summary: Summary, operation: str, dtype: str, threads: int) -> Drawn:
    """Seconds a call against the work of the case, on log axes, one panel a direction."""
    plan = summary.run.plan
    directions = plan.directions
    described = summary.run.operations[operation]
    title = f"{described['title']}: time against size, {dtype}, {words.of_threads(threads)}"
    figure = Figure(figsize=(3.2 * len(directions) + 0.6, 4.2), layout="constrained")
    axes = figure.subplots(1, len(directions), sharey=True, squeeze=False)[0]
    digits = False
    for ax, direction in zip(axes, directions, strict=True):
        for technique in plan.techniques[operation]:
            digits |= _draw_times(ax, summary, operation, dtype, threads, direction, technique)
        if ax.lines:
            _log(ax, "x", lambda value: words.power(value, 1))
        else:
            ax.set_xticks([])
            ax.text(0.5, 0.5, "nothing measured yet", ha="center", transform=ax.transAxes, color="#555555")
        ax.set_title(direction)
        ax.set_xlabel("work, operations")
    if any(ax.lines for ax in axes):
        _log(axes[0], "y", lambda value: words.seconds(value, 1))  # which all panels share
    axes[0].set_ylabel("time a call")
    exponents = {
        g.technique: f"{g.technique} ({g.scaling.exponent:.2f})"
        for g in summary.growths
        if (g.operation, g.dtype, g.threads, g.direction) == (operation, dtype, threads, directions[-1])
    }
    handles, names = axes[0].get_legend_handles_labels()
    labels = [exponents.get(name, name) for name in names]
    _head(figure, title, handles, labels)
    largest = max(
        described["cases"], key=lambda name: described["cases"][name]["costs"][dtype]["step"]["flops"]
    )
    caption = f"Cases {', '.join(plan.cases[operation])}; the largest is {largest}."
    if exponents:
        caption += (
            f" In brackets: the power of work that {directions[-1]}'s time grows with; 1 is in proportion."
        )
    if any(f.predicted for f in summary.of(operation=operation, dtype=dtype, threads=threads)):
        caption += " Hollow points on dashed lines are predictions, not measurements."
    if digits:
        caption += " Points off the lines, marked +, are the handwritten digits."
    return _finished(summary, f"time-{operation}-{dtype}-t{threads}", title, caption, figure)


def accuracy(summary: Summary) -> Drawn:
    """The worst error of every implementation on the timed inputs, as a share of its rounding bound."""
    plan = summary.run.plan
    names = [f"{op}/{t}" for op, techniques in plan.techniques.items() for t in techniques]
    worst: dict[str, dict[str, float]] = {dtype: {} for dtype in plan.dtypes}
    for check in summary.checks:
        name = f"{check.operation}/{check.technique}"
        worst[check.dtype][name] = max(worst[check.dtype].get(name, 0.0), check.share)
    shares = [share for found in worst.values() for share in found.values()]
    least = min((share for share in shares if share), default=1.0)
    exact = 10.0 ** (np.floor(np.log10(min(least, 0.1))) - 1)  # where an error of nothing is drawn
    figure, ax = _canvas(7.6, 1.4 + 0.26 * len(names))
    for position, (dtype, found) in enumerate(worst.items()):
        aside = (0.14 if position else -0.14) * (len(worst) > 1)
        x, y = [share or exact for share in found.values()], [names.index(name) + aside for name in found]
        ax.plot(x, y, MARKERS[position], color=COLOURS[2 + position], label=dtype, markersize=6)
    ax.axvline(1.0, color="#b03a2e", linewidth=1)
    ax.annotate("bound", (1.0, 1.0), xycoords=("data", "axes fraction"), xytext=(-4, -3),
                textcoords="offset points", ha="right", va="top", color="#b03a2e", fontsize=8)  # fmt: skip
    _log(ax, "x", lambda value: f"{value:g}")
    ax.set_xlim(exact / 2, 2.0)
    if 0.0 in shares:
        ticks = [exact, *10.0 ** np.arange(np.log10(exact) + 1, 0.5)]
        ax.set_xticks(ticks, ["exact", *(f"{tick:g}" for tick in ticks[1:])])
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.9)
    ax.set_xlabel("worst error as a share of the rounding bound")
    title = f"Accuracy on the timed inputs, {' and '.join(plan.dtypes)}"
    _head(figure, title, *ax.get_legend_handles_labels())
    caption = (
        "Worst element over out and all gradients, over every case. The bound is γ_k times the operation on "
        "absolute values (Higham, §3.1): beyond it a result is wrong, not merely rounded."
    )
    return _finished(summary, "accuracy", title, caption, figure)


def _draw_times(
    ax: Axes, summary: Summary, operation: str, dtype: str, threads: int, direction: str, technique: str
) -> bool:
    """One technique's line; whether a point on real images was drawn beside it."""
    look = _look(summary, technique)
    contest = (operation, dtype, threads, direction, technique)
    found = summary.line(*contest)
    if not found:
        return False
    line = summary.growing(*contest)
    ax.plot([f.flops for f in line], [f.median_s for f in line], **look, markersize=5, linewidth=1.4,
            label=technique)  # fmt: skip
    known = [(f.flops, f.low_s, f.high_s) for f in line if f.low_s is not None and f.high_s is not None]
    if known:
        at, low, high = zip(*known, strict=True)
        ax.vlines(at, low, high, color=look["color"], linewidth=2.5, alpha=0.5)
    cases = summary.run.operations[operation]["cases"]
    digits = [f for f in found if cases[f.cell.case]["inputs"] == "digits"]
    predicted = [f for f in found if f.predicted and f not in digits]
    if predicted:
        joined = line[-1:] + predicted
        x, y = [f.flops for f in joined], [f.median_s for f in joined]
        ax.plot(x, y, **look, linestyle="--", linewidth=1, markersize=5, markerfacecolor="white",
                markevery=range(len(line[-1:]), len(joined)))  # fmt: skip
    real = [f for f in digits if not f.predicted]
    if real:
        x, y = [f.flops for f in real], [f.median_s for f in real]
        ax.plot(x, y, "+", markersize=9, markeredgewidth=1.8, color=look["color"])
    return bool(real)


def _is_built_in(summary: Summary, technique: str) -> bool:
    """Whether a technique is one of perflab's own files: no peer's column, no outside file."""
    outside = {name.partition("/")[2] for name in summary.run.plan.outside}
    return technique not in summary.run.plan.homes and technique not in outside


def _techniques(summary: Summary) -> list[str]:
    """Every technique of the run, once."""
    return list(dict.fromkeys(t for names in summary.run.plan.techniques.values() for t in names))


def _look(summary: Summary, technique: str) -> dict[str, Any]:
    """A technique's colour and marker: the same in every figure, and no two alike among sixty-four."""
    round_, position = divmod(_techniques(summary).index(technique), len(COLOURS))
    return {"color": COLOURS[position], "marker": MARKERS[(position + round_) % len(MARKERS)]}


def _log(ax: Axes, which: Literal["x", "y"], write: Callable[[float], str]) -> None:
    """A logarithmic axis with few, written-out ticks: decades, and what lies between where there are few."""
    ax.set(**{f"{which}scale": "log"})
    axis, (low, high) = (ax.xaxis, ax.get_xlim()) if which == "x" else (ax.yaxis, ax.get_ylim())
    found = LogLocator(subs=(1.0,) if high > 80 * low else (1.0, 2.0, 5.0)).tick_values(low, high)
    ticks = [float(tick) for tick in found if low <= tick <= high]
    ticks = ticks[:: max(1, -(-len(ticks) // 7))]  # over many decades not every one is written
    axis.set_ticks(ticks, [write(tick) for tick in ticks])  # found once: each drawing would find them anew
    axis.set_minor_locator(NullLocator())


def _head(figure: Figure, title: str, handles: Sequence[Artist] = (), labels: Sequence[str] = ()) -> None:
    """The title above a figure, its legend below it in as many columns as there is room for."""
    widest = 0.6 + 0.075 * max(map(len, labels), default=0)  # inches, of a handle and so many letters
    columns = max(1, int(figure.get_figwidth() / widest))
    figure.legend(handles, labels, title=title, loc="outside upper left", alignment="left", frameon=False,
                  ncols=columns, borderaxespad=0, borderpad=0.3)  # fmt: skip


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _finished(summary: Summary, name: str, title: str, caption: str, figure: Figure) -> Drawn:
    figure.supxlabel(one_line(summary.run.environment), fontsize=6.5, color="#555555", x=0.01, ha="left")
    return Drawn(name, title, caption, figure)
