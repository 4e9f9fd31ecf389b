"""Memory against speed: a rung's peak memory beyond inputs and outputs, and its time."""

from __future__ import annotations

from perflab.report import words
from perflab.report.figures import style
from perflab.report.figures.sheet import Sheet
from perflab.report.summary import CellResult, Summary
from perflab.units import in_bytes

LEAST = 64.0  # bytes: the smallest peak that is drawn


def memory_against_speed(summary: Summary, operation: str, threads: int) -> style.Picture | None:
    """Peak bytes against time on the common case; None with less than two rungs.

    If the bytes were not measured on that case, they are those of the smaller case on which the evidence was
    gathered, divided by the bytes that the operation must read and write there.
    """
    plan = summary.run.plan
    direction = plan.directions[-1]
    figures = {}
    for dtype in plan.dtypes:
        timed = style.on_common_case(summary, operation, dtype, threads, direction)
        figures[dtype] = {t: f for t, f in timed.items() if not f.predicted}
    same_case = any(f.cell in summary.memory for timed in figures.values() for f in timed.values())
    panels = {}
    for dtype, timed in figures.items():
        peaks = {t: (float(summary.memory[f.cell]), "") for t, f in timed.items() if f.cell in summary.memory}
        if not same_case:
            peaks = _shares(summary, timed)
        if peaks:
            panels[dtype] = {t: (timed[t].median_s, *peak) for t, peak in peaks.items()}
    techniques = {technique for points in panels.values() for technique in points}
    if len(techniques) < 2:
        return None  # nothing to compare
    cases = [case for points in panels.values() for _, _, case in points.values()]
    usual = max(cases, key=cases.count)
    sheet = Sheet(1, len(panels), (3.1 if len(panels) > 1 else 4.4, 2.4))
    for c, (dtype, points) in enumerate(panels.items()):
        for technique, (time_s, value, case) in points.items():
            look = style.look(summary, operation, technique)
            look = look if case == usual else style.hollow(look)
            sheet.axes[0][c].plot(time_s, value, linestyle="", **look, markersize=6)
        sheet.names[0, c] = dtype
    seconds = [time_s for points in panels.values() for time_s, _, _ in points.values()]
    values = [value for points in panels.values() for _, value, _ in points.values()]
    style.logarithmic(sheet.all, "x", seconds, style.short_seconds, 5, margin=0.1)
    write, ticks = (in_bytes, style.binary_ticks) if same_case else (style.short_number, style.decimal_ticks)
    style.logarithmic(sheet.all, "y", values, write, 6, margin=0.1, labelled=sheet.axes[0][:1], ticks=ticks)
    sheet.across(f"time a call, {direction}")
    sheet.up("peak memory" if same_case else "peak memory / bytes read and written")
    caption = (
        "One point for each rung: left is faster, lower needs less memory. Time on"
        f" {summary.common_case(operation)}; peak memory beyond inputs and outputs, forward or backward"
    )
    if same_case:
        caption += ", on the same case, as pages touched."
    else:
        caption += f", measured on {usual}, divided by the bytes that the operation must read and write there"
        others = sorted({name for name in cases if name != usual})
        caption += f" (hollow: measured on {' or '.join(others)})." if others else "."
    title = f"{summary.title(operation)}: memory against speed, {words.of_threads(threads)}"
    keys = style.keys_of(summary, operation, techniques)
    return sheet.finished(summary.run.environment, title, caption, keys)


def _shares(summary: Summary, timed: dict[str, CellResult]) -> dict[str, tuple[float, str]]:
    """Each technique's peak bytes divided by the direction's compulsory bytes; and the case."""
    shares = {}
    for technique, figure in timed.items():
        if evidence := summary.evidence_on(figure.cell.operation, technique, figure.cell.dtype):
            measured = [pair for pair in evidence.ways.values() if pair.peak is not None and pair.bytes]
            ratios = [max(pair.peak or 0, LEAST) / pair.bytes for pair in measured]
            if ratios:
                shares[technique] = max(ratios), evidence.case
    return shares
