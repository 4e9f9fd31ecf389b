"""Accuracy: how far every result lies from the truth, alone and against what it costs in time."""

from __future__ import annotations

import math
from collections.abc import Callable

from matplotlib.ticker import FixedFormatter, FixedLocator

from perflab.report import words
from perflab.report.figures.palette import SERIES
from perflab.report.figures.sheet import Sheet
from perflab.report.figures.style import (
    SMALL,
    Look,
    Picture,
    keys_of,
    logarithmic,
    look,
    on_common_case,
    short_number,
    short_seconds,
    title_of,
)
from perflab.report.summary import Summary

BOUND = SERIES[7]


def accuracy(summary: Summary) -> Picture | None:
    """The worst error of every implementation on the timed inputs, as a share of its rounding bound."""
    worst: dict[str, dict[str, float]] = {dtype: {} for dtype in summary.run.plan.dtypes}
    for check in summary.checks:
        name = f"{check.operation}/{check.technique}"
        worst[check.dtype][name] = max(worst[check.dtype].get(name, 0.0), check.share)
    names = [
        name
        for op, techniques in summary.run.plan.techniques.items()
        for name in (f"{op}/{t}" for t in techniques)
        if any(name in found for found in worst.values())
    ]
    if not names:
        return None
    exact = _nothing([share for found in worst.values() for share in found.values()])
    sheet = Sheet(1, 1, (4.6, 0.2 * len(names) + 0.15))
    ax = sheet.axes[0][0]
    keys: dict[str, Look] = {}
    for position, (dtype, found) in enumerate(worst.items()):
        aside = (0.16 if position else -0.16) * (len(worst) > 1)
        keys[dtype] = {"color": SERIES[2 - position % 2], "marker": "os"[position % 2], "linestyle": ""}
        ax.plot([share or exact for share in found.values()], [names.index(n) + aside for n in found],
                **keys[dtype], markersize=5)  # fmt: skip
    shares = [share for found in worst.values() for share in found.values()]
    logarithmic([ax], "x", [exact if 0.0 in shares else exact * 10, 1.0], _written(exact, shares), 8)
    ax.axvline(1.0, color=BOUND, linewidth=1.2)
    ax.yaxis.set_major_locator(FixedLocator(list(range(len(names)))))
    ax.yaxis.set_major_formatter(FixedFormatter(names))
    ax.set_ylim(len(names) - 0.4, -0.6)
    sheet.across("worst error as a share of the rounding bound (line)")
    dtypes = [dtype for dtype, found in worst.items() if found]
    title = f"Accuracy on the timed inputs, {' and '.join(dtypes)}"
    caption = (
        "Worst element over out and all gradients, over every case. The bound is γ_k times the operation on "
        "absolute values (Higham, §3.1): beyond it a result is wrong, not merely rounded."
    )
    return sheet.finished(summary, title, caption, keys)


def accuracy_against_speed(summary: Summary, operation: str, threads: int) -> Picture | None:
    """The worst error on the case that most rungs met on, against the time there; None without two."""
    plan = summary.run.plan
    case, direction = summary.common_case(operation), plan.directions[-1]
    found = {}
    for dtype in plan.dtypes:
        timed = on_common_case(summary, operation, dtype, threads, direction)
        shares = {
            check.technique: check.share
            for check in summary.checks
            if (check.operation, check.case, check.dtype, check.threads) == (operation, case, dtype, threads)
        }
        both = {t: (f.median_s, shares[t]) for t, f in timed.items() if not f.predicted and t in shares}
        if both:
            found[dtype] = both
    points = [point for both in found.values() for point in both.values()]
    if max((len(both) for both in found.values()), default=0) < 2:
        return None  # nothing to compare
    exact = _nothing([share for _, share in points])
    sheet = Sheet(1, len(found), (3.1 if len(found) > 1 else 4.4, 2.4))
    for c, (dtype, both) in enumerate(found.items()):
        ax = sheet.axes[0][c]
        for technique, (seconds, share) in both.items():
            mark = look(summary, operation, technique)
            ax.plot(seconds, share or exact, linestyle="", markersize=6, **mark)
        ax.axhline(1.0, color=BOUND, linewidth=1.2)
        ax.annotate("rounding bound", (0.99, 1.0), xycoords=("axes fraction", "data"), xytext=(0, -3),
                    textcoords="offset points", ha="right", va="top", fontsize=SMALL - 1)  # fmt: skip
        sheet.name(0, c, dtype)
    logarithmic(sheet.all, "x", [seconds for seconds, _ in points], short_seconds, 5, margin=0.1)
    shares_found = [share for _, share in points]
    low = exact if 0.0 in shares_found else min(shares_found)
    logarithmic(sheet.all, "y", [low, 1.0], _written(exact, shares_found), 6, labelled=sheet.axes[0][:1])
    sheet.across(f"time a call, {direction}")
    sheet.up("worst error / rounding bound")
    met = {t for both in found.values() for t in both}
    title = f"{title_of(summary, operation)}: accuracy against speed, {words.of_threads(threads)}"
    caption = (
        f"Case {case}; a point a rung, left is faster and lower is more accurate. The error is the worst over"
        " out and all gradients, as a share of what rounding in any order of summation can come to."
    )
    return sheet.finished(summary, title, caption, keys_of(summary, operation, met))


def _nothing(shares: list[float]) -> float:
    """Where an error of nothing is drawn on an axis of powers of ten: a decade below the least other."""
    least = min((share for share in shares if share), default=1.0)
    return float(10.0 ** (math.floor(math.log10(min(least, 0.1))) - 1))


def _written(exact: float, shares: list[float]) -> Callable[[float], str]:
    """How a share is written on the axis: where errors of nothing are drawn, as exact."""

    def write(value: float) -> str:
        return "exact" if 0.0 in shares and value < exact * 1.5 else short_number(value)

    return write
