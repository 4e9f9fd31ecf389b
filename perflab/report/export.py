"""Every table of a report as CSV and as Markdown, in the run's folder `tables/`."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterable
from pathlib import Path

from perflab.report import page, table, words
from perflab.report.contents import Named
from perflab.report.summary import Summary
from perflab.report.table import COLUMNS

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
            path = place / f"{words.file_name(one.name)}.{suffix}"
            path.write_text(text, "utf-8", newline="")
            written.append(path)
    return written


def as_csv(table: words.Table) -> str:
    """A table as CSV (RFC 4180): the head, then the rows; no cell is a formula to a spreadsheet."""
    text = io.StringIO()
    csv.writer(text).writerows([map(_no_formula, row) for row in (table.head, *table.rows)])
    return text.getvalue()


def _no_formula(cell: str) -> str:
    """A cell as it is, with an apostrophe before what a spreadsheet would work out.

    >>> _no_formula("=1+1"), _no_formula("-0.5")
    ("'=1+1", '-0.5')
    """
    with contextlib.suppress(ValueError):
        float(cell)
        return cell
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def as_markdown(table: words.Table) -> str:
    """A table as Markdown, its title above it."""
    return f"**{words.markdown_text(table.title)}**\n\n{words.markdown(table)}\n"


def cells(summary: Summary) -> words.Table:
    """Every cell with its figures as plain numbers: seconds, bytes, shares; empty where there is none.

    A predicted cell has its predicted seconds and nothing else that was measured. The speed-up is over the
    baseline that a run is told by, naive.
    """
    shared = COLUMNS[: COLUMNS.index("pairs")]
    rows = [
        (page.anchor(cell), *("" if row[name] is None else str(row[name]) for name in shared))
        for cell, row in zip(summary.figures, table.rows(summary), strict=True)
    ]
    return words.Table("Every cell", ("cell", *shared), tuple(rows))
