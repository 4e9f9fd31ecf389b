"""One sheet of panels, laid out from measured text: the text decides how large the figure is.

Panels have a size in inches. The margins around them follow from the labels, the legend and the title, so
that nothing overlaps and nothing is cut off. Text outside the panels is placed in inches from the lower left
corner; so are the grid and the labels of the axes, since matplotlib's own ticks take longer to draw than all
else in a figure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from perflab.records.environment import one_line
from perflab.report.figures.palette import INK, SOFT
from perflab.report.figures.palette import LINE as GRID
from perflab.report.figures.style import SIZE, SMALL, STYLE, Look, Picture

TITLE = 11.0  # points
LINE = 1.32  # of a text's size: from one line to the next
NARROWEST = 4.6  # inches
KEY = 0.27  # inches, of a key's mark before its name
PAD = 7 / 72  # inches, between an axis and the labels of its ticks
LANE = 0.17  # inches, between two branches of a tree
ENDS = SMALL * LINE / 72  # inches, between two names at the end of lines

Ends = Sequence[tuple[float, Look, str]]
Marks = Sequence[tuple[float, str]]
Rows = Sequence[tuple[float, int, int | None, Look, str]]  # y, lane, row of what it hangs from, mark, name


@lru_cache(maxsize=4096)
def width_of(text: str, size: float, bold: bool = False) -> float:
    """The width of a text in inches: that of its longest line."""
    family = STYLE["font.family"]
    font = FontProperties(family=family, size=size, weight="bold" if bold else "normal")
    lines = text.splitlines() or [""]
    widths = [text_to_path.get_text_width_height_descent(line, font, False)[0] for line in lines]
    return 1.03 * max(widths) / 72  # hinted letters are a little wider


def wrapped(text: str, size: float, room: float) -> str:
    """The text in lines of at most `room` inches; longer words are split, a number stays with its unit."""
    lines = [""]
    for word in re.findall(r"(?:(?<!\S)\d+ )?\S+", text):
        pieces = [word]
        while width_of(pieces[-1], size) > room and len(pieces[-1]) > 1:
            last = pieces.pop()
            fits = max((n for n in range(1, len(last)) if width_of(last[:n], size) <= room), default=1)
            pieces += [last[:fits], last[fits:]]
        for piece in pieces:
            longer = f"{lines[-1]} {piece}".strip()
            if width_of(longer, size) <= room:
                lines[-1] = longer
            else:
                lines.append(piece)
    return "\n".join(lines).strip("\n")


def spread(wanted: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """The places nearest to the wanted ones that are `apart` and, if they fit, between low and high.

    The squared moves are least: isotonic regression of the wanted places minus the steps.

    >>> spread([0.0, 0.1, 5.0], 1.0, -9, 9)
    [-0.45, 0.55, 5.0]
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    pools: list[tuple[float, int]] = []  # sum and count of places that move as a group
    for step, index in enumerate(order):
        pools.append((wanted[index] - step * apart, 1))
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
            last = pools.pop()
            pools[-1] = (pools[-1][0] + last[0], pools[-1][1] + last[1])
    bases = [total / count for total, count in pools for _ in range(count)]
    room = max(high - low - apart * (len(wanted) - 1), 0.0)
    places = [0.0] * len(wanted)
    for step, index in enumerate(order):
        places[index] = round(min(max(bases[step], low), low + room) + step * apart, 9)
    return places


