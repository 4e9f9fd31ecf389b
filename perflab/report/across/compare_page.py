"""A comparison as one page: the verdict, a forest plot with a row a cell, the times behind it on demand."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from perflab import __version__
from perflab.report.across import several as columns
from perflab.report.across import verdict, wording
from perflab.report.across.compare import Change
from perflab.report.across.several import Row, Several
from perflab.report.template import template

MOST_SAMPLES = 30  # times of a cell and side that the page holds; of more, evenly spaced quantiles
WIDE, NARROW = 0.13, 0.3  # of the axis: labels closer than that would touch
WIDEST = 3.0  # times the spread of nine in ten cells: what reaches farther is cut at the axis' end
TICKS = (1, 0.5, 2, 0.8, 1.25, 0.9, 1.1, 0.95, 1.05, 0.67, 1.5, 0.2, 5, 0.1, 10, 0.01, 100, 0.001, 1000)
OWN = ("operation", "technique", "case", "dtype", "direction", "threads")


@dataclass(frozen=True)
class Axis:
    """The logarithmic axis of all ratios: where it begins and ends, and its labels as (percent, text)."""

    low: float
    high: float

    def at(self, ratio: float) -> float:
        """The place of a ratio in percent of the axis; what lies outside is at its end."""
        share = (math.log(ratio) - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 1)

    def cut(self, change: Change) -> bool:
        """Whether an interval reaches beyond the axis."""
        return any(not self.low <= math.log(end) <= self.high for end in ends(change))

    def labels(self, narrow: bool = False) -> list[tuple[float, str]]:
        """Ratios that are labelled, 1 among them, none so near to another that labels touch."""
        apart = 100 * (NARROW if narrow else WIDE)
        kept: list[tuple[float, str]] = []
        for value in TICKS:
            place = self.at(value)
            inside = self.low <= math.log(value) <= self.high
            if inside and all(abs(place - other) >= apart for other, _ in kept):
                kept.append((place, f"×{value:g}"))
        return sorted(kept)

    @property
    def grid(self) -> str:
        """The lines at the labels as a CSS background, the one at 1 stronger."""
        colours = [("edge" if label == "×1" else "line", place) for place, label in self.labels()]
        line = "linear-gradient(var(--{0}),var(--{0})) {1}% 0/1px 100% no-repeat"
        return ",".join(line.format(*colour) for colour in colours)


def html(several: Several) -> str:
    """The comparison as one page without a network; without a script it lacks only filters and samples."""
    rows = several.rows()
    changed = sorted((row for row in rows if row.verdict in columns.DECIDED), key=lambda row: -row.size)
    groups = [
        ("Changed", "whose whole interval is beyond ±1 %, by size of change", changed),
        ("Undecided", "whose interval is too wide, or who have none",
         [row for row in rows if row.verdict == "undecided"]),
        ("The same", "within ±1 %", [row for row in rows if row.verdict == "SAME"]),
    ]  # fmt: skip
    pair = several.pairs[0] if len(several.pairs) == 1 else None
    changes = [change for row in rows for change in row.known]
    shown = [row for _, _, group in groups for row in group]
    own = bool(changes) and all(change.base.cell for change in changes)
    return template("compare.html.jinja").render(
        several=several, pair=pair, zipped=list(zip(several.names, several.sides, strict=True)),
        title=f"{', '.join(several.names[1:])} against {several.names[0]}",
        banner=wording.banner(pair) if pair else columns.banner(several),
        sentences=columns.sentences(several), number=verdict.mean(pair.changes) if pair else None,
        counts=_counts(pair.counts) if pair else [], environments=columns.environments(several),
        verdicts=columns.verdicts(several), by_group=verdict.groups(pair) if pair else [],
        groups=[group for group in groups if group[-1]], anchors=anchors(rows), axis=axis(changes), ends=ends,
        wording=wording, closing=_closing(several), without=_without(several), filters=OWN if own else (),
        samples=Markup(json.dumps([_samples(row) for row in shown], separators=(",", ":"))),
        method=[wording.PAIRED if several.pairs[0].paired else wording.METHOD, verdict.MEAN],
        version=__version__,
    )  # fmt: skip


def axis(changes: Sequence[Change]) -> Axis:
    """The axis on which these intervals are drawn; a few very wide ones do not make it."""
    reach = sorted(abs(math.log(end)) for change in changes for end in ends(change))
    values = [math.log(change.ratio.value) for change in changes]
    usual = WIDEST * reach[int(0.9 * (len(reach) - 1))] if reach else 0.0
    least = math.log(1.1)
    limits = [math.log(end) for change in changes for end in ends(change)]
    low = max(min([*limits, -least]), min([*values, -least, -usual]))
    high = min(max([*limits, least]), max([*values, least, usual]))
    margin = 0.02 * (high - low)
    return Axis(low - margin, high + margin)


def ends(change: Change) -> tuple[float, float, float]:
    """Low end, value and high end of a ratio; the value three times where it has no interval."""
    ratio = change.ratio
    return ratio.low or ratio.value, ratio.value, ratio.high or ratio.value


def anchors(rows: Sequence[Row]) -> dict[str, str]:
    """A name on the page for every cell; no two are equal."""
    found: dict[str, str] = {}
    taken: dict[str, int] = {}
    for row in rows:
        plain = "cell-" + re.sub(r"[^\w.@]+", "-", row.name, flags=re.ASCII).strip("-")
        same = taken.get(plain, 0)
        taken[plain] = same + 1
        found[row.name] = f"{plain}--{same}" if same else plain
    return found


def _counts(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """How many cells got which verdict, the decided ones first."""
    order = (*columns.DECIDED, "SAME")
    return sorted(counts.items(), key=lambda each: order.index(each[0]) if each[0] in order else len(order))


def _closing(several: Several) -> list[str]:
    """The remarks below the cells; what has no ratio has a part of its own."""
    lines = wording.remarks([*zip(several.names, several.sides, strict=True)])
    for name, pair in several.named:
        prefix = f"{name}: " if len(several.pairs) > 1 else ""
        lines += [
            prefix + line for line in (wording.counted(pair), *pair.told, *wording.threshold_lines(pair))
        ]
    return lines


def _without(several: Several) -> list[tuple[str, list[str]]]:
    """The cells that have no ratio, by result and kind: a title and lines."""
    found = []
    for name, pair in several.named:
        for kind, cells in wording.kinds(pair, f" in {name}").items():
            title = f"{kind}, {name}" if kind == "no ratio" and len(several.pairs) > 1 else kind
            found += [(f"{title}: {len(cells)}", [f"{cell}: {why}" for cell, why in cells.items()])] * bool(
                cells
            )
    return found


def _samples(row: Row) -> list[object]:
    """A cell's times for the page: the unit in seconds, then whole numbers of it for each side."""
    sides = [row.known[0].base.values, *(change.new.values if change else [] for change in row.changes)]
    every = [value for values in sides for value in values]
    if not every:
        return []
    unit = min(every) / 2000
    return [float(f"{unit:.6g}"), *([round(value / unit) for value in _fewer(values)] for values in sides)]


def _fewer(values: Sequence[float]) -> Sequence[float]:
    if len(values) <= MOST_SAMPLES:
        return values
    ordered = sorted(values)
    bounds = [len(ordered) * i // MOST_SAMPLES for i in range(MOST_SAMPLES + 1)]
    return [ordered[(start + end - 1) // 2] for start, end in pairwise(bounds)]
