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
from perflab.report.summary import RIVALS, CellResult, Summary
from perflab.statistics import break_even_calls

FEWEST = 1e4  # calls that are always shown
MOST = 1e7


@dataclass(frozen=True)
class Spent:
    """One technique's time: compilation, and the time of a call.

    `pays` has, by rival, the calls after which it has paid for itself, or None, and the same as text.
    """

    figure: CellResult
    compile_s: float
    pays: tuple[tuple[str, int | None, str], ...] = ()

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
    latest = max((calls for line in spent for _, calls, _ in line.pays if calls), default=1)
    most = min(max(10.0 ** math.ceil(math.log10(3 * latest)), FEWEST), MOST)
    rows = max(map(len, panels.values()))
    sheet = Sheet(1, len(panels), (2.9 if len(panels) > 1 else 4.2, max(2.6, 0.15 * rows)))
    x = np.geomspace(1, most, 49)
    for c, (dtype, lines) in enumerate(panels.items()):
        sheet.name(0, c, dtype)
        ends: list[tuple[float, style.Look, str]] = []
        rings = []
        for line in lines:
            technique, predicted = line.figure.cell.technique, line.figure.predicted
            look = style.look(summary, operation, technique)
            sheet.axes[0][c].plot(x, line.after(x), color=look["color"], linestyle="--" if predicted else "-",
                                  linewidth=1.3 if line.compile_s else 1.8)  # fmt: skip
            text = " / ".join(text for _, _, text in line.pays)
            name = f"{technique} (predicted)" if predicted else f"{technique}: {text}" if text else technique
            ends.append((line.after(most), style.hollow(look) if predicted else look, name))
            rings += [(calls, line.after(calls)) for _, calls, _ in line.pays if calls and calls <= most]
        style.rings(sheet.axes[0][c], rings, 6.5)
        sheet.ends(0, c, ends)
    style.logarithmic(sheet.all, "x", [1.0, most], style.short_number, 5, margin=0.0)
    for ax in sheet.all:
        ax.set_xlim(1.0, most)
    spans = [line.after(calls) for line in spent for calls in (1.0, most)]
    style.logarithmic(sheet.all, "y", spans, style.short_seconds, 7, labelled=sheet.axes[0][:1])
    sheet.across(f"calls of {direction}")
    sheet.up("time spent, compiling included")
    case = summary.common_case(operation)
    rivals = " and ".join(dict.fromkeys(rival for line in spent for rival, _, _ in line.pays))
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
    title = f"{style.title_of(summary, operation)}: what compiling costs, and when it has paid for itself"
    return sheet.finished(summary, title, caption)


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
            pays = []
            for rival in RIVALS:
                against = timed.get(rival)
                ratio = summary.ratio(against.cell, figure.cell) if against else None
                if against and ratio and rival != technique:
                    calls = break_even_calls(compiled[technique], against.median_s, figure.median_s)
                    calls = calls if ratio.verdict == "FASTER" else None
                    pays.append((rival, calls, _text(calls, ratio.verdict)))
            yield Spent(figure, compiled[technique], tuple(pays))
        elif technique in RIVALS:
            yield Spent(figure, 0.0)


def _text(calls: int | None, verdict: str) -> str:
    """After how many calls; "never" or "unclear" without a number.

    >>> _text(1, "FASTER"), _text(None, "SAME"), _text(None, "UNCLEAR")
    ('1 call', 'never', 'unclear')
    """
    if calls is None:
        return "never" if verdict in ("SLOWER", "SAME") else "unclear"
    return words.number_of_calls(calls)
