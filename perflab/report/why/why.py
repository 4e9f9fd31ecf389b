"""Why a rung is as fast as it is: figures of its code, and a sentence for every step of the ladder."""

from __future__ import annotations

from dataclasses import replace

from perflab import units
from perflab.contract import Cell
from perflab.records import tree
from perflab.records.evidence import Way
from perflab.report import ladder, words
from perflab.report.summary import CellResult, Summary
from perflab.report.why import reasons


def evidence_table(summary: Summary, operation: str, dtype: str) -> words.Table | None:
    """Instructions, memory and lines of each rung, by direction; None where nothing was gathered."""
    rows = []
    compilations = {(c.operation, c.technique, c.dtype): c for c in reversed(summary.compilations)}
    for technique in summary.run.plan.techniques[operation]:
        evidence = summary.evidence_on(operation, technique, dtype)
        if evidence is None:
            continue
        times = compilations.get((operation, technique, dtype))
        compiled = f"{_seconds(times.compile_s)} / {_seconds(times.load_s)}" if times else "–"
        lines = str(evidence.lines) + (f" + {sum(evidence.imported.values())}" if evidence.imported else "")
        rows += [
            (technique, direction, *instructions(way), units.in_bytes(way.temporaries),
             units.in_bytes(way.peak), compiled, lines)
            for direction, way in evidence.ways.items()
            if direction in summary.run.plan.directions
        ]  # fmt: skip
    if not rows:
        return None
    cases = sorted({record.case for record in summary.evidence.values() if record.operation == operation})
    head = ("technique", "direction", "packed", "widest", "FMA", "temporaries", "peak memory",
            "compile / load", "lines")  # fmt: skip
    title = f"What the rungs are made of, {dtype}, on {' or '.join(cases)}"
    return words.Table(title, head, tuple(rows))


def instructions(way: Way) -> tuple[str, str, str]:
    """Of the arithmetic in the hot loop: the packed share, the width, the share of fused multiply-adds."""
    if way.code is None:
        return way.kind, "–", "–"
    loops = way.code.hot if way.code.hot.arithmetic else way.code.whole
    if not loops.arithmetic:
        return "none", "–", "–"
    packed, fused = (f"{count / loops.arithmetic:.0%}" for count in (loops.packed, loops.fused))
    return packed, f"{loops.widest} bits" if loops.widest else "–", fused


def reasons_of(summary: Summary, operation: str, dtype: str, direction: str) -> list[str]:
    """Why each rung is faster, or not, than the one that it stands on."""
    since = ladder.since(summary, operation)
    rungs = [rung for rung in since if summary.evidence_on(operation, rung, dtype) is not None]
    pairs = ((below, rung) for rung, below in tree.within(since, rungs).items() if below)
    return list(filter(None, (reason(summary, operation, dtype, direction, *pair) for pair in pairs)))


def reason(summary: Summary, operation: str, dtype: str, direction: str, lower: str, upper: str) -> str:
    """Why one rung is faster than another, or not; "" without a common case or without evidence.

    On the study case if both were measured there, else on the largest case on which they were.
    """
    if not all(summary.evidence_on(operation, rung, dtype) for rung in (lower, upper)):
        return ""
    threads = min(summary.run.plan.threads)
    cases = sorted(summary.run.plan.cases[operation], key=lambda case: summary.work(operation, case))
    for case in (summary.common_case(operation), *reversed(cases)):
        cell = Cell(operation, case, dtype, threads, direction, lower)
        slow, fast = summary.figures.get(cell), summary.figures.get(replace(cell, technique=upper))
        if slow and fast and not slow.predicted and not fast.predicted:
            ratio = summary.ratio(slow.cell, fast.cell)
            sentence = reasons.because(
                _side(summary, slow, direction), _side(summary, fast, direction),
                flops=fast.flops, bytes=fast.bytes, speedup=ratio.value if ratio else None,
                same=ratio is not None and ratio.verdict == "SAME",
            )  # fmt: skip
            return f"On {summary.label(operation, case)}, {sentence}"
    return ""


def causes(summary: Summary, slow: CellResult, fast: CellResult) -> str:
    """Why one of two results of a case is faster: the causes, in the direction that saved most time.

    There is no evidence on a step: its forward and its backward are looked at. "" without evidence.
    """
    cell = fast.cell
    if not all(summary.evidence_on(cell.operation, f.cell.technique, cell.dtype) for f in (slow, fast)):
        return ""
    directions = ("forward", "backward") if cell.direction == "step" else (cell.direction,)
    pairs = [
        (direction, summary.figures.get(replace(slow.cell, direction=direction)),
         summary.figures.get(replace(cell, direction=direction)))
        for direction in directions
    ]  # fmt: skip
    saved = [(a.median_s - b.median_s, direction, a, b) for direction, a, b in pairs if a and b]
    if not saved:
        return ""
    _, direction, a, b = max(saved, key=lambda entry: entry[0])
    ratio = summary.ratio(a.cell, b.cell)
    words = reasons.causes(
        _side(summary, a, direction), _side(summary, b, direction), flops=b.flops, bytes=b.bytes,
        speedup=ratio.value if ratio else a.median_s / b.median_s,
    )  # fmt: skip
    return words if direction == cell.direction else f"{words} ({direction}, which saves most of the time)"


def _side(summary: Summary, figure: CellResult, direction: str) -> reasons.Side:
    cell = figure.cell
    evidence = summary.evidence_on(cell.operation, cell.technique, cell.dtype)
    way = evidence.ways.get(direction) if evidence else None
    return reasons.Side(cell.technique, figure.median_s, way, cell.threads)


def _seconds(value: float | None) -> str:
    return "–" if value is None else units.seconds(value, 2)