class Sheet:
    """Rows and columns of panels, each `panel` inches wide and high; `heights` are those of unequal rows."""

    def __init__(
        self, rows: int, columns: int, panel: tuple[float, float], heights: Sequence[float] = ()
    ) -> None:
        """Create the axes; `finished` sets their places."""
        self.figure, self.panel, self.heights = Figure(), panel, heights or (panel[1],) * rows
        self.axes = [
            [self.figure.add_axes((0.0, 0.0, 1.0, 1.0), label=f"{r} {c}") for c in range(columns)]
            for r in range(rows)
        ]
        self.names: dict[tuple[int, int], str] = {}  # by row and column: above a panel
        self.ends: dict[tuple[int, int], Ends] = {}  # to the right, each at the height of a value or near it
        self.trees: dict[int, Rows] = {}  # by row: to the left of its first panel
        self.marks: dict[
            tuple[int, int], Marks
        ] = {}  # above a panel, each at the place of a value or near it
        self._across: dict[int, str] = {}
        self._up: dict[int, str] = {}

    @property
    def all(self) -> list[Axes]:
        """Every panel's axes, row by row."""
        return [ax for row in self.axes for ax in row]

    def across(self, text: str, row: int = -1) -> None:
        """Set the label of the x axes of a row, by default the last one."""
        self._across[row % len(self.axes)] = text

    def up(self, text: str, row: int = 0) -> None:
        """Set the label of the y axes of a row."""
        self._up[row] = text

    def finished(
        self, environment: Mapping[str, Any], title: str, caption: str, keys: Mapping[str, Look] | None = None
    ) -> Picture:
        """The complete figure, with its title, its legend and the machine of the environment."""
        width, lefts = self._columns()
        width = max(width, NARROWEST)
        heading = wrapped(title, TITLE, width - 0.1)
        machine = wrapped(one_line(environment), 6.5, width - 0.1)
        placed, key_rows = _keys(keys or {}, width)
        head = 0.12 + TITLE * LINE / 72 * (heading.count("\n") + 1) + 0.2 * key_rows + 0.04
        foot = 0.06 + 6.5 * LINE / 72 * (machine.count("\n") + 1)
        tops, height = self._rows(head, foot)
        self.figure.set_size_inches(width, height)
        for r, row in enumerate(self.axes):
            for c, ax in enumerate(row):
                at = (lefts[c], height - tops[r] - self.heights[r])
                size = (self.panel[0] / width, self.heights[r] / height)
                ax.set_position((at[0] / width, at[1] / height, *size))
                self._dress(r, c, *at)
                self._draw_ticks(ax, *at, self.panel[0], self.heights[r])
        self._write(0.05, height - 0.08, heading, TITLE, va="top")
        for name, look, x, line in placed:
            y = height - 0.12 - TITLE * LINE / 72 * (heading.count("\n") + 1) - 0.2 * line - 0.1
            self._mark(x + 0.1, y, look)
            self._write(x + KEY, y, name, SIZE, va="center_baseline")
        self._write(0.05, 0.05, machine, 6.5, color=SOFT, va="bottom")
        return Picture(self.figure, title, caption)

    def _columns(self) -> tuple[float, list[float]]:
        """The width of all columns with the text beside them, and the left end of each panel."""
        at, lefts = 0.0, []
        for c in range(len(self.axes[0])):
            column = [row[c] for row in self.axes]
            names = [width_of(text, SMALL) for ax in column for text in _written(ax, "y")]
            if c == 0:
                names += [LANE * (lane + 1) + width_of(text, SMALL)
                          for rows in self.trees.values() for _, lane, _, _, text in rows]  # fmt: skip
            left = max(names, default=0.0) + 0.17 + (0.2 if self._up and c == 0 else 0.0)
            overhangs = [_overhang(ax, self.panel[0]) for ax in column]
            left = max(left, 0.06 + max(before for before, _ in overhangs), 0.2 if c else 0.0)
            right = max((width_of(text, SMALL) + 0.34 for r in range(len(self.axes))
                         for _, _, text in self.ends.get((r, c), ())), default=0.0)  # fmt: skip
            named = max((width_of(self.names.get((r, c), ""), SIZE, True) for r in range(len(self.axes))),
                        default=0.0)  # fmt: skip
            right = max(right, 0.08 + max(after for _, after in overhangs), named - self.panel[0])
            lefts.append(at + left)
            at += left + self.panel[0] + right
        return at + 0.04, lefts

    def _rows(self, head: float, foot: float) -> tuple[list[float], float]:
        """The distance of each row of panels from the top, and the whole height."""
        at, tops = head, []
        for r, row in enumerate(self.axes):
            above = {**self.names, **{place: marks for place, marks in self.marks.items() if marks}}
            at += 0.27 if any((r, c) in above for c in range(len(row))) else 0.08
            tops.append(at)
            lines = max((text.count("\n") + 1 for ax in row for text in _written(ax, "x")), default=0)
            at += self.heights[r] + (0.06 + lines * SMALL * LINE / 72 if lines else 0.06)
            at += 0.2 if r in self._across else 0.0
        return tops, at + 0.05 + foot

    def _dress(self, r: int, c: int, left: float, bottom: float) -> None:
        """Write a panel's name, the labels of its axes, and the texts at the ends of its lines."""
        ax, width, height = self.axes[r][c], self.panel[0], self.heights[r]
        if (r, c) in self.names:
            self._write(left, bottom + height + 0.07, self.names[r, c], SIZE, weight="bold", va="baseline")
        self._write_marks(self.marks.get((r, c), ()), ax, left, bottom + height + 0.07)
        if r in self._across:
            lines = max((text.count("\n") + 1 for text in _written(ax, "x")), default=0)
            below = 0.1 + lines * SMALL * LINE / 72
            self._write(left + width / 2, bottom - below, self._across[r], SIZE, ha="center", va="top")
        if c == 0 and r in self._up:
            self._write(0.04, bottom + height / 2, self._up[r], SIZE, ha="left", va="center", rotation=90)
        if c == 0 and r in self.trees:
            rows = self.trees[r]
            self._tree(rows, _places(ax.yaxis, bottom, height, [y for y, *_ in rows]))
        ends = self.ends.get((r, c), ())
        if not ends:
            return
        wanted = _places(ax.yaxis, bottom, height, [y for y, _, _ in ends])
        places = spread(wanted, ENDS, bottom, bottom + height)
        for (_, look, text), true, y in zip(ends, wanted, places, strict=True):
            edge = left + width
            if look:
                self._line([edge, edge + 0.09], [true, y], color=look["color"], linewidth=0.7)
                self._mark(edge + 0.15, y, look)
            self._write(edge + (0.25 if look else 0.06), y, text, SMALL, va="center_baseline")

    def _write_marks(self, marks: Marks, ax: Axes, left: float, y: float) -> None:
        """Texts above a panel, each as near to the place of its value as the others let it."""
        widths = [width_of(text, SMALL) for _, text in marks]
        wanted = _places(ax.xaxis, left, self.panel[0], [value for value, _ in marks])
        apart = max(widths, default=0.0) + 0.1
        places = spread(wanted, apart, left, left + self.panel[0] - apart / 2)
        for (_, text), x in zip(marks, places, strict=True):
            self._write(x, y, text, SMALL, ha="center", va="baseline", color=SOFT)

    def _draw_ticks(self, ax: Axes, left: float, bottom: float, width: float, height: float) -> None:
        """The grid's lines, below all else, and the labels of both axes in place of matplotlib's own."""
        across, up = ([at for at, _ in _ticks(ax, which)] for which in "xy")
        xs, ys = _places(ax.xaxis, left, width, across), _places(ax.yaxis, bottom, height, up)
        lines = [([x, x], [bottom, bottom + height]) for x in xs if _has_grid(ax.xaxis)]
        lines += [([left, left + width], [y, y]) for y in ys if _has_grid(ax.yaxis)]
        if lines:
            x, y = ([at for line in lines for at in (*line[side], math.nan)] for side in (0, 1))
            self._line(x, y, color=GRID, linewidth=0.8, zorder=-1, solid_capstyle="butt")
        for x_at, text in zip(xs, _written(ax, "x"), strict=False):
            self._write(x_at, bottom - PAD, text, SMALL, ha="center", va="top")
        for y_at, text in zip(ys, _written(ax, "y"), strict=False):
            self._write(left - PAD, y_at, text, SMALL, ha="right", va="center_baseline")
        ax.xaxis.set_visible(False)
        ax.yaxis.set_visible(False)

    def _tree(self, rows: Rows, heights: Sequence[float]) -> None:
        """Names at their heights, each joined to the one that it hangs from, on its lane or another."""
        for (_, lane, hangs, _, _), y in zip(rows, heights, strict=True):
            if hangs is not None:
                x, above = 0.12 + LANE * lane, 0.12 + LANE * rows[hangs][1]
                self._line([above, above, x], [heights[hangs], y, y], color=SOFT, linewidth=0.9)
        for (_, lane, _, look, name), y in zip(rows, heights, strict=True):
            x = 0.12 + LANE * lane
            self._mark(x, y, look)
            self._write(x + 0.1, y, name, SMALL, va="center_baseline")

    def _write(self, x: float, y: float, text: str, size: float, **style: Any) -> None:
        self.figure.text(
            x, y, text, transform=self.figure.dpi_scale_trans, fontsize=size,
            **{"color": INK, "linespacing": LINE - 0.12, **style},
        )  # fmt: skip

    def _mark(self, x: float, y: float, look: Look) -> None:
        """A mark, or a short line where the look has one."""
        ends = [x - 0.1, x + 0.1] if look.get("linestyle") else [x]
        self._line(ends, [y] * len(ends), **{"linestyle": "", "markersize": 5} | look)

    def _line(self, x: list[float], y: list[float], **style: Any) -> None:
        self.figure.add_artist(Line2D(x, y, transform=self.figure.dpi_scale_trans, **style))


