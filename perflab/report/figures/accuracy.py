"""Accuracy: the error of every implementation, alone and against its time."""

from __future__ import annotations

import math
from collections.abc import Callable

from perflab.report import words
from perflab.report.figures import style
from perflab.report.figures.palette import SERIES
from perflab.report.figures.sheet import Sheet
from perflab.report.summary import Summary

BOUND = SERIES[7]


def accuracy(summary: Summary) -> style.Picture | None:
    """The largest error of every implementation on the timed inputs, as a share of its rounding bound."""
    worst: dict[str, dict[str, float]] = {dtype: {} for dtype in summary.run.plan.dtypes}
    for check in summary.checks:
        name = f"{check.operation}/{check.technique}"
        worst[check.dtype][name] = max(worst[check.dtype].get(name, 0.0), check.share)
    names = [
        f"{operation}/{t}"
        for operation, techniques in summary.run.plan.techniques.items()
        for t in techniques
    ]
    names = [name for name in names if any(name in errors for errors in worst.values())]
    if not names:
        return None
    shares = [share for errors in worst.values() for share in errors.values()]
    exact = _place_of_zero(shares)
    sheet = Sheet(1, 1, (4.6, 0.2 * len(names) + 0.15))
    ax = sheet.axes[0][0]
    keys: dict[str, style.Look] = {}
    for index, (dtype, errors) in enumerate(worst.items()):
        offset = (0.16 if index else -0.16) * (len(worst) > 1)
        keys[dtype] = {"color": SERIES[2 - index % 2], "marker": "os"[index % 2], "linestyle": ""}
        ax.plot([share or exact for share in errors.values()], [names.index(n) + offset for n in errors],
                **keys[dtype], markersize=5)  # fmt: skip
    low = exact if 0.0 in shares else exact * 10
    style.logarithmic([ax], "x", [low, 1.0], _share_writer(exact, shares), 8)
    ax.axvline(1.0, color=BOUND, linewidth=1.2)
    style.categories(ax, names, grid=True)
    ax.set_ylim(len(names) - 0.4, -0.6)
    sheet.across("worst error as a share of the rounding bound (line)")
    title = (
        f"Accuracy on the timed inputs, {' and '.join(dtype for dtype, errors in worst.items() if errors)}"
    )
    caption = (
        "Worst element over the output and all gradients, over every case. The bound is γ_k times the"
        " operation on absolute values (Higham, §3.1): a larger error is a wrong result, not rounding."
    )
    return sheet.finished(summary.run.environment, title, caption, keys)


def accuracy_against_speed(summary: Summary, operation: str, threads: int) -> style.Picture | None:
    """The largest error on the common case against the time there; None with less than two rungs."""
    plan = summary.run.plan
    case, direction = summary.common_case(operation), plan.directions[-1]
    panels = {}
    errors = {check.contender: check.share for check in summary.checks}
    for dtype in plan.dtypes:
        timed = style.on_common_case(summary, operation, dtype, threads, direction)
        points = {
            technique: (figure.median_s, errors[figure.cell.contender])
            for technique, figure in timed.items()
            if not figure.predicted and figure.cell.contender in errors
        }
        if points:
            panels[dtype] = points
    if max(map(len, panels.values()), default=0) < 2:
        return None  # nothing to compare
    shares = [share for points in panels.values() for _, share in points.values()]
    exact = _place_of_zero(shares)
    sheet = Sheet(1, len(panels), (3.1 if len(panels) > 1 else 4.4, 2.4))
    for c, (dtype, points) in enumerate(panels.items()):
        ax = sheet.axes[0][c]
        for technique, (seconds, share) in points.items():
            look = style.look(summary, operation, technique)
            ax.plot(seconds, share or exact, linestyle="", markersize=6, **look)
        ax.axhline(1.0, color=BOUND, linewidth=1.2)
        ax.annotate("rounding bound", (0.99, 1.0), xycoords=("axes fraction", "data"), xytext=(0, -3),
                    textcoords="offset points", ha="right", va="top", fontsize=style.SMALL - 1)  # fmt: skip
        sheet.names[0, c] = dtype
    times = [seconds for points in panels.values() for seconds, _ in points.values()]
    style.logarithmic(sheet.all, "x", times, style.short_seconds, 5, margin=0.1)
    ends, write = [exact if 0.0 in shares else min(shares), 1.0], _share_writer(exact, shares)
    style.logarithmic(sheet.all, "y", ends, write, 6, labelled=sheet.axes[0][:1])
    sheet.across(f"time a call, {direction}")
    sheet.up("worst error / rounding bound")
    techniques = {technique for points in panels.values() for technique in points}
    title = f"{summary.title(operation)}: accuracy against speed, {words.of_threads(threads)}"
    caption = (
        f"Case {case}; one point for each rung: left is faster, lower is more accurate. The error is the"
        " largest over the output and all gradients, as a share of the bound for any order of summation."
    )
    keys = style.keys_of(summary, operation, techniques)
    return sheet.finished(summary.run.environment, title, caption, keys)


def _place_of_zero(shares: list[float]) -> float:
    """Where an error of zero is drawn on a logarithmic axis: a decade below the smallest other error."""
    least = min((share for share in shares if share), default=1.0)
    return float(10.0 ** (math.floor(math.log10(min(least, 0.1))) - 1))


def _share_writer(exact: float, shares: list[float]) -> Callable[[float], str]:
    """The text of a share on the axis: "exact" at the place of zero."""

    def write(value: float) -> str:
        return "exact" if 0.0 in shares and value < exact * 1.5 else style.short_number(value)

    return write
