"""A worked circuit as a drawing and a page: nodes in layers, values above in green, gradients below in red.

Nodes stand as far right as their inputs make them, names just left of who uses them first. A wire that skips
layers goes through a free lane in each of them, so that it passes no node. The page is one file that asks
nothing of a network.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

from perflab import __version__
from perflab.records import full_or
from perflab.report import mathematics
from perflab.report.write import _template
from perflab.worked import Step, Worked, number

LETTER, BOX, LINE, GAP, APART, LANE, EDGE = 8.0, 28.0, 18.0, 30.0, 14.0, 10.0, 8.0  # px
LONGEST = 11  # characters of a box: a longer formula is told by its rule, a longer name is cut
SHORT = {"+": "+", "-": "−", "*": "×", "/": "÷", "**": "^", "negative": "−"}
DIGITS = 4  # of a drawn number
SWEEPS = 12


@dataclass(frozen=True)
class Cell:
    """What a node takes up, in px from the drawing's corner: its box, and its numbers above and below."""

    step: int
    x: float  # of the middle
    y: float
    width: float
    box: float  # width of the box alone
    label: str
    above: str
    below: str

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        half = BOX / 2 + LINE
        return self.x - self.width / 2, self.y - half, self.x + self.width / 2, self.y + half


@dataclass(frozen=True)
class Wire:
    """The way from one node to another: points, of which the second of each pair lies straight right."""

    source: int
    target: int
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in px."""

    width: float
    height: float
    cells: tuple[Cell, ...]
    wires: tuple[Wire, ...]


def layout(held: Worked) -> Layout:
    """A circuit laid out from left to right: no node upon another, no wire through one."""
    steps = held.steps
    layers = _layers(steps)
    lanes, follows = _lanes(steps, layers)
    order = _ordered(lanes, follows)
    tall = {item: BOX + 2 * LINE if isinstance(item, int) else LANE for row in order for item in row}
    ys = _heights(order, follows, tall)
    texts = {at: _texts(step) for at, step in enumerate(steps)}
    sizes = {at: (_wide(label) + 14, max(_wide(label) + 14, _wide(above), _wide(below)))
             for at, (label, above, below) in texts.items()}  # fmt: skip
    xs, left, half = [], EDGE, 0.0
    for row in order:
        half = max((sizes[item][1] for item in row if isinstance(item, int)), default=0.0) / 2
        xs.append((left, left + half, left + 2 * half))
        left += 2 * half + GAP
    top = min(ys[item] - tall[item] / 2 for row in order for item in row) - EDGE
    bottom = max(ys[item] + tall[item] / 2 for row in order for item in row) + EDGE
    cells = [
        Cell(at, xs[layers[at]][1], ys[at] - top, sizes[at][1], sizes[at][0], *texts[at])
        for at in range(len(steps))
    ]
    wires = []
    for target, step in enumerate(steps):
        sources = [slope.source for slope in step.slopes]
        ends = [ys.get((source, target, port, layers[target] - 1), ys[source])
                for port, source in enumerate(sources)]  # fmt: skip
        ports = sorted(range(len(sources)), key=ends.__getitem__)  # from above to below, as they come in
        for port, source in enumerate(sources):
            aside = 10 * (ports.index(port) - (len(ports) - 1) / 2)  # two wires come in beside one another
            points = [(cells[source].x + cells[source].box / 2, cells[source].y),
                      (xs[layers[source]][2], cells[source].y)]  # fmt: skip
            for layer in range(layers[source] + 1, layers[target]):
                y = ys[source, target, port, layer] - top
                points += [(xs[layer][0], y), (xs[layer][2], y)]
            y = cells[target].y + aside
            points += [(xs[layers[target]][0], y), (cells[target].x - cells[target].box / 2, y)]
            wires.append(Wire(source, target, tuple(points)))
    return Layout(left - GAP + EDGE, bottom - top, tuple(cells), tuple(wires))


Item = int | tuple[int, int, int, int]  # a node, or a wire's lane: source, target, port, layer


def _layers(steps: Sequence[Step]) -> list[int]:
    found = [0] * len(steps)
    for at, step in enumerate(steps):
        found[at] = 1 + max((found[slope.source] for slope in step.slopes), default=-1)
    for at, step in enumerate(steps):
        users = [found[u] for u, user in enumerate(steps) if any(s.source == at for s in user.slopes)]
        if not step.slopes and users:
            found[at] = min(users) - 1
    return found


def _lanes(steps: Sequence[Step], layers: Sequence[int]) -> tuple[list[list[Item]], list[tuple[Item, Item]]]:
    """The items of each layer, in the order of the expression, and which is joined to which to its right."""
    rows: list[list[Item]] = [[] for _ in range(max(layers) + 1)]
    follows: list[tuple[Item, Item]] = []
    for target, step in enumerate(steps):
        rows[layers[target]].append(target)
        for port, slope in enumerate(step.slopes):
            before: Item = slope.source
            for layer in range(layers[slope.source] + 1, layers[target]):
                lane = slope.source, target, port, layer
                rows[layer].append(lane)
                follows.append((before, lane))
                before = lane
            follows.append((before, target))
    return rows, follows


def _ordered(rows: list[list[Item]], follows: Sequence[tuple[Item, Item]]) -> list[list[Item]]:
    """Each layer from top to bottom, by the middle of its neighbours, as often as that saves crossings."""
    best, fewest = rows, _crossings(rows, follows)
    for sweep in range(SWEEPS):
        rows = [list(row) for row in rows]
        leftwards = sweep % 2 == 0
        for row in reversed(rows) if leftwards else rows:
            place = {item: (p + 0.5) / len(r) for r in rows for p, item in enumerate(r)}
            middle = {}
            for item in row:
                ways = [place[b if leftwards else a] for a, b in follows if (a if leftwards else b) == item]
                middle[item] = sum(ways) / len(ways) if ways else place[item]
            row.sort(key=middle.__getitem__)
        crossed = _crossings(rows, follows)
        if crossed < fewest:
            best, fewest = rows, crossed
    return best


def _crossings(rows: Sequence[Sequence[Item]], follows: Sequence[tuple[Item, Item]]) -> int:
    place = {item: (layer, p) for layer, row in enumerate(rows) for p, item in enumerate(row)}
    count = 0
    for n, (a, b) in enumerate(follows):
        for c, d in follows[:n]:
            if place[a][0] == place[c][0]:
                count += (place[a][1] - place[c][1]) * (place[b][1] - place[d][1]) < 0
    return count


def _heights(
    rows: Sequence[Sequence[Item]], follows: Sequence[tuple[Item, Item]], tall: dict[Item, float]
) -> dict[Item, float]:
    """The middle of every item, as near to its neighbours' as the items above and below leave room."""
    ys: dict[Item, float] = {}
    for row in rows:
        down = 0.0
        for item in row:
            ys[item] = down + tall[item] / 2
            down += tall[item] + APART
    for sweep in range(2 * SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            wanted = []
            for item in row:
                near = [ys[b] for a, b in follows if a == item] + [ys[a] for a, b in follows if b == item]
                wanted.append(sum(near) / len(near) if near else ys[item])
            put: list[float] = []
            for n, item in enumerate(row):
                least = put[-1] + (tall[row[n - 1]] + tall[item]) / 2 + APART if n else wanted[0]
                put.append(max(wanted[n], least))
            back = sum(w - p for w, p in zip(wanted, put, strict=True)) / len(row)
            ys.update({item: y + back for item, y in zip(row, put, strict=True)})
    return ys


def _texts(step: Step) -> tuple[str, str, str]:
    """What stands in a node's box, above it and below it."""
    label = step.short
    if len(label) > LONGEST:
        label = SHORT.get(step.rule, step.rule) if step.rule else f"{label[: LONGEST - 1]}…"
    value = number(step.value, DIGITS)
    return label, f"{step.name} = {value}" if step.rule else value, number(step.gradient, DIGITS)


def _wide(text: str) -> float:
    """No less than a line of text takes up, in px: a sans-serif digit is narrower."""
    return sum(2 * LETTER if unicodedata.east_asian_width(c) in "WF" else LETTER for c in text)


# ----------------------------------------------------------------------------------------------- drawing


def drawing(held: Worked, name: str) -> Markup:
    """A circuit as an <svg>, in the page's colours; `name` makes its ids its own."""
    put = layout(held)
    wires = "".join(f'<path d="{_path(wire.points)}" marker-end="url(#{name}-tip)"/>' for wire in put.wires)
    nodes = "".join(_node(cell, held.steps[cell.step]) for cell in put.cells)
    told = "; ".join(
        f"{step.formula}: value {number(step.value)}, gradient {number(step.gradient)}" for step in held.steps
    )
    return Markup(
        f'<svg class="circuit" role="img" aria-labelledby="{name}-title {name}-desc"'
        f' viewBox="0 0 {put.width:.0f} {put.height:.0f}" width="{put.width:.0f}" height="{put.height:.0f}">'
        f'<title id="{name}-title">{escape("The circuit of " + held.expression)}</title>'
        f'<desc id="{name}-desc">{escape(told)}</desc>'
        f'<defs><marker id="{name}-tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
        f'<g class="wires">{wires}</g>{nodes}</svg>'
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Straight beside and past nodes, curved between layers."""
    (x, y), *others = points
    told = [f"M{x:.1f} {y:.1f}"]
    for n, (to_x, to_y) in enumerate(others):
        middle = (x + to_x) / 2
        curve = f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        told.append(curve if n % 2 else f"H{to_x:.1f}")
        x, y = to_x, to_y
    return "".join(told)


def _node(cell: Cell, step: Step) -> str:
    left, top = cell.x - cell.box / 2, cell.y - BOX / 2
    called, equals, value = cell.above.rpartition(" = ")
    above = f'<tspan class="called">{escape(called + equals)}</tspan>{value}' if called else value
    x = f'x="{cell.x:.1f}"'
    return (
        f'<g class="{"operation" if step.rule else "input"}"><title>{escape(step.formula)}</title>'
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{cell.box:.1f}" height="{BOX:.0f}" rx="6"/>'
        f'<text {x} y="{cell.y + 4.5:.1f}">{escape(cell.label)}</text>'
        f'<text class="value" {x} y="{top - 5:.1f}">{above}</text>'
        f'<text class="gradient" {x} y="{top + BOX + 14:.1f}">{cell.below}</text></g>'
    )


# -------------------------------------------------------------------------------------------------- page


def page(circuits: Sequence[Worked], derivation: str) -> str:
    """The study as one HTML file."""
    return _template("chain_rule.html.jinja").render(
        circuits=[(held, drawing(held, f"circuit-{n}")) for n, held in enumerate(circuits, 1)],
        derivation=mathematics.html(derivation, below=1),
        number=number,
        version=__version__,
    )


def write(path: Path, circuits: Sequence[Worked], derivation: str) -> Path:
    """Write the page. Raises PerflabError where it cannot be written."""
    try:
        path.write_text(page(circuits, derivation), "utf-8")
    except OSError as error:
        raise full_or(error, path) from error
    return path
