"""A sweep of two axes: which technique is the fastest at each pair of sizes, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from perflab.report import sweep as sweeps
from perflab.report import words
from perflab.report.figures import style
from perflab.report.figures.palette import EMPTY, INK, PAPER
from perflab.report.figures.sheet import Sheet
from perflab.report.summary import CellResult, Contest, Summary
from perflab.units import in_bytes

CELL = (0.62, 0.36)  # inches, of a pair of sizes
LINES = {"L1": ":", "L2": "--", "L3": "-"}  # between sizes on either side of a cache
DARK = 0.45  # luminance below which text on a colour is light
Place = tuple[int, int]  # column and row


def winners_map(summary: Summary, operation: str, threads: int) -> style.Picture | None:
    """A grid of winners, first dtype and last direction; None without a sweep of two axes."""
    plan = summary.run.plan
    dtype, direction = plan.dtypes[0], plan.directions[-1]
    if len(plan.swept) != 2:
        return None
    contest = (operation, dtype, threads, direction)
    places, across, up = _places(summary, operation)
    cells = {place: _ranked(summary, contest, case) for case, place in places.items()}
    if not any(cells.values()):
        return None
    sheet = Sheet(1, 1, (CELL[0] * len(across), CELL[1] * len(up)))
    ax = sheet.axes[0][0]
    winners = dict[str, style.Look]()
    for place, ranked in cells.items():
        _cell(ax, summary, operation, place, ranked)
        for figure in ranked[:1]:
            name = figure.cell.technique
            winners[name] = {"color": style.look(summary, operation, name)["color"], "marker": "s"}
    order = [name for name in plan.techniques[operation] if name in winners]
    keys: dict[str, style.Look] = {name: winners[name] | {"markersize": 7} for name in order}
    keys |= dict(_caches(ax, summary, contest, places))
    ax.set(xlim=(-0.5, len(across) - 0.5), ylim=(-0.5, len(up) - 0.5))
    style.categories(ax, [str(size) for size in up])
    style.columns(ax, [str(size) for size in across])
    sheet.across(plan.swept[0])
    sheet.up(plan.swept[1])
    where = f"{direction}, {dtype}, {words.of_threads(threads)}"
    title = f"{summary.title(operation)}: the fastest by {' and '.join(plan.swept)}, {where}"
    same = summary.common_size(operation)
    caption = f"All cases have {same}. " if same else ""
    caption += (
        "In a cell: how many times as fast as the next technique the fastest is, pass by pass; = where its 95"
        " % interval tells no difference, ? where it has none yet. Grey cells were not measured."
    )
    if set(keys) - set(winners):
        caption += " Lines: on one side inputs and outputs of a call fit into this cache of the machine."
    return sheet.finished(summary.run.environment, title, caption, keys)


def _places(summary: Summary, operation: str) -> tuple[dict[str, Place], list[int], list[int]]:
    """Column and row of every case of the sweep, and the sizes of both axes."""
    both = [sweeps.sizes_of(summary, operation, axis) for axis in summary.run.plan.swept]
    across, up = (sorted({*sizes.values()}) for sizes in both)
    places = {case: (across.index(both[0][case]), up.index(both[1][case])) for case in both[0]}
    return places, across, up


def _ranked(summary: Summary, contest: Contest, case: str) -> list[CellResult]:
    """The measured figures of a case, the fastest first."""
    operation, dtype, threads, direction = contest
    figures = summary.measured(operation=operation, case=case, dtype=dtype, threads=threads,
                               direction=direction)  # fmt: skip
    return sorted(figures, key=lambda figure: figure.median_s)


def _cell(ax: Axes, summary: Summary, operation: str, place: Place, ranked: list[CellResult]) -> None:
    """Fill a cell with its winner's colour and write its lead."""
    colour = style.look(summary, operation, ranked[0].cell.technique)["color"] if ranked else EMPTY
    ax.add_patch(Rectangle((place[0] - 0.5, place[1] - 0.5), 1, 1, facecolor=colour, edgecolor=PAPER))
    if len(ranked) < 2:
        return
    first, second = ranked[:2]
    ratio = summary.ratio(replace(first.cell, technique=second.cell.technique), first.cell)
    lead = words.ratio(ratio) if ratio and ratio.verdict in ("FASTER", "not enough") else "="
    lead += "?" if ratio and ratio.verdict == "not enough" else ""
    light = sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), to_rgb(colour), strict=True))
    ax.text(*place, lead, ha="center", va="center_baseline", fontsize=style.SMALL,
            color=PAPER if light < DARK else INK)  # fmt: skip


def _caches(
    ax: Axes, summary: Summary, contest: Contest, places: Mapping[str, Place]
) -> Iterator[tuple[str, style.Look]]:
    """Draw the border of what fits into each cache; its entry in the legend."""
    operation, dtype, _, direction = contest
    cases = summary.run.operations[operation].cases
    bytes_at = {place: cases[case].costs[dtype][direction].bytes for case, place in places.items()}
    for name, held in sweeps.held_by(summary):
        border = list(_border({place: count <= held for place, count in bytes_at.items()}))
        if border:
            look: style.Look = {"color": INK, "linewidth": 1.6, "linestyle": LINES[name]}
            style.strokes(ax, border, **look)
            yield f"{name} {in_bytes(held)}", look


def _border(inside: Mapping[Place, bool]) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """The sides between a cell that is inside and a neighbour that is not, each as its x and its y."""
    for (x, y), fits in inside.items():
        if inside.get((x + 1, y), fits) != fits:
            yield (x + 0.5, x + 0.5), (y - 0.5, y + 0.5)
        if inside.get((x, y + 1), fits) != fits:
            yield (x - 0.5, x + 0.5), (y + 0.5, y + 0.5)
