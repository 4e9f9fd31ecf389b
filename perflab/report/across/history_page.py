"""A history as one page: what changed, a line for each cell, what all share, how far it can be trusted."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from perflab import __version__, units
from perflab.report.across import changepoints, history
from perflab.report.across.changepoints import Array
from perflab.report.across.history import History
from perflab.report.template import template

WIDTH, HEIGHT = 600, 72
LEAST = math.log(1.02)  # half the height of a line's axis at least
METHOD = (
    "Each line is a cell's time over its median, what all cells share taken away; up is slower. A step is"
    " tested with Student's t at every place, so that a whole history without a change has one with"
    f" {100 * changepoints.FALSE_ALARMS:g} % at most. Its place and its size have 95 % intervals; the band is"
    " that of the place."
)


def html(past: History) -> str:
    """The history as one page that needs no network; without a script it lacks only the filter."""
    changes = []
    steps = past.found.steps
    for row, step in zip(history.table(past).rows, steps, strict=True):
        changes.append((row, "SLOWER" if step.log > 0 else "FASTER", drawn(past, step.cell)))
    lines = [(past.shown[name], seconds(past, at), drawn(past, at)) for at, name in enumerate(past.cells)]
    shared = past.found.shared if len(past.cells) >= changepoints.FEWEST_CELLS else None
    return template("history.html.jinja").render(
        title=f"{len(past.cells)} cells over {len(past.points)} runs", sentence=history.sentence(past),
        facts=history.facts(past), notes=past.notes, changes=changes, lines=lines,
        shared=None if shared is None else chart(shared, []), first=past.points[0].label,
        last=past.points[-1].label, runs=[(p.label, p.commit) for p in past.points], method=METHOD,
        version=__version__,
    )  # fmt: skip


def seconds(past: History, cell: int) -> str:
    """A cell's median time over all runs."""
    return units.seconds(math.exp(float(np.nanmedian(past.logs[:, cell]))), 2)


def drawn(past: History, cell: int) -> Markup:
    """A cell's line, with its levels and the places where it changed."""
    values = past.found.residuals[:, cell]
    return chart(values - np.nanmedian(values), [s for s in past.found.steps if s.cell == cell])


def chart(values: Array, steps: list[changepoints.Step]) -> Markup:
    """A line over all runs as SVG, with steps as levels; the height says how many percent it spans."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return Markup()
    reach = max(LEAST, 1.05 * float(np.nanmax(np.abs(values))))
    across = (WIDTH - 8) / max(len(values) - 1, 1)

    def x(run: float) -> float:
        return round(4 + across * run, 1)

    def y(value: float) -> float:
        return round(HEIGHT * (0.5 - 0.5 * value / reach), 1)

    parts = [f'<line class="zero" x1="0" x2="{WIDTH}" y1="{HEIGHT / 2:g}" y2="{HEIGHT / 2:g}"/>']
    for step in steps:
        left, right = x(step.first - 0.75), x(step.last - 0.25)
        parts.append(
            f'<rect class="place" x="{left}" y="0" width="{round(right - left, 1)}" height="{HEIGHT}"/>'
        )
    points = " ".join(f"{x(float(run)):g},{y(float(values[run])):g}" for run in known)
    parts.append(f'<polyline points="{points}"/>')
    for start, end in pairwise([0, *(step.at for step in steps), len(values)] if steps else []):
        level = y(float(np.nanmean(values[start:end])))
        parts.append(f'<line class="level" x1="{x(start)}" x2="{x(end - 1)}" y1="{level}" y2="{level}"/>')
    span = f"±{100 * math.expm1(reach):.2g} %"
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="a line over {len(values)} runs, {span}">{"".join(parts)}</svg><small>{span}</small>'
    )
