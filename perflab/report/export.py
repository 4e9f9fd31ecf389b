"""A run for other tools: every table as CSV and Markdown, and the files that trackers of benchmarks read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from perflab.report import page, table, words
from perflab.report.summary import CellResult, Summary

if TYPE_CHECKING:
    from perflab.report.contents import Named

NANO = 1e9  # nanoseconds a second


def write(folder: Path, tables: Iterable[Named]) -> None:
    """Write every table. Tables of an earlier report are removed."""
    place = folder / "tables"
    place.mkdir(exist_ok=True)
    for old in (*place.glob("*.csv"), *place.glob("*.md")):
        old.unlink()
    for named in tables:
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


def bmf(summary: Summary) -> str:
    """Bencher's Metric Format: by cell its latency in nanoseconds, with the interval's ends."""
    metrics = {}
    for name, figure in _measured(summary):
        ends = {"lower_value": figure.low_s, "upper_value": figure.high_s}
        known = {key: value * NANO for key, value in ends.items() if value is not None}
        metrics[name] = {"latency": {"value": figure.median_s * NANO, **known}}
    return _json(metrics)


def github(summary: Summary) -> str:
    """What github-action-benchmark reads as "customSmallerIsBetter": nanoseconds, the interval as range."""
    entries = []
    for name, figure in _measured(summary):
        entry = {"name": name, "unit": "ns", "value": figure.median_s * NANO}
        if figure.low_s is not None and figure.high_s is not None:
            entry["range"] = f"[{figure.low_s * NANO:.6g}, {figure.high_s * NANO:.6g}]"
        entry["extra"] = f"median of {figure.blocks} turns, 95 % interval; {figure.samples} samples"
        entries.append(entry)
    return _json(entries)


def as_csv(summary: Summary) -> str:
    """Every cell with all its figures as plain numbers; predicted ones say so."""
    return words.as_csv(cells(summary))


EXPORTS: dict[str, Callable[[Summary], str]] = {"bmf": bmf, "github": github, "csv": as_csv}


def _measured(summary: Summary) -> Iterator[tuple[str, CellResult]]:
    """The measured cells by name. Another commit's are left out: a history follows one name."""
    for cell, figure in summary.figures.items():
        if not figure.predicted and "@" not in cell.technique:
            yield words.name(cell), figure


def _json(value: object) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False, indent=1) + "\n"
