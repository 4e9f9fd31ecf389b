"""The roofline: each rung's arithmetic rate compared with the machine's limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes

from perflab.records.roof import bandwidth, peak
from perflab.report import words
from perflab.report.figures import style
from perflab.report.figures.palette import INK
from perflab.report.figures.sheet import Sheet
from perflab.report.summary import CellResult, Summary

ASIDE = 1.06  # the factor between two rungs with the same arithmetic and the same bytes


def roofline(summary: Summary, operation: str, threads: int) -> style.Picture | None:
    """Arithmetic a second against arithmetic a byte; None without a roof.

    First dtype and last direction, as the other figures of an operation.
    """
    plan, case = summary.run.plan, summary.common_case(operation)
    dtype, direction = plan.dtypes[0], plan.directions[-1]
    of_cell = {"operation": operation, "case": case, "threads": threads}
    shown = summary.measured(**of_cell, dtype=dtype, direction=direction)
    best = peak(summary.ceilings, dtype, threads)
    if not shown or not best:
        return None
    sheet = Sheet(1, 1, (2.25, max(2.8, 0.16 * len(shown))))
    ax = sheet.axes[0][0]
    sheet.ends[0, 0] = list(_rungs(ax, summary, shown))
    sheet.names[0, 0] = _roof(ax, summary, dtype, threads, shown)
    heights = [1.25 * best / 1e9, best / 20e9, *(figure.gflops for figure in shown)]
    style.logarithmic([ax], "y", heights, style.short_number, 8)
    sheet.up("GFLOP/s")
    sheet.across("operations a byte")
    where = f"{direction}, {dtype}, {words.of_threads(threads)}"
    title = f"{summary.title(operation)}: under the roof, {where}"
    caption = (
        f"Case {case}{_nearest(summary, shown)}. All rungs do the same arithmetic on the same bytes; they are"
        " drawn side by side. The roof is the best measured arithmetic rate, and the best measured bandwidth"
        " for arrays of this size (solid) and for arrays in the first cache (dotted)."
    )
    return sheet.finished(summary.run.environment, title, caption)


def _rungs(
    ax: Axes, summary: Summary, shown: Sequence[CellResult]
) -> Iterator[tuple[float, style.Look, str]]:
    """Draw a panel's points; the name of each for its height at the right."""
    for place, figure in enumerate(shown):
        aside = ASIDE ** (place - (len(shown) - 1) / 2)
        look = style.look(summary, figure.cell.operation, figure.cell.technique)
        ax.plot(figure.flops / figure.bytes * aside, figure.gflops, linestyle="", **look)
        yield figure.gflops, look, figure.cell.technique


def _roof(ax: Axes, summary: Summary, dtype: str, threads: int, shown: Sequence[CellResult]) -> str:
    """The ceilings over the range of the points, with room on either side; their figures in words."""
    top = peak(summary.ceilings, dtype, threads)
    here = bandwidth(summary.ceilings, threads, max(figure.bytes for figure in shown))
    nearest = bandwidth(summary.ceilings, threads, 0)
    if top is None or here is None or nearest is None:
        return ""
    intensity = shown[0].flops / shown[0].bytes
    ends = [min(intensity / 3, top / nearest / 2), max(intensity * 3, top / here * 3)]
    low, high = style.logarithmic([ax], "x", ends, style.short_number, 6)
    for traffic, line in ((nearest, ":"), (here, "-")):
        x = np.array([low, top / traffic, high])
        ax.plot(x, np.minimum(top, x * traffic) / 1e9, color=INK, linewidth=1.2, linestyle=line, zorder=1.5)
    return f"roof: {top / 1e9:.0f} GFLOP/s, {here / 1e9:.0f} GB/s"


def _nearest(summary: Summary, shown: Sequence[CellResult]) -> str:
    """The rung nearest to the roof, and its share of it; empty if that is under 1 %."""
    best = max(shown, key=lambda figure: figure.gflops)
    limit = summary.roof(best)
    share = 100 * limit.seconds / best.median_s if limit else 0.0
    return f": {best.cell.technique} is at {share:.0f}% of the roof" if share >= 1 else ""
