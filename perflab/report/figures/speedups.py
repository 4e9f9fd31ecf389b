"""The grid: every technique's speed-up over the baseline, operation by operation."""

from __future__ import annotations

from itertools import product

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator

from perflab.contract import FIRST_RUNGS, Cell
from perflab.report import words
from perflab.report.figures.palette import EMPTY, PAPER, SOFT
from perflab.report.figures.sheet import Sheet, width_of
from perflab.report.figures.style import SIZE, SMALL, Picture
from perflab.report.summary import BASELINE, Summary

FURTHER = "fastest\nfurther rung"
DARK, BRIGHT = "#111111", "#fefefe"  # text on a shade, the same in both modes: not in the palette
Row = dict[str, tuple[float, str]]  # by column: the speed-up, and its text


def speedups(summary: Summary, dtype: str, threads: int) -> Picture | None:
    """Operation and direction in rows, technique in columns; None if only the baseline was measured.

    The rungs after the first four differ between operations: one column has the fastest of them.
    """
    rows = {label: row for label, row in _rows(summary, dtype, threads).items() if row}
    techniques = dict.fromkeys(t for names in summary.run.plan.techniques.values() for t in names)
    shared = [t for t in techniques if _has_column(summary, t) and t != BASELINE]
    columns = [t for t in (*shared, FURTHER) if any(t in row for row in rows.values())]
    if not columns:
        return None
    texts = [text for row in rows.values() for _, text in row.values()]
    width = max(max(width_of(text, SIZE) for text in (*texts, *columns)) + 0.16, 0.8)
    sheet = Sheet(1, 1, (width * len(columns), 0.42 * len(rows)))
    ax = sheet.axes[0][0]
    top = np.log10(max(10.0, *(value for row in rows.values() for value, _ in row.values())))
    shades = mpl.colormaps["cividis"]
    for y, row in enumerate(rows.values()):
        for x, column in enumerate(columns):
            value, text = row.get(column, (None, "–"))
            shade = None if value is None else max(np.log10(value), 0.0) / top
            face = EMPTY if shade is None else mpl.colors.to_hex(shades(shade))
            ax.add_patch(mpl.patches.Rectangle((x, y), 1, 1, facecolor=face, edgecolor=PAPER, linewidth=1))
            ink = SOFT if shade is None else _readable(shades(shade))
            ax.text(x + 0.5, y + 0.5, text, ha="center", va="center", color=ink,
                    fontsize=SMALL if "\n" in text else SIZE)  # fmt: skip
    ax.set_xlim(0, len(columns))
    ax.set_ylim(len(rows), 0)
    for axis, labels in ((ax.xaxis, columns), (ax.yaxis, list(rows))):
        axis.set_major_locator(FixedLocator(list(np.arange(len(labels)) + 0.5)))
        axis.set_major_formatter(FixedFormatter(labels))
    ax.grid(False)
    ax.spines[:].set_visible(False)
    title = f"Speed-up over {BASELINE}, {dtype}, {words.of_threads(threads)}"
    caption = (
        f"Each row on the largest case where {BASELINE} was measured (named under the operation). "
        "Medians of paired ratios; darker is slower."
    )
    return sheet.finished(summary.run.environment, title, caption)


def _rows(summary: Summary, dtype: str, threads: int) -> dict[str, Row]:
    plan = summary.run.plan
    rows: dict[str, Row] = {}
    for operation, direction in product(plan.techniques, plan.directions):
        case = summary.widest(operation, dtype, threads, direction, with_further=True)
        row = rows[f"{operation} {direction}\n{case}"] = {}
        for technique in plan.techniques[operation]:
            figure = summary.figures.get(Cell(operation, case or "", dtype, threads, direction, technique))
            if figure is None or figure.speedup is None or technique == BASELINE:
                continue
            value, text = figure.speedup.value, words.ratio(figure.speedup)
            if _has_column(summary, technique):
                row[technique] = value, text
            elif value > row.get(FURTHER, (0.0, ""))[0]:
                row[FURTHER] = value, f"{text}\n{technique}"
    return rows


def _readable(shade: tuple[float, ...]) -> str:
    """Bright or dark text, the one with more contrast: by relative luminance (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shade[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return BRIGHT if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.055 else DARK


def _has_column(summary: Summary, technique: str) -> bool:
    """Whether a technique has its own column: one of the first rungs, a peer, or outside code."""
    plan = summary.run.plan
    return technique in FIRST_RUNGS or not all(
        plan.is_built_in(operation, technique)
        for operation, names in plan.techniques.items()
        if technique in names
    )
