"""A run as a small table: as text for a terminal, as HTML for a notebook, and as plain rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from perflab.records.environment import one_line
from perflab.report import opening, page, tables, words
from perflab.report.summary import Summary
from perflab.report.template import template
from perflab.statistics import known_to


@dataclass(frozen=True)
class Ladder:
    """One operation's techniques in one dtype and number of threads, a column a direction."""

    title: str
    directions: tuple[str, ...]
    rows: tuple[tuple[str, tuple[page.Chip, ...]], ...]


CELL = ("operation", "technique", "case", "dtype", "direction", "threads")
MAY_LACK = (
    "low_s", "high_s", "min_s", "gflops", "gbytes_s", "share_of_roof", "speedup_over_naive", "speedup_low",
    "speedup_high", "error_over_bound", "memory_bytes",
)  # fmt: skip
COLUMNS = (
    *CELL, "state", "median_s", "low_s", "high_s", "min_s", "samples", "turns", "gflops", "gbytes_s",
    "share_of_roof", "roof", "speedup_over_naive", "speedup_low", "speedup_high", "verdict",
    "error_over_bound", "memory_bytes", "pairs", "precise", "flops", "bytes", "basis",
)  # fmt: skip


def rows(summary: Summary) -> list[dict[str, Any]]:
    """One row a cell, in the plan's order: `COLUMNS`, named as in tables/cells.csv.

    None means that something was not measured. `state` is "measured" or "predicted", which `basis` explains.
    Speed-ups are over naive, pass by pass; `precise` says whether one is known to the plan's precision.
    `error_over_bound` is the largest error on the timed inputs as a share of its rounding bound.
    """
    errors = {accuracy.contender: accuracy.share for accuracy in summary.checks}
    table = []
    for cell, f in summary.figures.items():
        ratio, limit = f.speedup, None if f.predicted else summary.roof(f)
        values = (
            *(getattr(cell, name) for name in CELL),
            *("predicted" if f.predicted else "measured", f.median_s, f.low_s, f.high_s, f.best_s),
            *(f.samples, f.blocks, *((None, None) if f.predicted else (f.gflops, f.gbytes_s))),
            *((limit.seconds / f.median_s, limit.limb) if limit else (None, None)),
            *((ratio.value, ratio.low, ratio.high, ratio.verdict) if ratio else (None, None, None, None)),
            *(errors.get(cell.contender), summary.memory.get(cell), ratio.pairs if ratio else 0),
            *(ratio is not None and known_to(ratio, summary.run.plan.precision), f.flops, f.bytes, f.basis),
        )
        table.append(dict(zip(COLUMNS, values, strict=True)))
    return table


def ladders(summary: Summary) -> Iterator[Ladder]:
    """Each operation in the run's first dtype, on the first case that its page shows, over its baseline."""
    grid, directions = page.Grid(summary), summary.run.plan.directions
    baseline = grid.start.baseline
    over = f"over {baseline}" if baseline else "no speed-up: no baseline"
    for threads in summary.run.plan.threads:
        views = [replace(grid.start, direction=direction, threads=threads) for direction in directions]
        for rows in zip(*map(grid.rows, views), strict=True):
            where = f"case {rows[0].case}, {grid.start.dtype}, {words.of_threads(threads)}"
            chips_of_rows = zip(*(row.chips for row in rows), strict=True)
            ladder = tuple((chips[0].technique, chips) for chips in chips_of_rows)
            yield Ladder(f"{rows[0].title}: {where}; {over}", directions, ladder)


def text(summary: Summary) -> str:
    """The ladders in plain text, with the machine, warnings and the number of cells."""
    run = summary.run
    lines = [f"perflab: {run.plan.preset} run in {run.folder}", one_line(run.environment), *warnings(summary)]
    for ladder in ladders(summary):
        cells = [["", *ladder.directions], *([name, *map(_words, chips)] for name, chips in ladder.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines += ["", ladder.title]
        for row in cells:
            padded = (word.ljust(width) for word, width in zip(row, widths, strict=True))
            lines.append("  ".join(padded).rstrip())
        lines += filter(None, [marks(ladder)])
    return "\n".join([*lines, "", closing(summary)])


def html(summary: Summary) -> str:
    """The ladders as tables that need neither script nor style sheet."""
    run = summary.run
    return template("ladders.html.jinja").render(
        run=run, machine=one_line(run.environment), warnings=warnings(summary), ladders=ladders(summary),
        marks=marks, closing=closing(summary),
    )  # fmt: skip


def warnings(summary: Summary) -> list[str]:
    """The sentences that must be read before any figure."""
    is_cut_short = summary.outstanding and not opening.is_spent(summary)
    outstanding = f"{summary.outstanding} cells are still to be measured"
    lines = [*tables.machine_warnings(summary), *([outstanding] if is_cut_short else [])]
    return lines + tables.finding_lines(summary)


def marks(ladder: Ladder) -> str:
    """The meanings of the marks in a ladder; a ratio without a mark is FASTER."""
    verdicts = {chip.verdict for _, chips in ladder.rows for chip in chips} - {"FASTER"}
    meanings = page.MEANINGS.items()
    return "; ".join(f"{page.MARKS[name]} {meaning}" for name, meaning in meanings if name in verdicts)


def closing(summary: Summary) -> str:
    """How many cells there are in all: the ladders show only some of them."""
    left = f", {summary.outstanding} not reached in its time" if opening.is_spent(summary) else ""
    return f"{tables.cells_line(summary, mark=' (~)')}{left}: .table() and .to_dataframe() have all of them"


def _words(chip: page.Chip) -> str:
    mark = page.MARKS.get(chip.verdict, "") if chip.verdict != "FASTER" else ""
    value = "" if chip.value == "baseline" else chip.value
    return " ".join(filter(None, [chip.time or "–", value, chip.interval, mark]))
