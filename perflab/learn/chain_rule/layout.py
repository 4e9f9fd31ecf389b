"""The layout of a circuit: nodes in layers from left to right, no wire through a node.

An operation is as far left as its inputs allow, a name one layer left of its first user. A wire that skips
layers passes through a lane of its source in each of them. The order within a layer is chosen for few
crossings; then each item moves towards its neighbours.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from perflab.learn.chain_rule.worked import Step, Worked
from perflab.units import number

LETTER, BOX, LINE, GAP, APART, LANE, EDGE = 8.0, 28.0, 18.0, 30.0, 14.0, 10.0, 8.0  # px
LONGEST = 11  # characters in a box: for a longer formula the rule is shown, a longer name is cut
SHORT = {"+": "+", "-": "−", "*": "×", "/": "÷", "**": "^", "negative": "−"}
DIGITS = 4  # of a number in the drawing
SWEEPS = 12

Points = Sequence[tuple[float, float]]  # of a wire, in pairs: the second is directly right of the first


@dataclass(frozen=True)
class Cell:
    """The place of a node, in px from the top left corner: its box, and the lines of text above and below."""

    x: float  # of the middle
    y: float
    width: float
    box: float  # width of the box alone
    label: str
    above: str
    below: str


@dataclass(frozen=True)
class Layout:
    """The places of all nodes and wires, in px."""

    width: float
    height: float
    cells: tuple[Cell, ...]
    wires: tuple[Points, ...]


def layout(circuit: Worked) -> Layout:
    """A circuit from left to right: no two nodes overlap, no wire passes through a node."""
    steps = circuit.steps
    layers = _layers(steps)
    rows, links = _lanes(steps, layers)
    rows = _ordered(rows, links)
    heights = {item: BOX + 2 * LINE if isinstance(item, int) else LANE for row in rows for item in row}
    ys = _middles(rows, links, heights)
    texts = [_texts(step) for step in steps]
    boxes = [_width(label) + 14 for label, _, _ in texts]
    widths = [max(box, *map(_width, text[1:])) for box, text in zip(boxes, texts, strict=True)]
    spans, left = [], EDGE  # each layer's left end and right end
    for row in rows:
        right = left + max((widths[item] for item in row if isinstance(item, int)), default=0.0)
        spans.append((left, right))
        left = right + GAP
    top = min(ys[item] - heights[item] / 2 for item in ys) - EDGE
    bottom = max(ys[item] + heights[item] / 2 for item in ys) + EDGE
    cells = [
        Cell(sum(spans[layers[at]]) / 2, ys[at] - top, widths[at], boxes[at], *text)
        for at, text in enumerate(texts)
    ]
    wires = []
    for target, step in enumerate(steps):
        sources = [slope.source for slope in step.slopes]
        ends = [ys.get((source, layers[target] - 1), ys[source]) for source in sources]
        ports = sorted(range(len(sources)), key=ends.__getitem__)  # from top to bottom, as they arrive
        for port, source in enumerate(sources):
            begin, end = cells[source], cells[target]
            points = [(begin.x + begin.box / 2, begin.y), (spans[layers[source]][1], begin.y)]
            for layer in range(layers[source] + 1, layers[target]):
                points += [(x, ys[source, layer] - top) for x in spans[layer]]
            y = end.y + 10 * (ports.index(port) - (len(ports) - 1) / 2)  # several wires arrive side by side
            points += [(spans[layers[target]][0], y), (end.x - end.box / 2, y)]
            wires.append(points)
    return Layout(left - GAP + EDGE, bottom - top, tuple(cells), tuple(wires))


Item = int | tuple[int, int]  # a node, or a lane: the node whose wires run in it, and the layer
Links = Mapping[Item, Collection[Item]]  # what each item is joined to in the next layer


def _layers(steps: Sequence[Step]) -> list[int]:
    layers = [0] * len(steps)
    for at, step in enumerate(steps):
        layers[at] = 1 + max((layers[slope.source] for slope in step.slopes), default=-1)
    for at, step in enumerate(steps):
        users = [layers[u] for u, user in enumerate(steps) if any(s.source == at for s in user.slopes)]
        if not step.slopes and users:
            layers[at] = min(users) - 1
    return layers


def _lanes(steps: Sequence[Step], layers: Sequence[int]) -> tuple[list[list[Item]], Links]:
    """The items of each layer, in the order of the expression, and how they are joined."""
    rows: list[list[Item]] = [[] for _ in range(max(layers) + 1)]
    links: dict[Item, dict[Item, None]] = {}  # the inner keys are an ordered set
    for target, step in enumerate(steps):
        rows[layers[target]].append(target)
        for slope in step.slopes:
            between = range(layers[slope.source] + 1, layers[target])
            lanes: list[Item] = [(slope.source, layer) for layer in between]
            for layer, lane in zip(between, lanes, strict=True):
                if lane not in rows[layer]:
                    rows[layer].append(lane)
            for before, item in pairwise([slope.source, *lanes, target]):
                links.setdefault(before, {})[item] = None
    return rows, links


def _reversed(links: Links) -> Links:
    """What each item is joined to in the layer before."""
    before: dict[Item, list[Item]] = {}
    for item, others in links.items():
        for other in others:
            before.setdefault(other, []).append(item)
    return before


def _ordered(rows: list[list[Item]], links: Links) -> list[list[Item]]:
    """Each layer from top to bottom, by the mean place of its neighbours; the best of several sweeps."""
    best, fewest, before = rows, _crossings(rows, links), _reversed(links)
    for sweep in range(SWEEPS):
        rows = [list(row) for row in rows]
        place: dict[Item, float] = {item: (p + 0.5) / len(r) for r in rows for p, item in enumerate(r)}
        near = before if sweep % 2 else links
        for row in rows if sweep % 2 else reversed(rows):
            mean = {item: _mean([place[other] for other in near.get(item, ())], place[item]) for item in row}
            row.sort(key=mean.__getitem__)
            place.update({item: (p + 0.5) / len(row) for p, item in enumerate(row)})
        crossings = _crossings(rows, links)
        if crossings < fewest:
            best, fewest = rows, crossings
    return best


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise


def _crossings(rows: Sequence[Sequence[Item]], links: Links) -> int:
    """How many pairs of wires cross between layers."""
    count = 0
    for row, following in pairwise(rows):
        place = {item: p for p, item in enumerate(following)}
        ends = [sorted(place[other] for other in links.get(item, ())) for item in row]
        count += sum(x > y for n, low in enumerate(ends) for y in low for high in ends[:n] for x in high)
    return count


def _middles(rows: list[list[Item]], links: Links, heights: Mapping[Item, float]) -> dict[Item, float]:
    """The y of every item's middle: as near to its neighbours' as the items above and below allow."""
    ys: dict[Item, float] = {}
    before = _reversed(links)
    for row in rows:
        down = 0.0
        for item in row:
            ys[item] = down + heights[item] / 2
            down += heights[item] + APART
    for sweep in range(2 * SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            near = ([ys[other] for other in (*links.get(item, ()), *before.get(item, ()))] for item in row)
            wanted = [_mean(others, ys[item]) for item, others in zip(row, near, strict=True)]
            put: list[float] = []
            for n, item in enumerate(row):
                least = put[-1] + (heights[row[n - 1]] + heights[item]) / 2 + APART if n else wanted[0]
                put.append(max(wanted[n], least))
            shift = _mean([w - p for w, p in zip(wanted, put, strict=True)], 0.0)
            ys.update({item: y + shift for item, y in zip(row, put, strict=True)})
    return ys


def _texts(step: Step) -> tuple[str, str, str]:
    """The texts in a node's box, above it and below it."""
    label, value = step.short, number(step.value, DIGITS)
    if len(label) > LONGEST:
        label = SHORT.get(step.rule, step.rule) if step.rule else f"{label[: LONGEST - 1]}…"
    return label, f"{step.name} = {value}" if step.rule else value, number(step.gradient, DIGITS)


def _width(text: str) -> float:
    """An upper bound of a line's width in px: a sans-serif digit is narrower."""
    return sum(2 * LETTER if unicodedata.east_asian_width(c) in "WF" else LETTER for c in text)
