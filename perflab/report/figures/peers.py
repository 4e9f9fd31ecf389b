"""The contest: the best rung against the best peer, cell by cell."""

from __future__ import annotations

from perflab import units
from perflab.contract import AUTO
from perflab.report import contest, words
from perflab.report.figures.palette import INK, PAPER, SERIES
from perflab.report.figures.sheet import Sheet
from perflab.report.figures.style import Look, Picture, categories, logarithmic, strokes
from perflab.report.summary import Summary

COLOURS = {"forward": SERIES[1], "backward": SERIES[2], "step": SERIES[3]}
MOST_CASES = 100  # the picture of more would be many screens long: their table stands alone
SHAPES = {"forward": "o", "backward": "s", "step": "D"}


def peers(summary: Summary, dtype: str, threads: int) -> Picture | None:
    """How many times as fast as the best peer a rung is; None without a common cell, or of too many."""
    cells = [m for m in contest.meetings(summary) if (m.cell.dtype, m.cell.threads) == (dtype, threads)]
    rows = list(dict.fromkeys((m.cell.operation, m.cell.case) for m in cells))
    if not 0 < len(rows) <= MOST_CASES:
        return None
    directions = [d for d in summary.run.plan.directions if any(m.cell.direction == d for m in cells)]
    sheet = Sheet(1, 1, (4.9, 0.3 * len(rows)))
    ax = sheet.axes[0][0]
    keys: dict[str, Look] = {}
    for index, direction in enumerate(directions):
        offset = 0.26 * (index - (len(directions) - 1) / 2)
        points = [(m.ratio, rows.index((m.cell.operation, m.cell.case)) + offset)
                  for m in cells if m.cell.direction == direction]  # fmt: skip
        keys[direction] = {"color": COLOURS[direction], "marker": SHAPES[direction], "linestyle": ""}
        ends = [((r.low, r.high), (y, y)) for r, y in points if r.low is not None and r.high is not None]
        if ends:
            strokes(ax, ends, color=COLOURS[direction], linewidth=1.8)
        ax.plot([r.value for r, _ in points], [y for _, y in points], **keys[direction], markersize=4.5,
                markeredgecolor=PAPER, markeredgewidth=0.5)  # fmt: skip
    values = [v for m in cells for v in (m.ratio.value, m.ratio.low, m.ratio.high) if v]
    logarithmic([ax], "x", [0.9, 1.1, *values], lambda value: f"×{value:g}", 9)
    ax.axvline(1.0, color=INK, linewidth=1.2, zorder=1.5)
    for y in range(1, len(rows)):
        if rows[y][0] != rows[y - 1][0]:
            ax.axhline(y - 0.5, color=INK, linewidth=0.6)
    categories(ax, [f"{operation} {case}" for operation, case in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    sheet.across("times as fast as the best peer")
    ours = contest.of_the_rungs(cells)
    title = f"{ours[0].upper()}{ours[1:]} against the best peer, {dtype}, {words.of_threads(threads)}"
    ahead = sum(m.ratio.value > 1 for m in cells)
    caption = (
        f"Right of the line {ours} is faster: in {ahead} of {len(cells)} cells; the geometric mean is"
        f" ×{units.rounded(contest.geometric_mean(cells), 3)}. Medians of paired ratios with their 95 %"
        f" intervals; {ours if ours == AUTO else 'the fastest rung'} and the fastest peer of each cell."
    )
    return sheet.finished(summary.run.environment, title, caption, keys)
