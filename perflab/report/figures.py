"""The figures: each is one function from a summary to a matplotlib figure.

Every figure says in its title or caption what its values belong to: case, dtype, threads; the machine
stands under it. A new figure is one function and one line in `all_figures`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from perflab.contract import Cell
from perflab.machine import one_line
from perflab.report import words
from perflab.report.summary import BASELINE, Summary

# Okabe and Ito's palette: distinct to colour-blind readers; markers tell the lines apart in print.
COLOURS = ("#6b6b6b", "#d17a00", "#0072b2", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#b03a2e")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
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
                for dtype in plan.dtypes:
                    yield time_against_work(summary, operation, dtype, threads)
        if summary.checks:
            yield accuracy(summary)


def speedups(summary: Summary, dtype: str, threads: int) -> Drawn:
    """Speed-up over the baseline as a grid: operation and direction down, technique across."""
    plan = summary.run.plan
    techniques = list(dict.fromkeys(t for names in plan.techniques.values() for t in names))
    rows = [(op, direction) for op in plan.techniques for direction in plan.directions]
    values = np.full((len(rows), len(techniques)), np.nan)
    labels, said = [], {}
    for y, (op, direction) in enumerate(rows):
        case = summary.widest(op, dtype, threads, direction)
        labels.append(f"{op} {direction}" + (f"\n{case}" if case else ""))
        for x, technique in enumerate(techniques):
            known = summary.figures.get(Cell(op, case or "", dtype, threads, direction, technique))
            if known is not None and known.speedup is not None:
                values[y, x] = known.speedup.value
                said[y, x] = words.ratio(known.speedup)
    figure, ax = _canvas(1.9 + 1.25 * len(techniques), 0.9 + 0.42 * len(rows))
    shades = mpl.colormaps["cividis"]
    top = max(np.nanmax(values, initial=1.0), 10.0)
    image = np.log10(np.where(np.isnan(values), 1, np.maximum(values, 1))) / np.log10(top)
    edges_x, edges_y = np.arange(len(techniques) + 1) - 0.5, np.arange(len(rows) + 1) - 0.5
    ax.pcolormesh(edges_x, edges_y, image, cmap=shades, vmin=0, vmax=1, edgecolors="white", linewidth=1)
    ax.invert_yaxis()
    for (y, x), text in said.items():
        ax.text(x, y, text, ha="center", va="center", color="white" if image[y, x] < 0.55 else "black")
    for y, x in zip(*np.nonzero(np.isnan(values)), strict=True):
        ax.add_patch(mpl.patches.Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="#e6e6e6", edgecolor="white"))
        ax.text(x, y, "–", ha="center", va="center", color="#555555")
    ax.set_xticks(range(len(techniques)), techniques)
    ax.set_yticks(range(len(rows)), labels, fontsize=8)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    title = f"Speed-up over {BASELINE}, {dtype}, {_threads(threads)}"
    ax.set_title(title, loc="left")
    caption = (
        f"Each row on the largest case where {BASELINE} was measured (named under the operation). "
        "Medians of paired ratios; darker is slower."
    )
    return _finished(summary, f"speedup-{dtype}-t{threads}", title, caption, figure)


def time_against_work(summary: Summary, operation: str, dtype: str, threads: int) -> Drawn:
    """Seconds a call against the work of the case, on log axes, one panel a direction."""
    plan = summary.run.plan
    directions = plan.directions
    described = summary.run.operations[operation]
    title = f"{described['title']}: time against size, {dtype}, {_threads(threads)}"
    figure = Figure(figsize=(3.2 * len(directions) + 0.6, 3.9), layout="constrained")
    axes = figure.subplots(1, len(directions), sharey=True, squeeze=False)[0]
    digits = False
    for ax, direction in zip(axes, directions, strict=True):
        for position, technique in enumerate(plan.techniques[operation]):
            digits |= _draw_times(ax, summary, operation, dtype, threads, direction, technique, position)
        if ax.lines:
            ax.set_xscale("log")
            ax.set_yscale("log")
            ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.seconds(value, 1)))
        else:
            ax.set_xticks([])
            ax.text(0.5, 0.5, "nothing measured yet", ha="center", transform=ax.transAxes, color="#555555")
        ax.text(0.03, 0.98, direction, transform=ax.transAxes, va="top", fontweight="bold")
        ax.set_xlabel("work, operations")
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.yaxis.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel("time a call")
    axes[0].set_title(title, loc="left")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=len(names), frameon=False)
    largest = max(
        described["cases"], key=lambda name: described["cases"][name]["costs"][dtype]["step"]["flops"]
    )
    caption = f"Cases {', '.join(plan.cases[operation])}; the largest is {largest}."
    if any(f.predicted for f in summary.of(operation=operation, dtype=dtype, threads=threads)):
        caption += " Hollow points on dashed lines are predictions, not measurements."
    if digits:
        caption += " Points off the lines, marked +, are the handwritten digits."
    return _finished(summary, f"time-{operation}-{dtype}-t{threads}", title, caption, figure)


def accuracy(summary: Summary) -> Drawn:
    """The worst error of every implementation on the timed inputs, as a share of its rounding bound."""
    plan = summary.run.plan
    names = [f"{op}/{t}" for op, techniques in plan.techniques.items() for t in techniques]
    figure, ax = _canvas(7.6, 1.2 + 0.26 * len(names))
    for position, dtype in enumerate(plan.dtypes):
        worst: dict[str, float] = {}
        for check in summary.checks:
            if check.dtype == dtype:
                name = f"{check.operation}/{check.technique}"
                worst[name] = max(worst.get(name, 0.0), check.share)
        y = [names.index(name) + (0.14 if position else -0.14) * (len(plan.dtypes) > 1) for name in worst]
        x = [max(share, 1e-5) for share in worst.values()]
        ax.plot(x, y, MARKERS[position], color=COLOURS[2 + position], label=dtype, markersize=6)
    ax.axvline(1.0, color="#b03a2e", linewidth=1)
    ax.annotate("bound", (1.0, 1.0), xycoords=("data", "axes fraction"), xytext=(-4, -3),
                textcoords="offset points", ha="right", va="top", color="#b03a2e", fontsize=8)  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlim(5e-6, 2.0)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.9)
    ax.set_xlabel("worst error as a share of the rounding bound (an exact result is drawn at 1e-5)")
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    title = f"Accuracy on the timed inputs, {' and '.join(plan.dtypes)}"
    ax.set_title(title, loc="left")
    caption = (
        "Worst element over out and all gradients, over every case. The bound is γ_k times the operation on "
        "absolute values (Higham, §3.1): beyond it a result is wrong, not merely rounded."
    )
    return _finished(summary, "accuracy", title, caption, figure)


def _draw_times(
    ax: Axes,
    summary: Summary,
    operation: str,
    dtype: str,
    threads: int,
    direction: str,
    technique: str,
    position: int,
) -> bool:
    """One technique's line; whether a point on real images was drawn beside it."""
    colour, marker = COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]
    found = sorted(
        summary.of(
            operation=operation, dtype=dtype, threads=threads, direction=direction, technique=technique
        ),
        key=lambda f: f.flops,
    )  # fmt: skip
    cases = summary.run.operations[operation]["cases"]
    line = [f for f in found if cases[f.cell.case]["inputs"] != "digits"]
    measured = [f for f in line if not f.predicted]
    if not found:
        return False
    ax.plot([f.flops for f in measured], [f.median_s for f in measured], color=colour, marker=marker,
            markersize=5, linewidth=1.4, label=technique)  # fmt: skip
    for f in measured:
        if f.low_s is not None and f.high_s is not None:
            ax.plot([f.flops] * 2, [f.low_s, f.high_s], color=colour, linewidth=2.5, alpha=0.5)
    predicted = [f for f in line if f.predicted]
    if predicted:
        joined = measured[-1:] + predicted
        ax.plot(
            [f.flops for f in joined], [f.median_s for f in joined], color=colour, linestyle="--", linewidth=1
        )
        x, y = [f.flops for f in predicted], [f.median_s for f in predicted]
        ax.plot(x, y, marker, markersize=5, markerfacecolor="white", markeredgecolor=colour)
    real = [f for f in found if cases[f.cell.case]["inputs"] == "digits" and not f.predicted]
    if real:
        x, y = [f.flops for f in real], [f.median_s for f in real]
        ax.plot(x, y, "+", markersize=9, markeredgewidth=1.8, color=colour)
    return bool(real)


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _finished(summary: Summary, name: str, title: str, caption: str, figure: Figure) -> Drawn:
    described = summary.run.environment
    figure.supxlabel(one_line(described), fontsize=6.5, color="#555555", x=0.01, ha="left")
    return Drawn(name, title, caption, figure)


def _threads(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"