def _places(axis: Axis, start: float, length: float, values: Sequence[float]) -> list[float]:
    """The places of values along an axis of a panel, in inches."""
    transform = axis.get_transform()
    first, last = transform.transform(np.array(axis.get_view_interval()))
    places = (transform.transform(np.array(values)) - first) / (last - first)
    return [start + length * float(place) for place in places]


def _has_grid(axis: Axis) -> bool:
    return bool(axis.get_tick_params().get("gridOn"))


def _keys(keys: Mapping[str, Look], width: float) -> tuple[list[tuple[str, Look, float, int]], int]:
    """The place of each entry of the legend, in as many rows as needed; and the number of rows."""
    placed: list[tuple[str, Look, float, int]] = []
    x, row = 0.05, 0
    for name, look in keys.items():
        step = KEY + width_of(name, SIZE) + 0.16
        if x + step > width and x > 0.05:
            x, row = 0.05, row + 1
        placed.append((name, look, x, row))
        x += step
    return placed, row + 1 if placed else 0


def _written(ax: Axes, which: str) -> list[str]:
    """The texts of the visible ticks of an axis; none where they have no text."""
    texts = [text for _, text in _ticks(ax, which)]
    return texts if any(texts) else []


def _ticks(ax: Axes, which: str) -> list[tuple[float, str]]:
    axis = ax.xaxis if which == "x" else ax.yaxis
    if not axis.get_visible():
        return []
    places = [float(place) for place in axis.get_majorticklocs()]
    texts = axis.get_major_formatter().format_ticks(places)
    low, high = sorted(axis.get_view_interval())
    return [(at, text) for at, text in zip(places, texts, strict=False) if low <= at <= high]


def _overhang(ax: Axes, width: float) -> tuple[float, float]:
    """Inches by which the labels below a panel extend beyond its left and its right end."""
    scale = ax.xaxis.get_transform()
    left, right = scale.transform(np.array(ax.get_xlim(), dtype=float))
    before = after = 0.0
    for place, text in _ticks(ax, "x"):
        at = float((scale.transform(np.array([place]))[0] - left) / (right - left)) * width
        half = width_of(text, SMALL) / 2
        if math.isfinite(at):
            before, after = max(before, half - at), max(after, at + half - width)
    return before, after
