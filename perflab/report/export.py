"""Every table of a report as CSV and as Markdown, in the run's folder `tables/`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from perflab.report import page, words
from perflab.report.contents import Named
from perflab.report.summary import Summary

FOLDER = "tables"
CELLS = "cells"


def write(folder: Path, summary: Summary, tables: Iterable[Named]) -> list[Path]:
    """Write every table and the table of all cells; the files. Tables of an earlier report are replaced."""
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    for old in (*place.glob("*.csv"), *place.glob("*.md")):
        old.unlink()
    written = []
    for one in (Named(CELLS, cells(summary)), *tables):
        for suffix, text in (("csv", as_csv(one.table)), ("md", as_markdown(one.table))):
            path = place / f"{one.name}.{suffix}"
            path.write_text(text, "utf-8", newline="")
            written.append(path)
    return written


def as_csv(table: words.Table) -> str:
    """A table as CSV (RFC 4180): the head, then the rows."""
    held = io.StringIO()
    csv.writer(held).writerows([table.head, *table.rows])
    return held.getvalue()


def as_markdown(table: words.Table) -> str:
    """A table as Markdown, its title above it."""
    return f"**{table.title}**\n\n{words.markdown(table)}\n"


def cells(summary: Summary) -> words.Table:
    """Every cell with its figures as plain numbers: seconds, bytes, shares; empty where there is none.

    A predicted cell has its predicted seconds and nothing else that was measured. The speed-up is over the
    baseline that a run is told by, naive.
    """
    errors = {(c.operation, c.technique, c.case, c.dtype, c.threads): c.share for c in summary.checks}
    rows = []
    for cell, f in summary.figures.items():
        roof = None if f.predicted else summary.roof(f)
        ratio = f.speedup
        values = (
            f.median_s, f.low_s, f.high_s, f.best_s, f.samples, f.blocks,
            None if f.predicted else f.gflops, None if f.predicted else f.gbytes_s,
            roof and roof.seconds / f.median_s, roof and roof.limb,
            ratio and ratio.value, ratio and ratio.low, ratio and ratio.high, ratio and ratio.verdict,
            errors.get((cell.operation, cell.technique, cell.case, cell.dtype, cell.threads)),
            summary.memory.get(cell),
        )  # fmt: skip
        where = (cell.operation, cell.technique, cell.case, cell.dtype, cell.direction, str(cell.threads))
        state = "predicted" if f.predicted else "measured"
        rows.append((page.anchor(cell), *where, state, *("" if v is None else str(v) for v in values)))
    head = (
        "cell", "operation", "technique", "case", "dtype", "direction", "threads", "state",
        "median_s", "low_s", "high_s", "min_s", "samples", "turns", "gflops", "gbytes_s",
        "share_of_roof", "roof", "speedup_over_naive", "speedup_low", "speedup_high", "verdict",
        "error_over_bound", "memory_bytes",
    )  # fmt: skip
    return words.Table("Every cell", head, tuple(rows))
