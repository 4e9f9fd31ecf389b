"""A circuit laid out: nodes in layers from left to right, wires that pass no node.

Operations stand as far left as their inputs let them, names just left of who uses them first. A wire that
skips layers goes through a lane of its source in each of them; layers are put in the order, top to bottom,
that has few crossings, and drawn to their neighbours.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from perflab.learn.chain_rule.worked import Step, Worked
from perflab.units import number

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
    rows, links = _lanes(steps, layers)
    order = _ordered(rows, links)
    tall = {item: BOX + 2 * LINE if isinstance(item, int) else LANE for row in order for item in row}
    ys = _heights(order, links, tall)
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
        ends = [ys.get((source, layers[target] - 1), ys[source]) for source in sources]
        ports = sorted(range(len(sources)), key=ends.__getitem__)  # from above to below, as they come in
        for port, source in enumerate(sources):
            aside = 10 * (ports.index(port) - (len(ports) - 1) / 2)  # two wires come in beside one another
            points = [(cells[source].x + cells[source].box / 2, cells[source].y),
                      (xs[layers[source]][2], cells[source].y)]  # fmt: skip
            for layer in range(layers[source] + 1, layers[target]):
                y = ys[source, layer] - top
                points += [(xs[layer][0], y), (xs[layer][2], y)]
            y = cells[target].y + aside
            points += [(xs[layers[target]][0], y), (cells[target].x - cells[target].box / 2, y)]
            wires.append(Wire(source, target, tuple(points)))
    return Layout(left - GAP + EDGE, bottom - top, tuple(cells), tuple(wires))


Item = int | tuple[int, int]  # a node, or a lane: the node whose wires run in it, and the layer
Links = Mapping[Item, Sequence[Item]]  # what each item is joined to in the next layer


def _layers(steps: Sequence[Step]) -> list[int]:
    found = [0] * len(steps)
    for at, step in enumerate(steps):
        found[at] = 1 + max((found[slope.source] for slope in step.slopes), default=-1)
    for at, step in enumerate(steps):
        users = [found[u] for u, user in enumerate(steps) if any(s.source == at for s in user.slopes)]
        if not step.slopes and users:
            found[at] = min(users) - 1
    return found


def _lanes(steps: Sequence[Step], layers: Sequence[int]) -> tuple[list[list[Item]], Links]:
    """The items of each layer, in the order of the expression, and how they are joined."""
    rows: list[list[Item]] = [[] for _ in range(max(layers) + 1)]
    links: dict[Item, list[Item]] = {}

    def join(before: Item, item: Item) -> Item:
        if item not in links.setdefault(before, []):
            links[before].append(item)
        return item

    for target, step in enumerate(steps):
        rows[layers[target]].append(target)
        for slope in step.slopes:
            last: Item = slope.source
            for layer in range(layers[slope.source] + 1, layers[target]):
                lane = slope.source, layer
                if lane not in links:
                    rows[layer].append(lane)
                last = join(last, lane)
                links.setdefault(lane, [])
            join(last, target)
    return rows, links


def _turned(links: Links) -> Links:
    """The same by what each item is joined to in the layer before."""
    found: dict[Item, list[Item]] = {}
    for item, others in links.items():
        for other in others:
            found.setdefault(other, []).append(item)
    return found


def _ordered(rows: list[list[Item]], links: Links) -> list[list[Item]]:
    """Each layer from top to bottom, by the middle of its neighbours, as often as that saves crossings."""
    best, fewest, turned = rows, _crossings(rows, links), _turned(links)
    for sweep in range(SWEEPS):
        rows = [list(row) for row in rows]
        place: dict[Item, float] = {item: (p + 0.5) / len(r) for r in rows for p, item in enumerate(r)}
        for row in rows if sweep % 2 else reversed(rows):
            near = turned if sweep % 2 else links
            middle = {
                item: _mean([place[other] for other in near.get(item, ())], place[item]) for item in row
            }
            row.sort(key=middle.__getitem__)
            place.update({item: (p + 0.5) / len(row) for p, item in enumerate(row)})
        crossed = _crossings(rows, links)
        if crossed < fewest:
            best, fewest = rows, crossed
    return best


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise


def _crossings(rows: Sequence[Sequence[Item]], links: Links) -> int:
    """How many wires cross one another between layers."""
    count = 0
    for row, following in pairwise(rows):
        place = {item: p for p, item in enumerate(following)}
        ends = [sorted(place[other] for other in links.get(item, ())) for item in row]
        count += sum(
            x > y for n, lower in enumerate(ends) for y in lower for upper in ends[:n] for x in upper
        )
    return count


def _heights(rows: Sequence[Sequence[Item]], links: Links, tall: Mapping[Item, float]) -> dict[Item, float]:
    """The middle of every item, as near to its neighbours' as the items above and below leave room."""
    ys: dict[Item, float] = {}
    turned = _turned(links)
    for row in rows:
        down = 0.0
        for item in row:
            ys[item] = down + tall[item] / 2
            down += tall[item] + APART
    for sweep in range(2 * SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            near = ([ys[other] for other in (*links.get(item, ()), *turned.get(item, ()))] for item in row)
            wanted = [_mean(others, ys[item]) for item, others in zip(row, near, strict=True)]
            put: list[float] = []
            for n, item in enumerate(row):
                least = put[-1] + (tall[row[n - 1]] + tall[item]) / 2 + APART if n else wanted[0]
                put.append(max(wanted[n], least))
            back = _mean([w - p for w, p in zip(wanted, put, strict=True)], 0.0)
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
