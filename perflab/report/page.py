"""What the page shows first and what it embeds: every cell, every ratio and every sample, from a summary.

The page's script shows, filters and sorts; it works out nothing. Ratios, intervals and verdicts for every
baseline that a reader may choose come from here, in the words in which they are shown.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any

from markupsafe import Markup

from perflab import units
from perflab.contract import Cell
from perflab.records import Plan, kinds
from perflab.report import tables, words
from perflab.report.summary import BASELINE, RIVALS, CellResult, Summary
from perflab.statistics import Ratio, significant

MARKS = {
    "FASTER": "▲", "SLOWER": "▼", "SAME": "=", "AMBIGUOUS": "?", "not enough": "…", "UNMEASURABLE": "✕",
}  # fmt: skip
MEANINGS = {
    "FASTER": "faster: the whole interval lies above 1.01",
    "SLOWER": "slower: the whole interval lies below 1/1.01",
    "SAME": "the same, within ±1 %",
    "AMBIGUOUS": "ambiguous: the interval is too wide to say",
    "not enough": "fewer than six pairs, so there is no interval",
    "UNMEASURABLE": "the machine was unfit to measure",
}
SAMPLE_STEPS = 1000  # an embedded sample is rounded to a thousandth of its cell's fastest
FIELDS = (
    "operation", "technique", "case", "dtype", "direction", "threads", "seconds", "time", "interval",
    "least", "min", "gflops", "gbytes", "roof", "limb", "error", "bytes", "memory", "basis", "ratios",
    "low", "high", "samples",
)  # fmt: skip


@dataclass(frozen=True)
class View:
    """What the grid shows: times in one direction, dtype and number of threads, over one baseline.

    An empty `case` stands for each operation's common case: the largest of those on which most of its
    techniques have a ratio over the baseline.
    """

    baseline: str
    case: str
    dtype: str
    direction: str
    threads: int


@dataclass(frozen=True)
class Chip:
    """A technique in the grid. `share` is the length of its bar: its logarithm as a part of the row's."""

    technique: str
    anchor: str
    value: str
    interval: str
    verdict: str
    time: str
    kind: str
    best: bool
    share: int


@dataclass(frozen=True)
class Best:
    """The fastest of an operation's own rungs on a case, with its share of the roof and which limb binds.

    `technique` is empty where none was measured there, `share` where no ceilings are known.
    """

    case: str
    technique: str
    share: str
    limb: str


@dataclass(frozen=True)
class Row:
    """An operation in the grid, and its best on the case that is shown and on the largest common one."""

    operation: str
    title: str
    case: str
    bests: tuple[Best, ...]
    chips: tuple[Chip, ...]


def anchor(cell: Cell) -> str:
    """A cell's permanent name on the page.

    >>> anchor(Cell("conv2d", "large", "float32", 1, "forward", "jit"))
    'cell-conv2d-jit-large-float32-forward-t1'
    """
    parts = (cell.operation, cell.technique, cell.case, cell.dtype, cell.direction, f"t{cell.threads}")
    return "cell-" + "-".join(re.sub(r"[^\w.@]+", "_", part, flags=re.ASCII) for part in parts)


# --------------------------------------------------------------------------------------------------- grid


