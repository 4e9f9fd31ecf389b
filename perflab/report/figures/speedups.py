"""The grid: how many times faster than the baseline every technique is, operation by operation."""

from __future__ import annotations

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
DARK, BRIGHT = "#111111", "#fefefe"  # on a shade, in either mode: not among the palette's names
Row = dict[str, tuple[float, str]]  # by column: the speed-up, and what is written of it


def speedups(summary: Summary, dtype: str, threads: int) -> Picture | None:
    """Operation and direction down, technique across; None where nothing was measured beside the baseline.

    The rungs beyond the first four, which are others in every operation, share a column for the fastest.
    """
    found = _rows(summary, dtype, threads)
    shared = [t for t in _techniques(summary) if _has_a_column(summary, t) and t != BASELINE]
    columns = [t for t in (*shared, FURTHER) if any(t in row for row in found.values())]
    found = {label: row for label, row in found.items() if row}
    if not columns:
        return None
    texts = [text for row in found.values() for _, text in row.values()]
    wide = max(max(width_of(text, SIZE) for text in (*texts, *columns)) + 0.16, 0.8)
    sheet = Sheet(1, 1, (wide * len(columns), 0.42 * len(found)))
    ax = sheet.axes[0][0]
    top = np.log10(max(10.0, *(value for row in found.values() for value, _ in row.values())))
    shades = mpl.colormaps["cividis"]
    for y, row in enumerate(found.values()):
        for x, column in enumerate(columns):
            value, text = row.get(column, (None, "–"))
            shade = None if value is None else max(np.log10(value), 0.0) / top
            face = EMPTY if shade is None else mpl.colors.to_hex(shades(shade))
            ax.add_patch(mpl.patches.Rectangle((x, y), 1, 1, facecolor=face, edgecolor=PAPER, linewidth=1))
            ink = SOFT if shade is None else _readable(shades(shade))
            ax.text(x + 0.5, y + 0.5, text, ha="center", va="center", color=ink,
                    fontsize=SMALL if "\n" in text else SIZE)  # fmt: skip
    ax.set_xlim(0, len(columns))
    ax.set_ylim(len(found), 0)
    ax.xaxis.set_major_locator(FixedLocator(list(np.arange(len(columns)) + 0.5)))
    ax.xaxis.set_major_formatter(FixedFormatter(columns))
    ax.yaxis.set_major_locator(FixedLocator(list(np.arange(len(found)) + 0.5)))
    ax.yaxis.set_major_formatter(FixedFormatter(list(found)))
    ax.grid(False)
    ax.spines[:].set_visible(False)
    title = f"Speed-up over {BASELINE}, {dtype}, {words.of_threads(threads)}"
    caption = (
        f"Each row on the largest case where {BASELINE} was measured (named under the operation). "
        "Medians of paired ratios; darker is slower."
    )
    return sheet.finished(summary, title, caption)


def _rows(summary: Summary, dtype: str, threads: int) -> dict[str, Row]:
    """What was found, by operation and direction."""
    plan = summary.run.plan
    found: dict[str, Row] = {}
    for operation in plan.techniques:
        for direction in plan.directions:
            case = summary.widest(operation, dtype, threads, direction, with_further=True)
            row: Row = {}
            for technique in plan.techniques[operation]:
                known = summary.figures.get(Cell(operation, case or "", dtype, threads, direction, technique))
                if known is None or known.speedup is None or technique == BASELINE:
                    continue
                value, text = known.speedup.value, words.ratio(known.speedup)
                if _has_a_column(summary, technique):
                    row[technique] = value, text
                elif value > row.get(FURTHER, (0.0, ""))[0]:
                    row[FURTHER] = value, f"{text}\n{technique}"
            found[f"{operation} {direction}\n{case}"] = row
    return found


def _readable(shade: tuple[float, ...]) -> str:
    """Bright or dark letters, whichever stand out more: by relative luminance (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shade[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return BRIGHT if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.055 else DARK


def _techniques(summary: Summary) -> list[str]:
    """Every technique of the run, once."""
    return list(dict.fromkeys(t for names in summary.run.plan.techniques.values() for t in names))


def _has_a_column(summary: Summary, technique: str) -> bool:
    """Whether a technique has its own column: a first rung, a peer's, or one from outside."""
    plan = summary.run.plan
    return technique in FIRST_RUNGS or not all(
        plan.is_built_in(operation, technique)
        for operation, names in plan.techniques.items()
        if technique in names
    )
