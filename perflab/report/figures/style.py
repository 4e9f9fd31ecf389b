"""What all figures share: the settings, the look of a technique, and logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from perflab import units
from perflab.records import tree
from perflab.report import ladder
from perflab.report.figures.palette import BRANCHES, INK, LINE, MARKERS, PAPER
from perflab.report.summary import CellResult, Summary

SIZE, SMALL = 9.0, 8.0  # points
MOST_CROSSINGS = 6  # listed in a caption; more are in the table of crossovers only
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, and is wider than the fonts of most readers
    "font.size": SIZE,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 0.8,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.bottom": False,  # the grid's lines show the ticks
    "ytick.left": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "lines.linewidth": 1.4,
    "lines.markersize": 5.0,
    "text.parse_math": False,  # a name with $ in it is not a formula
    "text.hinting": "none",  # as in the SVG, so that both have the same layout
    "figure.dpi": 120,
    "figure.facecolor": PAPER,
}
FIRST_HUES = {"per_neuron": "numpy", "jit": "compiled"}  # of the branches that begin with these rungs
OTHER_HUES = ("further", "last", "numpy", "compiled")  # of all other branches, in turn
FIRST_MARKERS = {"root": 0, "numpy": 1, "compiled": 3, "further": 4, "last": 5, "own": 7, "peers": 5}
Look = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """A figure as drawn, with its title and its caption."""

    figure: Figure
    title: str
    caption: str


def look(summary: Summary, operation: str, technique: str) -> Look:
    """A technique's colour and marker, the same in every figure of an operation.

    A branch of the ladder has a hue, a rung a shade of it; so have the files of one's own, and the peers. The
    first four rungs look the same in every operation.
    """
    taken = dict.fromkeys(BRANCHES, 0)
    for name, hue in hues(summary, operation):
        if taken[hue] >= len(BRANCHES[hue]):  # an unused hue has further shades
            hue = next((other for other in OTHER_HUES if not taken[other]), hue)
        step, shades = taken[hue], len(BRANCHES[hue])
        taken[hue] += 1
        if name == technique:
            colour, first = BRANCHES[hue][step % shades], FIRST_MARKERS[hue]
            marker = MARKERS[(first + step + step // shades) % len(MARKERS)]
            return {"color": colour, "marker": marker, "markeredgewidth": 0.8}
    raise KeyError(technique)


def hues(summary: Summary, operation: str) -> Iterator[tuple[str, str]]:
    """Every technique that a run of this operation may have, from the foot of its branch up, and its hue.

    The tree is the operation's, not the part that was measured: so a technique has one look in every run.
    """
    plan, own = summary.run.plan, ladder.apart(summary, operation)
    whole = {**ladder.since(summary, operation), **summary.run.operations[operation].since}
    free, chosen = cycle(OTHER_HUES), dict[int, str]()
    for node in tree.nodes(whole, own):
        if node.technique in own:
            chosen[node.branch] = "own"
        elif node.step == 0:
            named = FIRST_HUES.get(node.technique, "")
            chosen[node.branch] = (named or next(free)) if node.parent else "root"
        yield node.technique, chosen[node.branch]
    for name in plan.techniques[operation]:
        if name not in whole:
            yield name, "peers" if name in plan.homes else "own"


def hollow(look: Look) -> Look:
    """The look of a prediction."""
    return look | {"markerfacecolor": PAPER}


def measured_dtypes(summary: Summary, **fields: Any) -> list[str]:
    """The dtypes with a measured figure whose cell has these fields, in the plan's order."""
    dtypes = {figure.cell.dtype for figure in summary.measured(**fields)}
    return [dtype for dtype in summary.run.plan.dtypes if dtype in dtypes]


def categories(ax: Axes, names: Sequence[str], *, labelled: bool = True, grid: bool = False) -> None:
    """Names along the y axis, at 0, 1, 2 and so on."""
    ax.grid(visible=grid, axis="y")
    ax.yaxis.set_major_locator(FixedLocator(list(range(len(names)))))
    ax.yaxis.set_major_formatter(FixedFormatter(list(names) if labelled else []))


