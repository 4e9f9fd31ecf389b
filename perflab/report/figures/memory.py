"""Memory against speed: what a rung holds beyond its inputs and outputs, and what it takes in time."""

from __future__ import annotations

from perflab.report import words
from perflab.report.figures import style
from perflab.report.figures.sheet import Sheet
from perflab.report.summary import CellResult, Summary
from perflab.units import in_bytes

LEAST = 64.0  # bytes: what holds less holds nothing


def memory_against_speed(summary: Summary, operation: str, threads: int) -> style.Picture | None:
    """Bytes at the worst moment against the time on the case that most rungs met on; None without two.

    Where the bytes were measured on that very case they stand as they are. Else they are those of the smaller
    case on which the evidence was gathered, as a share of what the operation must read and write there.
    """
    plan = summary.run.plan
    direction = plan.directions[-1]
    found = {}
    for dtype in plan.dtypes:
        timed = style.on_common_case(summary, operation, dtype, threads, direction)
        timed = {t: f for t, f in timed.items() if not f.predicted}
        held = {t: (float(summary.memory[f.cell]), "") for t, f in timed.items() if f.cell in summary.memory}
        found[dtype] = timed, held
    same_case = any(held for _, held in found.values())
    if not same_case:
        found = {dtype: (timed, _shares(summary, timed)) for dtype, (timed, _) in found.items()}
    found = {dtype: (timed, held) for dtype, (timed, held) in found.items() if held}
    if len({t for _, held in found.values() for t in held}) < 2:
        return None  # nothing to compare
    cases = [case for _, held in found.values() for _, case in held.values()]
    usual = max(cases, key=cases.count)
    sheet = Sheet(1, len(found), (3.1 if len(found) > 1 else 4.4, 2.4))
    met = set()
    for c, (dtype, (timed, held)) in enumerate(found.items()):
        for technique, (value, case) in held.items():
            mark = style.look(summary, operation, technique)
            mark = mark if case == usual else style.hollow(mark)
            met.add(technique)
            sheet.axes[0][c].plot(timed[technique].median_s, value, linestyle="", **mark, markersize=6)
        sheet.name(0, c, dtype)
    seconds = [timed[t].median_s for timed, held in found.values() for t in held]
    values = [value for _, held in found.values() for value, _ in held.values()]
    style.logarithmic(sheet.all, "x", seconds, style.short_seconds, 5, margin=0.1)
    write, ticks = (in_bytes, style.binary_ticks) if same_case else (style.short_number, style.decimal_ticks)
    style.logarithmic(sheet.all, "y", values, write, 6, margin=0.1, labelled=sheet.axes[0][:1], ticks=ticks)
    sheet.across(f"time a call, {direction}")
    sheet.up("memory held" if same_case else "memory held / bytes it must move")
    case = summary.common_case(operation)
    caption = (
        f"A point a rung, left is faster and lower holds less. Time on {case}; memory beyond inputs and"
        " outputs at the worst moment of forward or backward"
    )
    if same_case:
        caption += " there, as pages touched."
    else:
        caption += (
            f", measured on {usual}, as a share of the bytes that the operation must read and write there"
        )
        others = sorted({name for name in cases if name != usual})
        caption += f" (style.hollow: measured on {' or '.join(others)})." if others else "."
    title = f"{style.title_of(summary, operation)}: memory against speed, {words.of_threads(threads)}"
    return sheet.finished(summary, title, caption, style.keys_of(summary, operation, met))


def _shares(summary: Summary, timed: dict[str, CellResult]) -> dict[str, tuple[float, str]]:
    """The most that each technique held, over the compulsory bytes of that direction; and on which case."""
    found = {}
    for technique, figure in timed.items():
        evidence = summary.evidence_on(figure.cell.operation, technique, figure.cell.dtype)
        ways = (
            [way for way in evidence.ways.values() if way.peak is not None and way.bytes] if evidence else []
        )
        if evidence and ways:
            found[technique] = max(max(way.peak or 0, LEAST) / way.bytes for way in ways), evidence.case
    return found