class Grid:
    """Every ratio that a reader may ask for, worked out once."""

    def __init__(self, summary: Summary) -> None:
        """Pair every two techniques of every contest."""
        self.summary = summary
        self.plan = summary.run.plan
        self.ratios: dict[Cell, dict[str, Ratio]] = defaultdict(dict)
        for cell, figure in summary.figures.items():
            if figure.predicted:
                continue
            for baseline in self.plan.contenders(cell.operation, cell.case):
                if baseline == cell.technique:
                    continue
                held = summary.ratio(replace(cell, technique=baseline), cell)
                if held is not None:
                    self.ratios[cell][baseline] = held
        self.common = {
            operation: {
                baseline: self._common(operation, baseline) for baseline in self.plan.techniques[operation]
            }
            for operation in self.plan.techniques
        }
        self.start = self._start()

    def _common(self, operation: str, baseline: str) -> str:
        """The case with most ratios over a baseline, naive's apart; of equals the one with the most work."""
        met = dict.fromkeys(self.plan.cases[operation], 0)
        for figure in self.summary.of(operation=operation):
            cell = figure.cell
            met[cell.case] += cell.technique != BASELINE and baseline in self.ratios.get(cell, ())
        work = {case: self.summary.work(operation, case) for case in met}
        return max(met, key=lambda case: (met[case], work[case]))

    def _start(self) -> View:
        """The view that the page opens with; a contest opens over the peer that most operations met."""
        plan = self.plan
        names = list(dict.fromkeys(t for held in plan.techniques.values() for t in held))
        won = {name: sum(name in held for held in self.ratios.values()) for name in names}
        first = [name for name in (BASELINE, *RIVALS, *plan.homes) if won.get(name)]
        baseline = first[0] if first else max(names, key=lambda name: won[name], default="")
        return View(baseline, "", plan.dtypes[0], plan.directions[-1], plan.threads[0])

    def rows(self, view: View) -> list[Row]:
        """The grid as it is shown without a script."""
        return [self._row(operation, view) for operation in self.plan.techniques]

    def _row(self, operation: str, view: View) -> Row:
        largest = self.summary.common_case(operation)
        case = view.case or self.common[operation].get(view.baseline) or largest
        found = [self._cells(operation, name, view) for name in dict.fromkeys((case, largest))]
        bests = [self._best(cells) for cells in found]
        ratios = [self.ratios[c][view.baseline].value for c in found[0] if view.baseline in self.ratios[c]]
        return Row(
            operation, title(self.summary, operation), case,
            tuple(self._told(name, best) for name, best in zip((case, largest), bests, strict=False)),
            tuple(self._chip(cell, view, bests[0], max([1.0, *ratios])) for cell in found[0]),
        )  # fmt: skip

    def _cells(self, operation: str, case: str, view: View) -> list[Cell]:
        return [
            Cell(operation, case, view.dtype, view.threads, view.direction, technique)
            for technique in self.plan.contenders(operation, case)
        ]

    def _best(self, cells: Sequence[Cell]) -> CellResult | None:
        figures = (self.summary.figures.get(cell) for cell in cells if kind(self.plan, cell) == "rung")
        return min((f for f in figures if f and not f.predicted), key=lambda f: f.median_s, default=None)

    def _told(self, case: str, best: CellResult | None) -> Best:
        if best is None:
            return Best(case, "", "", "")
        share, limb = tables.roof_words(self.summary, best)
        return Best(case, best.cell.technique, *("" if word == "–" else word for word in (share, limb)))

    def _chip(self, cell: Cell, view: View, best: CellResult | None, widest: float) -> Chip:
        figure = self.summary.figures.get(cell)
        ratio = self.ratios[cell].get(view.baseline)
        value, interval, verdict = ratio_words(ratio)
        if cell.technique == view.baseline and figure is not None and not figure.predicted:
            value = "baseline"
        share = round(100 * log(ratio.value) / log(widest)) if ratio and ratio.value > 1 < widest else 0
        return Chip(
            cell.technique, anchor(cell), value, interval, verdict,
            words.time(figure).replace(" predicted", "") if figure else "",
            "predicted" if figure and figure.predicted else kind(self.plan, cell) if figure else "none",
            figure is not None and figure is best, share,
        )  # fmt: skip


def title(summary: Summary, operation: str) -> str:
    """What an operation is called."""
    return summary.run.operations[operation].title


def kind(plan: Plan, cell: Cell) -> str:
    """Whose a technique is: a "rung" of perflab's own, a "peer"'s, or of an "outside" file."""
    if plan.is_built_in(cell.operation, cell.technique):
        return "rung"
    return "peer" if cell.technique in plan.homes else "outside"


def ratio_words(ratio: Ratio | None) -> tuple[str, str, str]:
    """A ratio's value, its interval and its verdict, as the page shows them.

    >>> ratio_words(Ratio(123.4, 100.0, 150.0, 6))
    ('×120', '[100, 150]', 'FASTER')
    """
    if ratio is None:
        return "", "", ""
    value, _, interval = words.interval(ratio).partition(" ")
    return value, interval, ratio.verdict


def time_interval(figure: CellResult) -> str:
    """The 95 % interval of a cell's time, in the unit of its time."""
    if figure.low_s is None or figure.high_s is None:
        return ""
    size = units.of_time(figure.median_s)[0]
    low, high = figure.low_s / size, figure.high_s / size
    least = significant(figure.median_s, figure.low_s, figure.high_s)
    digits = next((n for n in (2, 3, 4) if n >= least and units.rounded(low, n) != units.rounded(high, n)), 4)
    return f"[{units.rounded(low, digits)}, {units.rounded(high, digits)}]"


# ------------------------------------------------------------------------------------------- embedded data