def columns(ax: Axes, names: Sequence[str]) -> None:
    """Names along the x axis, at 0, 1, 2 and so on, without a grid."""
    ax.grid(visible=False, axis="x")
    ax.xaxis.set_major_locator(FixedLocator(list(range(len(names)))))
    ax.xaxis.set_major_formatter(FixedFormatter(list(names)))


def rings(ax: Axes, points: Sequence[tuple[float, float]], size: float) -> None:
    """Rings around points."""
    if points:
        ax.plot(*zip(*points, strict=True), linestyle="", marker="o", markersize=size, zorder=4,
                markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.1)  # fmt: skip


def interval(figure: CellResult) -> tuple[float, float] | None:
    """The ends of a figure's interval, or None."""
    return None if figure.low_s is None or figure.high_s is None else (figure.low_s, figure.high_s)


def short_seconds(value: float) -> str:
    """A time on an axis.

    >>> short_seconds(0.002), short_seconds(1e5)
    ('2 ms', '10⁵ s')
    """
    return units.seconds(value, 1) if value < 1e3 else f"{units.power(value, 1)} s"


def short_number(value: float) -> str:
    """A number on an axis: decimal near 1, a power of ten far from it.

    >>> short_number(0.02), short_number(1e-6), short_number(200.0)
    ('0.02', '10⁻⁶', '200')
    """
    return f"{value:g}" if 1e-3 <= value < 1e4 else units.power(value, 1)


def strokes(ax: Axes, pieces: Iterable[tuple[Sequence[float], Sequence[float]]], **style: Any) -> None:
    """Many separate lines of the same style, drawn as one; a piece is its x and its y."""
    x: list[float] = []
    y: list[float] = []
    for across, up in pieces:
        x += [*across, math.nan]
        y += [*up, math.nan]
    ax.plot(x, y, **({"marker": "", "solid_capstyle": "butt"} | style))


def logarithmic(
    axes: Sequence[Axes], which: Literal["x", "y"], values: Iterable[float], write: Callable[[float], str],
    room: float, *, margin: float = 0.06, labelled: Sequence[Axes] | None = None,
    ticks: Callable[[float, float, float], list[float]] | None = None,
) -> tuple[float, float]:  # fmt: skip
    """One logarithmic range for all these axes, with about `room` ticks; the ends of the range.

    `margin` is the space beyond the values on both sides, as a share of the range. The ticks have text on the
    `labelled` axes only, on all axes by default. `ticks` are `decimal_ticks` by default.
    """
    positive = [value for value in values if value > 0 and math.isfinite(value)]
    low, high = math.log10(min(positive)), math.log10(max(positive))
    beyond = max(margin * (high - low), (0.85 - (high - low)) / 2, 0.06)
    low, high = low - beyond, high + beyond
    places = (ticks or decimal_ticks)(low, high, room)
    for ax in axes:
        ax.set(**{f"{which}scale": "log", f"{which}lim": (10**low, 10**high)})
        axis = ax.xaxis if which == "x" else ax.yaxis
        shown = labelled is None or any(ax is other for other in labelled)
        axis.set_major_locator(FixedLocator(places))
        axis.set_major_formatter(FixedFormatter([write(tick) for tick in places] if shown else []))
        axis.set_minor_locator(NullLocator())
        if not shown:
            axis.set_tick_params(labelleft=False, labelbottom=False)
    return 10**low, 10**high


def decimal_ticks(low: float, high: float, room: float) -> list[float]:
    """Ticks between two powers of ten, at least 1/room of the range apart.

    1, 2 and 5 if they fit, else 1 and 3, else powers of ten, else some of these.
    """
    for steps, nearest in (((1.0, 2.0, 5.0), math.log10(2)), ((1.0, 3.0), math.log10(3)), ((1.0,), 1.0)):
        places = [
            step * 10.0**decade
            for decade in range(math.floor(low), math.ceil(high) + 1)
            for step in steps
            if low <= math.log10(step) + decade <= high
        ]
        if nearest >= (high - low) / room:
            return places
    return places[:: math.ceil((high - low) / room)]
