"""What all figures share: how they are set, how a technique looks, axes of powers of ten."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from perflab import units
from perflab.contract import FIRST_RUNGS
from perflab.report.figures.palette import INK, LINE, MARKERS, PAPER, SERIES
from perflab.report.summary import CellResult, Summary

SIZE, SMALL = 9.0, 8.0  # points
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, and is wider than the fonts that readers have
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
    "xtick.bottom": False,  # the grid's lines are ticks enough
    "ytick.left": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "lines.linewidth": 1.4,
    "lines.markersize": 5.0,
    "text.parse_math": False,  # a name with $ in it is no formula
    "text.hinting": "none",  # as in the SVG, so that one layout serves both
    "figure.dpi": 120,
    "figure.facecolor": PAPER,
}
Look = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """A figure as drawn, with its title and a sentence or two that say what it shows."""

    figure: Any
    title: str
    caption: str


def look(summary: Summary, operation: str, technique: str) -> Look:
    """A technique's colour and marker: the same in every figure of an operation, no two of 64 alike.

    The first four rungs look the same in every operation.
    """
    further = [t for t in summary.run.plan.techniques[operation] if t not in FIRST_RUNGS]
    first = technique in FIRST_RUNGS
    at = FIRST_RUNGS.index(technique) if first else len(FIRST_RUNGS) + further.index(technique)
    again = at // len(SERIES)
    return {
        "color": SERIES[(at + again) % len(SERIES)],
        "marker": MARKERS[(at + 2 * again) % len(MARKERS)],
        "markeredgewidth": 0.8,
    }


def keys_of(summary: Summary, operation: str, met: Collection[str]) -> dict[str, Look]:
    """What the marks of these techniques mean, in ladder order."""
    names = summary.run.plan.techniques[operation]
    return {t: {"linestyle": ""} | look(summary, operation, t) for t in names if t in met}


def hollow(shown: Look) -> Look:
    """A look for what was predicted, not measured."""
    return shown | {"markerfacecolor": PAPER}


def title_of(summary: Summary, operation: str) -> str:
    """An operation's title as the run tells it."""
    return summary.run.operations[operation].title


def on_common_case(
    summary: Summary, operation: str, dtype: str, threads: int, direction: str
) -> dict[str, CellResult]:
    """The figures by technique, in ladder order, on the case that most rungs were measured on."""
    case = summary.common_case(operation)
    held = {"operation": operation, "case": case, "dtype": dtype, "threads": threads, "direction": direction}
    return {figure.cell.technique: figure for figure in summary.of(**held)}


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
    """A number on an axis: as it stands near 1, as a power of ten far from it.

    >>> short_number(0.02), short_number(1e-6), short_number(200.0)
    ('0.02', '10⁻⁶', '200')
    """
    return f"{value:g}" if 1e-3 <= value < 1e4 else units.power(value, 1)


def strokes(ax: Axes, pieces: Iterable[tuple[Sequence[float], Sequence[float]]], **style: Any) -> None:
    """Many separate lines of one style as one artist; a piece is its x and its y."""
    x: list[float] = []
    y: list[float] = []
    for across, up in pieces:
        x += [*across, math.nan]
        y += [*up, math.nan]
    ax.plot(x, y, **({"marker": "", "solid_capstyle": "butt"} | style))


def logarithmic(
    axes: Sequence[Axes],
    which: Literal["x", "y"],
    values: Iterable[float],
    write: Callable[[float], str],
    room: float,
    *,
    margin: float = 0.06,
    labelled: Sequence[Axes] | None = None,
    ticks: Callable[[float, float, float], list[float]] | None = None,
) -> tuple[float, float]:
    """One range for all these axes, with ticks where `room` of them would fit; the ends of the range.

    `margin` is the room beyond the values on either side, as a share of the range. Ticks are written on the
    `labelled` axes only; on all of them by default. `ticks` are `decimal_ticks` by default.
    """
    found = [value for value in values if value > 0 and math.isfinite(value)]
    low, high = math.log10(min(found)), math.log10(max(found))
    beyond = max(margin * (high - low), (0.85 - (high - low)) / 2, 0.06)
    low, high = low - beyond, high + beyond
    places = (ticks or decimal_ticks)(low, high, room)
    for ax in axes:
        if which == "x":
            ax.set_xscale("log")
            ax.set_xlim(10**low, 10**high)
        else:
            ax.set_yscale("log")
            ax.set_ylim(10**low, 10**high)
        axis = ax.xaxis if which == "x" else ax.yaxis
        shown = labelled is None or any(ax is one for one in labelled)
        axis.set_major_locator(FixedLocator(places))
        axis.set_major_formatter(FixedFormatter([write(tick) for tick in places] if shown else []))
        axis.set_minor_locator(NullLocator())
        if not shown:
            axis.set_tick_params(labelleft=False, labelbottom=False)
    return 10**low, 10**high


def decimal_ticks(low: float, high: float, room: float) -> list[float]:
    """Ticks between two powers of ten, the nearest of them 1/room of the range apart.

    1, 2 and 5 where there is room, else 1 and 3, else decades, else some of these.
    """
    for steps, nearest in (((1.0, 2.0, 5.0), math.log10(2)), ((1.0, 3.0), math.log10(3)), ((1.0,), 1.0)):
        found = [
            step * 10.0**decade
            for decade in range(math.floor(low), math.ceil(high) + 1)
            for step in steps
            if low <= math.log10(step) + decade <= high
        ]
        if nearest >= (high - low) / room:
            return found
    return found[:: math.ceil((high - low) / room)]


def binary_ticks(low: float, high: float, room: float) -> list[float]:
    """Powers of two between two powers of ten, at most about `room` of them.

    >>> binary_ticks(3.0, 6.0, 6)
    [1024.0, 4096.0, 16384.0, 65536.0, 262144.0]
    """
    first, last = math.ceil(low / math.log10(2)), math.floor(high / math.log10(2))
    return [2.0**power for power in range(first, last + 1, max(1, math.ceil((last + 1 - first) / room)))]
