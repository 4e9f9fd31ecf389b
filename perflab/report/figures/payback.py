"""What compiling costs and when it has paid for itself: the total time after each number of calls."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from perflab.report import words
from perflab.report.figures import style
from perflab.report.figures.sheet import Sheet
from perflab.report.summary import RIVALS, CellResult, Payback, Summary

FEWEST = 1e4  # calls that are always shown
MOST = 1e7


@dataclass(frozen=True)
class Spent:
    """One technique's time: compilation, and the time of a call; and when it has paid for itself."""

    figure: CellResult
    compile_s: float
    paybacks: tuple[Payback, ...] = ()

    def after(self, calls: Any) -> Any:
        """Total seconds after a number of calls, or after each number of an array."""
        return self.compile_s + calls * self.figure.median_s


def payback(summary: Summary, operation: str) -> style.Picture | None:
    """Total time against calls, with compilation; None without a compiled rung and a rival.

    On the common case, with the fewest threads, in the plan's last direction.
    """
    plan = summary.run.plan
    threads, direction = min(plan.threads), plan.directions[-1]
    panels = {}
    for dtype in plan.dtypes:
        lines = list(_spent(summary, operation, dtype, threads, direction))
        if {bool(line.compile_s) for line in lines} == {True, False}:
            panels[dtype] = lines
    if not panels:
        return None
    spent = [line for lines in panels.values() for line in lines]
    latest = max((paid.calls for line in spent for paid in line.paybacks if paid.calls), default=1)
    most = min(max(10.0 ** math.ceil(math.log10(3 * latest)), FEWEST), MOST)
    rows = max(map(len, panels.values()))
    sheet = Sheet(1, len(panels), (2.9 if len(panels) > 1 else 4.2, max(2.6, 0.15 * rows)))
    x = np.geomspace(1, most, 49)
    for c, (dtype, lines) in enumerate(panels.items()):
        sheet.names[0, c] = dtype
        ends: list[tuple[float, style.Look, str]] = []
        rings = []
        for line in lines:
            technique, predicted = line.figure.cell.technique, line.figure.predicted
            look = style.look(summary, operation, technique)
            sheet.axes[0][c].plot(x, line.after(x), color=look["color"], linestyle="--" if predicted else "-",
                                  linewidth=1.3 if line.compile_s else 1.8)  # fmt: skip
            text = " / ".join(map(_text, line.paybacks))
            name = f"{technique} (predicted)" if predicted else f"{technique}: {text}" if text else technique
            ends.append((line.after(most), style.hollow(look) if predicted else look, name))
            calls = [paid.calls for paid in line.paybacks if paid.calls and paid.calls <= most]
            rings += [(number, line.after(number)) for number in calls]
        style.rings(sheet.axes[0][c], rings, 6.5)
        sheet.ends[0, c] = ends
    style.logarithmic(sheet.all, "x", [1.0, most], style.short_number, 5, margin=0.0)
    for ax in sheet.all:
        ax.set_xlim(1.0, most)
    spans = [line.after(calls) for line in spent for calls in (1.0, most)]
    style.logarithmic(sheet.all, "y", spans, style.short_seconds, 7, labelled=sheet.axes[0][:1])
    sheet.across(f"calls of {direction}")
    sheet.up("time spent, compiling included")
    case = summary.common_case(operation)
    rivals = " and ".join(dict.fromkeys(paid.against for line in spent for paid in line.paybacks))
    caption = (
        f"Case {case}, {words.of_threads(threads)}. The line of a compiled rung includes a full compilation."
    )
    if rivals:
        caption += (
            f" Rings, and the text at the ends of the lines: the calls after which it has paid for itself"
            f" against {rivals}; never if it is not faster."
        )
    if any(line.figure.predicted for line in spent):
        caption += " A dashed line is a prediction, not a measurement."
    title = f"{summary.title(operation)}: what compiling costs, and when it has paid for itself"
    return sheet.finished(summary.run.environment, title, caption)


def _spent(summary: Summary, operation: str, dtype: str, threads: int, direction: str) -> Iterator[Spent]:
    """The rivals and the compiled techniques on the common case, in ladder order."""
    compiled = {
        c.technique: c.compile_s
        for c in summary.compilations
        if (c.operation, c.dtype) == (operation, dtype) and c.compile_s is not None
    }
    timed = style.on_common_case(summary, operation, dtype, threads, direction)
    for technique, figure in timed.items():
        if technique in compiled and not figure.predicted:
            compile_s = compiled[technique]
            paybacks = (summary.payback(figure, rival, compile_s) for rival in RIVALS)
            yield Spent(figure, compile_s, tuple(filter(None, paybacks)))
        elif technique in RIVALS:
            yield Spent(figure, 0.0)


def _text(payback: Payback) -> str:
    """After how many calls; "never" or "unclear" without a number."""
    if payback.calls is None:
        return "never" if payback.ratio.verdict in ("SLOWER", "SAME") else "unclear"
    return words.number_of_calls(payback.calls)