def embedded(grid: Grid) -> Markup:
    """The page's data as JSON that may stand inside an element: no `<` of a record can close it."""
    held = json.dumps(data(grid), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return Markup(held.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def data(grid: Grid) -> dict[str, Any]:
    """Everything that the script shows: names once, and one list a cell in the order of `fields`."""
    summary, plan = grid.summary, grid.plan
    techniques = list(dict.fromkeys(t for held in plan.techniques.values() for t in held))
    names = {
        "operation": list(plan.techniques),
        "technique": techniques,
        "case": list(dict.fromkeys(case for held in plan.cases.values() for case in held)),
        "dtype": list(plan.dtypes),
        "direction": list(plan.directions),
    }
    at = {field: {name: i for i, name in enumerate(held)} for field, held in names.items()}
    samples = _samples(summary)
    errors = {accuracy.contender: accuracy.share for accuracy in summary.checks}
    cells = []
    for cell, figure in summary.figures.items():
        share = errors.get(cell.contender)
        cells.append([
            *(at[field][getattr(cell, field)] for field in names), cell.threads,
            *_measured(summary, figure), "" if share is None else f"{share:.3f}",
            summary.memory.get(cell, 0),
            units.in_bytes(summary.memory[cell]) if cell in summary.memory else "", figure.basis,
            _packed(grid.ratios.get(cell, {}), plan.contenders(cell.operation, cell.case)),
            *_scaled(figure, samples.get(cell, [])),
        ])  # fmt: skip
    return {
        "names": names,
        "threads": list(plan.threads),
        "titles": {operation: title(summary, operation) for operation in plan.techniques},
        "contenders": {
            operation: {case: list(plan.contenders(operation, case)) for case in plan.cases[operation]}
            for operation in plan.techniques
        },
        "others": {
            operation: {
                technique: found
                for technique in held
                if (found := kind(plan, Cell(operation, "", "", 1, "", technique))) != "rung"
            }
            for operation, held in plan.techniques.items()
        },
        "common": grid.common,
        "largest": {operation: summary.common_case(operation) for operation in plan.techniques},
        "start": vars(grid.start),
        "marks": MARKS,
        "steps": SAMPLE_STEPS,
        "fields": FIELDS,
        "cells": cells,
    }


def _measured(summary: Summary, figure: CellResult) -> tuple[Any, ...]:
    """Seconds, time, interval, least, min, rates and roof: empty words where a figure is predicted."""
    if figure.predicted:
        return _short(figure.median_s), words.time(figure), "", 0, "", "", "", "", ""
    roof = tables.roof_words(summary, figure)
    return (
        _short(figure.median_s), words.time(figure), time_interval(figure), _short(figure.best_s or 0.0),
        units.seconds(figure.best_s, 3) if figure.best_s else "",
        units.rounded(figure.gflops, 3), units.rounded(figure.gbytes_s, 3),
        *("" if word == "–" else word for word in roof),
    )  # fmt: skip


def _packed(ratios: Mapping[str, Ratio], contenders: Sequence[str]) -> str:
    """A cell's ratios over every contender of its case, in their order: "×12 [11, 13] FASTER|…"."""
    held = (ratio_words(ratios.get(name)) for name in contenders)
    return "|".join(
        f"{value} {interval} {MARKS[verdict]}" if value else "" for value, interval, verdict in held
    )


def _scaled(figure: CellResult, turns: Sequence[Sequence[float]]) -> tuple[int, int, list[list[int]]]:
    """The interval and the samples, turn by turn, in thousandths of the fastest sample."""
    if figure.predicted or not figure.best_s:
        return 0, 0, []
    unit = figure.best_s / SAMPLE_STEPS
    low, high = (round(value / unit) if value else 0 for value in (figure.low_s, figure.high_s))
    return low, high, [[round(s / unit) for s in rounds] for rounds in turns]


def _samples(summary: Summary) -> dict[Cell, list[Sequence[float]]]:
    """Every round of every turn that a figure counts, in seconds a call, in the order of the turns."""
    rounds: dict[Cell, dict[tuple[int, int], Sequence[float]]] = defaultdict(dict)
    for record in summary.run.of_kind(kinds.Timed):
        if record.cell in summary.figures and record.turn in summary.turns.get(record.cell, ()):
            rounds[record.cell][record.turn] = record.rounds_s
    return {cell: [turns[turn] for turn in sorted(turns)] for cell, turns in rounds.items()}


def _short(value: float) -> float:
    """A number to five digits: as many as a page needs."""
    return float(f"{value:.5g}")
