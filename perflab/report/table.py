"""A run as a small table: as text for a terminal, as HTML for a notebook, as plain rows for anything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from perflab.records.environment import one_line
from perflab.report import page, tables, words
from perflab.report.summary import Summary
from perflab.statistics import known_to


@dataclass(frozen=True)
class Ladder:
    """One operation's techniques in one dtype and number of threads, a column a direction."""

    title: str
    directions: tuple[str, ...]
    rows: tuple[tuple[str, tuple[page.Chip, ...]], ...]


LEFT = Markup('<td style="text-align: left">{}</td>')  # notebooks set cells to the right
LEFT_HEAD = Markup('<th scope="{}" style="text-align: left">{}</th>')
ROW = Markup("<tr>{}{}</tr>")
TABLE = Markup(
    '<table><caption style="text-align: left">{}</caption><thead><tr><td></td>{}</tr></thead>'
    "<tbody>{}</tbody></table><p>{}</p>"
)
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

    None stands where something was not measured. `state` is "measured" or "predicted", which `basis`
    explains. Speed-ups are over naive, pass by pass; `precise` says whether one is known as well as the plan
    wanted. `error_over_bound` is the worst error on the timed inputs as a share of its rounding bound.
    """
    errors = {accuracy.contender: accuracy.share for accuracy in summary.checks}
    found = []
    for cell, f in summary.figures.items():
        held, limit = f.speedup, None if f.predicted else summary.roof(f)
        values = (
            *(getattr(cell, name) for name in CELL),
            *("predicted" if f.predicted else "measured", f.median_s, f.low_s, f.high_s, f.best_s),
            *(f.samples, f.blocks, *((None, None) if f.predicted else (f.gflops, f.gbytes_s))),
            *((limit.seconds / f.median_s, limit.limb) if limit else (None, None)),
            *((held.value, held.low, held.high, held.verdict) if held else (None, None, None, None)),
            *(errors.get(cell.contender), summary.memory.get(cell), held.pairs if held else 0),
            *(held is not None and known_to(held, summary.run.plan.precision), f.flops, f.bytes, f.basis),
        )
        found.append(dict(zip(COLUMNS, values, strict=True)))
    return found


def ladders(summary: Summary) -> Iterator[Ladder]:
    """Each operation in the run's first dtype, on the case that its page opens with, over its baseline."""
    grid = page.Grid(summary)
    directions = summary.run.plan.directions
    for threads in summary.run.plan.threads:
        views = [replace(grid.start, direction=direction, threads=threads) for direction in directions]
        for found in zip(*map(grid.rows, views), strict=True):
            first = found[0]
            over = (
                f"over {grid.start.baseline}" if grid.start.baseline else "no speed-up: nothing to hold it to"
            )
            title = (
                f"{first.title}: case {first.case}, {grid.start.dtype}, {words.of_threads(threads)}; {over}"
            )
            of_technique = zip(*(row.chips for row in found), strict=True)
            yield Ladder(title, directions, tuple((chips[0].technique, chips) for chips in of_technique))


def text(summary: Summary) -> str:
    """The ladders in plain text, with what must be known of the run before and after them."""
    lines = [
        f"perflab: {summary.run.plan.preset} run in {summary.run.folder}",
        one_line(summary.run.environment),
    ]
    lines += warnings(summary)
    for ladder in ladders(summary):
        cells = [["", *ladder.directions]]
        cells += [[name, *map(_words, chips)] for name, chips in ladder.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines += ["", ladder.title]
        lines += [
            "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        lines += filter(None, [marks(ladder)])
    return "\n".join([*lines, "", closing(summary)])


def html(summary: Summary) -> str:
    """The ladders as tables that need neither script nor style sheet."""
    head = Markup("<p><strong>perflab: {} run</strong> in {}<br>{}</p>").format(
        summary.run.plan.preset, summary.run.folder, one_line(summary.run.environment)
    )
    parts = [head, *(Markup("<p><strong>{}</strong></p>").format(line) for line in warnings(summary))]
    for ladder in ladders(summary):
        columns = _joined(LEFT_HEAD.format("col", name) for name in ladder.directions)
        body = _joined(
            ROW.format(LEFT_HEAD.format("row", name), _joined(LEFT.format(_markup(chip)) for chip in chips))
            for name, chips in ladder.rows
        )
        parts.append(TABLE.format(ladder.title, columns, body, marks(ladder)))
    return str(_joined([*parts, Markup("<p>{}</p>").format(closing(summary))]))


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup().join(parts)


def warnings(summary: Summary) -> list[str]:
    """What a reader must know before any figure."""
    lines = [line for state, line in tables.fitness(summary) if state in ("noisy", "unfit")]
    if summary.outstanding:
        lines.append(f"{summary.outstanding} cells are still to be measured")
    lines += [
        f"no figure: {f.operation}/{f.technique} on {f.case} {f.dtype}: {f.reason}" for f in summary.findings
    ]
    return lines


def marks(ladder: Ladder) -> str:
    """What the marks in a ladder stand for; a ratio without one is FASTER."""
    seen = {chip.verdict for _, chips in ladder.rows for chip in chips}
    return "; ".join(
        f"{page.MARKS[name]} {meaning}"
        for name, meaning in page.MEANINGS.items()
        if name in seen and name != "FASTER"
    )


def closing(summary: Summary) -> str:
    """How many cells there are in all, since the ladders show some."""
    measured = sum(not figure.predicted for figure in summary.figures.values())
    predicted = len(summary.figures) - measured
    said = f"{measured} cells measured" + (f", {predicted} predicted and not run (~)" if predicted else "")
    return f"{said}: .table() and .to_dataframe() have every one"


def _words(chip: page.Chip) -> str:
    mark = page.MARKS.get(chip.verdict, "") if chip.verdict != "FASTER" else ""
    value = "" if chip.value == "baseline" else chip.value
    return " ".join(filter(None, [chip.time or "–", value, chip.interval, mark]))


def _markup(chip: page.Chip) -> Markup:
    told = chip.verdict if chip.verdict != "FASTER" else ""
    value = "" if chip.value == "baseline" else chip.value
    said = Markup("{} <strong>{}</strong> {} {}") if chip.best else Markup("{} {} {} {}")
    return said.format(chip.time or "–", value, chip.interval, told)
