"""What compiling costs and when it has paid for itself: all the time spent, call after call."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from perflab import units
from perflab.report import words
from perflab.report.figures.palette import INK
from perflab.report.figures.sheet import Sheet
from perflab.report.figures.style import (
    Look,
    Picture,
    hollow,
    logarithmic,
    look,
    on_common_case,
    short_number,
    short_seconds,
    title_of,
)
from perflab.report.summary import RIVALS, CellResult, Summary
from perflab.statistics import break_even_calls

FEWEST = 1e4  # calls that are always shown
MOST = 1e7


@dataclass(frozen=True)
class Spent:
    """One technique's time: what it costs before its first call, and every call after.

    `pays` has, by rival, the calls after which it has paid for itself, or None, and that in words.
    """

    figure: CellResult
    compile_s: float
    pays: tuple[tuple[str, int | None, str], ...]

    def after(self, calls: Any) -> Any:
        """Seconds spent after so many calls, or after each of many numbers of them."""
        return self.compile_s + calls * self.figure.median_s


def payback(summary: Summary, operation: str) -> Picture | None:
    """Time spent against calls made, compiling included; None without a compiled rung and a rival.

    On the case that most rungs met on, on the fewest threads, in the plan's last direction.
    """
    plan = summary.run.plan
    threads, direction = min(plan.threads), plan.directions[-1]
    found = {dtype: list(_spent(summary, operation, dtype, threads, direction)) for dtype in plan.dtypes}
    found = {
        dtype: held
        for dtype, held in found.items()
        if any(one.compile_s for one in held) and any(not one.compile_s for one in held)
    }
    if not found:
        return None
    everyone = [one for held in found.values() for one in held]
    latest = max((calls for one in everyone for _, calls, _ in one.pays if calls), default=1)
    most = min(max(10.0 ** math.ceil(math.log10(3 * latest)), FEWEST), MOST)
    rows = max(len(held) for held in found.values())
    sheet = Sheet(1, len(found), (2.9 if len(found) > 1 else 4.2, max(2.6, 0.15 * rows)))
    x = np.geomspace(1, most, 49)
    for c, (dtype, held) in enumerate(found.items()):
        ax = sheet.axes[0][c]
        sheet.name(0, c, dtype)
        ends: list[tuple[float, Look, str]] = []
        rings = []
        for one in held:
            technique, predicted = one.figure.cell.technique, one.figure.predicted
            shown = look(summary, operation, technique)
            ax.plot(x, one.after(x), color=shown["color"], linestyle="--" if predicted else "-",
                    linewidth=1.3 if one.compile_s else 1.8)  # fmt: skip
            told = " / ".join(said for _, _, said in one.pays)
            name = f"{technique} (predicted)" if predicted else f"{technique}: {told}" if told else technique
            ends.append((one.after(most), hollow(shown) if predicted else shown, name))
            rings += [(calls, one.after(calls)) for _, calls, _ in one.pays if calls and calls <= most]
        if rings:
            ax.plot(*zip(*rings, strict=True), linestyle="", marker="o", markersize=6.5, zorder=4,
                    markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.1)  # fmt: skip
        sheet.ends(0, c, ends)
    logarithmic(sheet.all, "x", [1.0, most], short_number, 5, margin=0.0)
    for ax in sheet.all:
        ax.set_xlim(1.0, most)
    spans = [one.after(calls) for one in everyone for calls in (1.0, most)]
    logarithmic(sheet.all, "y", spans, short_seconds, 7, labelled=sheet.axes[0][:1])
    sheet.across(f"calls of {direction}")
    sheet.up("time spent, compiling included")
    case = summary.common_case(operation)
    rivals = " and ".join(dict.fromkeys(rival for one in everyone for rival, _, _ in one.pays))
    caption = (
        f"Case {case}, {words.of_threads(threads)}. A compiled rung begins with its compilation from nothing."
    )
    if rivals:
        caption += (
            f" Rings, and the words at the lines' ends: the calls after which it has paid for itself against"
            f" {rivals}; never where it is not faster."
        )
    if any(one.figure.predicted for one in everyone):
        caption += " A dashed line is a prediction, not a measurement."
    title = f"{title_of(summary, operation)}: what compiling costs, and when it has paid for itself"
    return sheet.finished(summary, title, caption)


def _spent(summary: Summary, operation: str, dtype: str, threads: int, direction: str) -> Iterator[Spent]:
    """The rivals and the compiled techniques on the common case, in ladder order."""
    compiled = {
        c.technique: c.compile_s
        for c in summary.compilations
        if (c.operation, c.dtype) == (operation, dtype) and c.compile_s is not None
    }
    timed = on_common_case(summary, operation, dtype, threads, direction)
    for technique, figure in timed.items():
        if technique in compiled and not figure.predicted:
            compile_s = compiled[technique]
            pays = []
            for rival in RIVALS:
                against = timed.get(rival)
                ratio = summary.ratio(against.cell, figure.cell) if against else None
                if against is None or ratio is None or rival == technique:
                    continue
                calls = break_even_calls(compile_s, against.median_s, figure.median_s)
                paid = calls if ratio.verdict == "FASTER" else None
                pays.append((rival, paid, _said(paid, ratio.verdict)))
            yield Spent(figure, compile_s, tuple(pays))
        elif technique in RIVALS:
            yield Spent(figure, 0.0, ())


def _said(calls: int | None, verdict: str) -> str:
    """After how many calls, or what was shown instead.

    >>> _said(1, "FASTER"), _said(34337, "FASTER"), _said(None, "SAME"), _said(None, "UNCLEAR")
    ('1 call', '34000 calls', 'never', 'unclear')
    """
    if calls is None:
        return "never" if verdict in ("SLOWER", "SAME") else "unclear"
    return f"{units.rounded(calls, 2) if calls >= 100 else calls} call{'s' if calls != 1 else ''}"
