"""The rungs of one operation in one table: time, gain, roof, accuracy, memory and instructions."""

from __future__ import annotations

from dataclasses import replace

from perflab.contract import Cell
from perflab.records.evidence import Evidence
from perflab.report import ladder, tables, words
from perflab.report.summary import BASELINE, RIVALS, CellResult, Compilation, Summary
from perflab.report.why import why
from perflab.units import in_bytes, seconds

Columns = dict[str, str]


def rungs_table(summary: Summary, operation: str, threads: int) -> words.Table | None:
    """One rung a row, first dtype, last direction; None without any figure.

    On the common case, or else on the small one. A column in which no rung has a value is left out.
    """
    plan, case = summary.run.plan, summary.common_case(operation)
    dtype, direction = plan.dtypes[0], plan.directions[-1]
    stands = ladder.since(summary, operation)
    rows: dict[str, Columns] = {}
    for technique in plan.techniques[operation]:
        cell = Cell(operation, case, dtype, threads, direction, technique)
        figure = _told(summary, cell)
        if figure is not None:
            rows[technique] = _measured(summary, figure, stands.get(technique, ""))
            rows[technique] |= _code(summary, figure)
    if not rows:
        return None
    names = [name for name in next(iter(rows.values())) if any(row[name] != "–" for row in rows.values())]
    for name in ("case", "limit"):
        if name in names and len({row[name] for row in rows.values()} - {"–"}) == 1:
            names.remove(name)
    evidence = {record.case for record in summary.evidence.values() if record.operation == operation}
    title = (
        f"The rungs on {summary.label(operation, case)}: {direction}, {dtype}, {words.of_threads(threads)}"
    )
    if evidence - {case}:
        others = (summary.label(operation, name) for name in sorted(evidence))
        title += f" (memory and instructions on {' or '.join(others)})"
    cells = tuple((technique, *(row[name] for name in names)) for technique, row in rows.items())
    limits = {row["limit"] for row in rows.values()} - {"–"}
    roof = f"of the {limits.pop()} roof" if len(limits) == 1 else "of the roof"
    head = (roof if name == "of the roof" else name for name in names)
    return words.Table(title, ("rung", *head), cells)


def _told(summary: Summary, cell: Cell) -> CellResult | None:
    """The figure on the common case if it was measured there, or else on the small one; or a prediction."""
    small = replace(cell, case=ladder.small_case(summary, cell.operation))
    figures = [figure for c in (cell, small) if (figure := summary.figures.get(c)) is not None]
    return min(figures, key=lambda figure: figure.predicted, default=None)


def _measured(summary: Summary, figure: CellResult, below: str) -> Columns:
    """What was measured and checked on the case itself."""
    gain = ladder.gain(summary, figure, below)
    limit = None if figure.predicted else tables.roof_words(summary, figure)
    errors = [c.share for c in summary.checks if c.contender == figure.cell.contender]
    return {
        "case": summary.label(figure.cell.operation, figure.cell.case), "time": words.time(figure),
        "gain": f"{words.interval(gain.ratio)} over {below}" if gain.ratio else "–",
        f"over {BASELINE}": words.ratio(gain.over_naive if below != BASELINE else None),
        "of the roof": limit[0] if limit else "–", "limit": limit[1] if limit else "–",
        "error / bound": f"{max(errors):.3f}" if errors else "–",
    }  # fmt: skip


def _code(summary: Summary, figure: CellResult) -> Columns:
    """Memory and instructions; compilation, and when it has paid for itself.

    Memory is that of the very cell where it was measured, or else that of the evidence.
    """
    operation, technique, dtype = figure.cell.operation, figure.cell.technique, figure.cell.dtype
    who = (operation, technique, dtype)
    compilations = (c for c in summary.compilations if (c.operation, c.technique, c.dtype) == who)
    compiled = next(compilations, None)
    record = summary.evidence_on(operation, technique, dtype)
    ways = record.ways.values() if record else ()
    peaks = [way.peak for way in ways if way.peak is not None]
    temporaries = [way.temporaries for way in ways if way.temporaries is not None]
    peak = summary.memory.get(figure.cell, max(peaks, default=None))
    packed, widest, fused = _instructions(record)
    return {
        "peak memory": in_bytes(peak), "temporaries": in_bytes(max(temporaries, default=None)),
        "packed": packed, "bits": widest, "FMA": fused,
        "compiled in": seconds(compiled.compile_s, 2) if compiled and compiled.compile_s else "–",
        "paid after": _paid(compiled),
    }  # fmt: skip


def _instructions(record: Evidence | None) -> tuple[str, ...]:
    """The packed share, the width and the fused share, forward / backward where they differ."""
    if record is None:
        return "–", "–", "–"
    ways = [why.instructions(way) for way in record.ways.values()]
    columns = [" / ".join(dict.fromkeys(column)) for column in zip(*ways, strict=True)]
    return tuple(column.replace(" bits", "") for column in columns)


def _paid(compiled: Compilation | None) -> str:
    """The calls after which a compilation has paid for itself against NumPy; "never" if it is not faster."""
    against = {paid.against: paid for paid in compiled.paybacks} if compiled else {}
    paid = against.get(RIVALS[-1]) or against.get(BASELINE)
    return tables.calls(paid).partition(" on ")[0]
