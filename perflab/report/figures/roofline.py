"""The roofline: each rung's arithmetic rate compared with the machine's limits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

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
    """Arithmetic a second against arithmetic a byte, by direction and dtype; None without a roof.

    A step is excluded: it is forward followed by backward, so its point is between the two.
    """
    plan = summary.run.plan
    directions = [name for name in plan.directions if name != "step"] or list(plan.directions)
    case = summary.common_case(operation)
    of_cell = {"operation": operation, "case": case, "threads": threads}
    panels = {
        (dtype, direction): summary.measured(**of_cell, dtype=dtype, direction=direction)
        for dtype, direction in product(plan.dtypes, directions)
    }
    dtypes = [
        dtype for dtype in plan.dtypes
        if peak(summary.ceilings, dtype, threads) and any(panels[dtype, name] for name in directions)
    ]  # fmt: skip
    if not dtypes:
        return None
    rungs = plan.contenders(operation, case)
    sheet = Sheet(len(dtypes), len(directions), (3.3, 2.1))
    met = set()
    for r, dtype in enumerate(dtypes):
        row = sheet.axes[r]
        top = (peak(summary.ceilings, dtype, threads) or 0.0) / 1e9
        heights = [1.25 * top, top / 20]
        for c, direction in enumerate(directions):
            shown = panels[dtype, direction]
            sheet.names[r, c] = f"{direction}, {dtype}{_nearest(summary, shown)}"
            heights += [figure.gflops for figure in shown]
            if not shown:
                row[c].set_visible(False)
                continue
            for figure in shown:
                aside = ASIDE ** (rungs.index(figure.cell.technique) - (len(rungs) - 1) / 2)
                mark = style.look(summary, operation, figure.cell.technique)
                row[c].plot(figure.flops / figure.bytes * aside, figure.gflops, linestyle="", **mark)
                met.add(figure.cell.technique)
            _roof(row[c], summary, dtype, threads, shown)
        style.logarithmic(row, "y", heights, style.short_number, 6, labelled=row[:1])
        sheet.up("GFLOP/s", r)
    sheet.across("operations a byte")
    title = f"{summary.title(operation)}: under the roof, {words.of_threads(threads)}"
    caption = (
        f"Case {case}. All rungs do the same arithmetic on the same bytes; they are drawn side by side. The"
        " roof is the best measured arithmetic rate, and the best measured bandwidth for arrays of this size"
        " (solid) and for arrays in the first cache (dotted)."
    )
    return sheet.finished(summary.run.environment, title, caption, style.keys_of(summary, operation, met))


def _roof(ax: Axes, summary: Summary, dtype: str, threads: int, shown: Sequence[CellResult]) -> None:
    """The ceilings over the range of the points, with room on either side."""
    top = peak(summary.ceilings, dtype, threads)
    here = bandwidth(summary.ceilings, threads, max(figure.bytes for figure in shown))
    nearest = bandwidth(summary.ceilings, threads, 0)
    if top is None or here is None or nearest is None:
        return
    intensity = shown[0].flops / shown[0].bytes
    ends = [min(intensity / 3, top / nearest / 2), max(intensity * 3, top / here * 3)]
    low, high = style.logarithmic([ax], "x", ends, style.short_number, 6)
    for traffic, line in ((nearest, ":"), (here, "-")):
        x = np.array([low, top / traffic, high])
        ax.plot(x, np.minimum(top, x * traffic) / 1e9, color=INK, linewidth=1.2, linestyle=line, zorder=1.5)
    ax.annotate(f"{top / 1e9:.0f} GFLOP/s, {here / 1e9:.0f} GB/s", (high, top / 1e9), xytext=(0, 3),
                textcoords="offset points", ha="right", fontsize=style.SMALL - 1)  # fmt: skip


def _nearest(summary: Summary, shown: Sequence[CellResult]) -> str:
    """The rung nearest to the roof and its share of it; empty if the share is under 1 %."""
    if not shown:
        return ""
    best = max(shown, key=lambda figure: figure.gflops)
    limit = summary.roof(best)
    share = 100 * limit.seconds / best.median_s if limit else 0.0
    return f": {best.cell.technique} at {share:.0f}% of the roof" if share >= 1 else ""
