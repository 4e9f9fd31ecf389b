"""Why a rung is as fast as it is: what each is made of, and a sentence for every step of the ladder."""

from __future__ import annotations

from dataclasses import replace

from perflab import units
from perflab.contract import Cell
from perflab.records.evidence import Way
from perflab.report import words
from perflab.report.summary import CellResult, Summary
from perflab.report.why import reasons


def evidence_table(summary: Summary, operation: str, dtype: str) -> words.Table | None:
    """What each rung is made of, direction by direction; None where nothing was gathered."""
    rows = []
    for technique in summary.run.plan.techniques[operation]:
        evidence = summary.evidence_on(operation, technique, dtype)
        if evidence is None:
            continue
        compilation = next(
            (c for c in summary.compilations
             if (c.operation, c.technique, c.dtype) == (operation, technique, dtype)),
            None,
        )  # fmt: skip
        compiled = (
            "–" if compilation is None else
            f"{_seconds(compilation.compile_s)} / {_seconds(compilation.load_s)}"
        )  # fmt: skip
        lines = str(evidence.lines) + (f" + {sum(evidence.imported.values())}" if evidence.imported else "")
        for direction, way in evidence.ways.items():
            rows.append((
                technique, direction, *_instructions(way), units.in_bytes(way.temporaries),
                units.in_bytes(way.peak), compiled, lines,
            ))  # fmt: skip
    if not rows:
        return None
    cases = sorted({record.case for record in summary.evidence.values() if record.operation == operation})
    head = (
        "technique", "direction", "packed", "widest", "fused", "temporaries", "peak memory",
        "compile / load", "lines",
    )  # fmt: skip
    title = f"What the rungs are made of, {dtype}, on {' or '.join(cases)}"
    return words.Table(title, head, tuple(rows))


def _instructions(way: Way) -> tuple[str, str, str]:
    """Of the arithmetic in the hot loop: the share that is packed, the width, the share that is fused."""
    if way.code is None:
        return way.kind, "–", "–"
    loops = way.code.hot if way.code.hot.arithmetic else way.code.whole
    if not loops.arithmetic:
        return "none", "–", "–"
    packed, fused = (f"{count / loops.arithmetic:.0%}" for count in (loops.packed, loops.fused))
    return packed, f"{loops.widest} bits" if loops.widest else "–", fused


def reasons_of(summary: Summary, operation: str, dtype: str, direction: str) -> list[str]:
    """Why each rung is faster, or not, than the one below, on the largest case that both were measured on."""
    return list(reason_of_each(summary, operation, dtype, direction).values())


def reason_of_each(summary: Summary, operation: str, dtype: str, direction: str) -> dict[str, str]:
    """As `reasons_of`, by rung."""
    plan = summary.run.plan
    told: dict[str, str] = {}
    below: str | None = None
    for technique in plan.techniques[operation]:
        if summary.evidence_on(operation, technique, dtype) is None:
            continue
        if below is not None:
            said = reason(summary, operation, dtype, direction, below, technique)
            if said:
                told[technique] = said
        below = technique
    return told


def reason(summary: Summary, operation: str, dtype: str, direction: str, lower: str, upper: str) -> str:
    """Why one rung is faster than another, or not; "" where they did not meet or there is no evidence."""
    pairs = _pairs(summary, operation, dtype, direction, lower, upper)
    if not pairs or not all(summary.evidence_on(operation, rung, dtype) for rung in (lower, upper)):
        return ""
    slow, fast = pairs[-1]
    found = summary.ratio(slow.cell, fast.cell)
    said = reasons.because(
        _side(summary, slow, direction), _side(summary, fast, direction),
        flops=fast.flops, bytes=fast.bytes, speedup=found.value if found else None,
        same=found is not None and found.verdict == "SAME",
    )  # fmt: skip
    return f"On {fast.cell.case}, {said}"


def _pairs(
    summary: Summary, operation: str, dtype: str, direction: str, lower: str, upper: str
) -> list[tuple[CellResult, CellResult]]:
    """The two techniques on every case that both were measured on, by growing work."""
    threads = min(summary.run.plan.threads)
    found = []
    for case in sorted(summary.run.plan.cases[operation], key=lambda case: summary.work(operation, case)):
        cell = Cell(operation, case, dtype, threads, direction, lower)
        pair = summary.figures.get(cell), summary.figures.get(replace(cell, technique=upper))
        if pair[0] and pair[1] and not pair[0].predicted and not pair[1].predicted:
            found.append((pair[0], pair[1]))
    return found


def _side(summary: Summary, figure: CellResult, direction: str) -> reasons.Side:
    c = figure.cell
    evidence = summary.evidence_on(c.operation, c.technique, c.dtype)
    way = evidence.ways.get(direction) if evidence else None
    return reasons.Side(c.technique, figure.median_s, way, c.threads)


def _seconds(value: float | None) -> str:
    return "–" if value is None else units.seconds(value, 2)
