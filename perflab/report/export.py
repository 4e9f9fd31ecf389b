"""Every table of a report as CSV and as Markdown, in the run's folder `tables/`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from perflab.report import page, table, words
from perflab.report.contents import Named
from perflab.report.summary import Summary


def write(folder: Path, summary: Summary, tables: Iterable[Named]) -> None:
    """Write every table and the table of all cells. Tables of an earlier report are removed."""
    place = folder / "tables"
    place.mkdir(exist_ok=True)
    for old in (*place.glob("*.csv"), *place.glob("*.md")):
        old.unlink()
    for named in (Named("cells", cells(summary)), *tables):
        markdown = f"**{words.markdown_text(named.table.title)}**\n\n{words.markdown(named.table)}\n"
        for suffix, text in (("csv", words.as_csv(named.table)), ("md", markdown)):
            (place / f"{words.file_name(named.name)}.{suffix}").write_text(text, "utf-8", newline="")


def cells(summary: Summary) -> words.Table:
    """Every cell with its figures as plain numbers: seconds, bytes, shares; empty if there is none.

    A predicted cell has its predicted seconds only. The speed-up is over naive.
    """
    columns = table.COLUMNS[: table.COLUMNS.index("pairs")]
    rows = tuple(
        (page.anchor(cell), *("" if row[name] is None else str(row[name]) for name in columns))
        for cell, row in zip(summary.figures, table.rows(summary), strict=True)
    )
    return words.Table("Every cell", ("cell", *columns), rows)
