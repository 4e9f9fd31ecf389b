"""The first view of the page and its embedded data: every cell, every ratio and every sample.

The page's script shows, filters and sorts; it computes nothing. Ratios, intervals and verdicts for every
baseline that a reader may choose are computed here, as the text that the page shows.
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
    "FASTER": "faster: the whole interval is above 1.01",
    "SLOWER": "slower: the whole interval is below 1/1.01",
    "SAME": "the same, within ±1 %",
    "AMBIGUOUS": "ambiguous: the interval is too wide for a verdict",
    "not enough": "fewer than six pairs, so there is no interval",
    "UNMEASURABLE": "the machine was unfit to measure",
}
LIMBS = ("", "arithmetic", "memory")  # what limits a cell, "" where it is not known
SAMPLE_STEPS = 1000  # embedded samples are rounded to a thousandth of the cell's fastest sample
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"  # of base 64
GROUP = 32  # values of five bits
FIELDS = (
    "operation", "technique", "case", "dtype", "direction", "threads", "seconds", "time", "interval",
    "least", "min", "gflops", "gbytes", "roof", "limb", "error", "bytes", "memory", "basis", "ratios",
    "low", "high", "samples",
)  # fmt: skip


@dataclass(frozen=True)
class View:
    """What the grid shows: times in one direction, dtype and number of threads, over one baseline.

    An empty `case` means each operation's common case: the one with most ratios over the baseline.
    """

    baseline: str
    case: str
    dtype: str
    direction: str
    threads: int


@dataclass(frozen=True)
class Chip:
    """A technique in the grid. `share` is the length of its bar in percent, on a logarithmic scale."""

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
class Row:
    """An operation in the grid, with its fastest rung's share of the roof and what limits it, where known."""

    operation: str
    title: str
    case: str
    share: str
    limb: str
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
    """Every ratio that a reader may ask for, computed once."""

    def __init__(self, summary: Summary) -> None:
        """Compute the ratio of every two techniques in each contest."""
        self.summary, self.plan = summary, summary.run.plan
        self.ratios: dict[Cell, dict[str, Ratio]] = defaultdict(dict)
        for cell in (cell for cell, figure in summary.figures.items() if not figure.predicted):
            for baseline in self.plan.contenders(cell.operation, cell.case):
                ratio = summary.ratio(replace(cell, technique=baseline), cell)
                if ratio is not None and baseline != cell.technique:
                    self.ratios[cell][baseline] = ratio
        self.common = {
            operation: {baseline: self._common(operation, baseline) for baseline in techniques}
            for operation, techniques in self.plan.techniques.items()
        }
        self.start = self._start()

    def _common(self, operation: str, baseline: str) -> str:
        """The case with most ratios over a baseline, without naive's; among equals the common case."""
        count = dict.fromkeys(self.plan.cases[operation], 0)
        for figure in self.summary.of(operation=operation):
            cell = figure.cell
            count[cell.case] += cell.technique != BASELINE and baseline in self.ratios.get(cell, ())
        common = self.summary.common_case(operation)
        return max(count, key=lambda c: (count[c], c == common, self.summary.work(operation, c)))

    def _start(self) -> View:
        """The first view of the page: over naive, unless another rival has twice as many ratios to show.

        In a contest without rivals the baseline is the first peer that has a ratio. A baseline that was asked
        for is taken where it has any.
        """
        plan = self.plan
        names = choices(plan)["baseline"]
        count = {name: self._shown(name) for name in names}
        most = max(count.values(), default=0)
        first = [n for n in (*RIVALS, *plan.homes) if count.get(n) and 2 * count[n] >= most]
        if plan.baseline != BASELINE and count.get(plan.baseline):
            first = [plan.baseline]
        baseline = first[0] if first else max(names, key=lambda name: count[name], default="")
        return View(baseline, "", plan.dtypes[0], plan.directions[-1], plan.threads[0])

    def _shown(self, baseline: str) -> int:
        """How many ratios over a baseline there are on the common cases."""
        return sum(
            baseline in ratios and cell.case == self.common[cell.operation].get(baseline)
            for cell, ratios in self.ratios.items()
        )

    def rows(self, view: View) -> list[Row]:
        """The grid as it is shown without a script."""
        return [self._row(operation, view) for operation in self.plan.techniques]

    def _row(self, operation: str, view: View) -> Row:
        largest = self.summary.common_case(operation)
        case = view.case or self.common[operation].get(view.baseline) or largest
        cells = self._cells(operation, case, view)
        best = self._best(operation, case, view)
        ratios = [
            self.ratios[cell][view.baseline].value for cell in cells if view.baseline in self.ratios[cell]
        ]
        share, limb = _roof_words(self.summary, best) if best else ("", "")
        return Row(
            operation, self.summary.title(operation), case, share, limb,
            tuple(self._chip(cell, view, best, max([1.0, *ratios])) for cell in cells),
        )  # fmt: skip

    def _cells(self, operation: str, case: str, view: View) -> list[Cell]:
        return [
            Cell(operation, case, view.dtype, view.threads, view.direction, technique)
            for technique in self.plan.contenders(operation, case)
        ]

    def _best(self, operation: str, case: str, view: View) -> CellResult | None:
        cells = self._cells(operation, case, view)
        rungs = (cell for cell in cells if self.plan.is_built_in(operation, cell.technique))
        figures = map(self.summary.figures.get, rungs)
        return min((f for f in figures if f and not f.predicted), key=lambda f: f.median_s, default=None)

    def _chip(self, cell: Cell, view: View, best: CellResult | None, widest: float) -> Chip:
        figure, ratio = self.summary.figures.get(cell), self.ratios[cell].get(view.baseline)
        value, interval, verdict = ratio_words(ratio)
        share = round(100 * log(ratio.value) / log(widest)) if ratio and ratio.value > 1 < widest else 0
        time, group = "", "none"
        if figure is not None:
            time = words.time(figure).replace(" predicted", "")
            group = "predicted" if figure.predicted else kind(self.plan, cell.operation, cell.technique)
            value = "baseline" if cell.technique == view.baseline and not figure.predicted else value
        is_best = figure is not None and figure is best
        return Chip(cell.technique, anchor(cell), value, interval, verdict, time, group, is_best, share)


def choices(plan: Plan) -> dict[str, list[str]]:
    """The values of each field of the plan's cells, each once; "baseline" has the techniques."""
    return {
        "baseline": list(dict.fromkeys(name for names in plan.techniques.values() for name in names)),
        "direction": list(plan.directions),
        "dtype": list(plan.dtypes),
        "case": list(dict.fromkeys(name for names in plan.cases.values() for name in names)),
    }


def kind(plan: Plan, operation: str, technique: str) -> str:
    """Whether a technique is a built-in "rung", a "peer", or from an "outside" file."""
    if plan.is_built_in(operation, technique):
        return "rung"
    return "peer" if technique in plan.homes else "outside"


def _roof_words(summary: Summary, figure: CellResult) -> list[str]:
    return ["" if word == "–" else word for word in tables.roof_words(summary, figure)]


def ratio_words(ratio: Ratio | None) -> tuple[str, str, str]:
    """A ratio's value, its interval and its verdict, as the page shows them.

    >>> ratio_words(Ratio(123.4, 100.0, 150.0, 6))
    ('×120', '[100, 150]', 'FASTER')
    >>> ratio_words(Ratio(2.0, None, None, 3))  # no interval; words of any length would not fit into a chip
    ('×2.0', '3 pairs', 'not enough')
    """
    if ratio is None:
        return "", "", ""
    value, _, interval = words.interval(ratio).partition(" ")
    return value, words.number_of_pairs(ratio) if ratio.low is None else interval, ratio.verdict


def time_interval(figure: CellResult) -> str:
    """The 95 % interval of a cell's time, in the unit of its time."""
    if figure.low_s is None or figure.high_s is None:
        return ""
    least = significant(figure.median_s, figure.low_s, figure.high_s)
    size = units.of_time(figure.median_s, least)[0]
    low, high = figure.low_s / size, figure.high_s / size
    digits = next((n for n in (2, 3, 4) if n >= least and units.rounded(low, n) != units.rounded(high, n)), 4)
    return f"[{units.rounded(low, digits)}, {units.rounded(high, digits)}]"


# ------------------------------------------------------------------------------------------- embedded data


def embedded(grid: Grid) -> Markup:
    """The page's data as JSON inside an element: no `<` in a record can close the element."""
    text = json.dumps(data(grid), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def data(grid: Grid) -> dict[str, Any]:
    """Everything that the script shows: names once, and one list a cell in the order of `fields`."""
    summary, plan = grid.summary, grid.plan
    values = choices(plan)
    names = {
        "operation": list(plan.techniques), "technique": values["baseline"],
        **{field: values[field] for field in ("case", "dtype", "direction")},
    }  # fmt: skip
    index = {field: {name: i for i, name in enumerate(values)} for field, values in names.items()}
    samples = _samples(summary)
    errors = {accuracy.contender: accuracy.share for accuracy in summary.checks}
    cells = []
    for cell, figure in summary.figures.items():
        share, memory = errors.get(cell.contender), summary.memory.get(cell)
        cells.append([
            *(index[field][getattr(cell, field)] for field in names), cell.threads,
            *_measured(summary, figure), "" if share is None else f"{share:.3f}",
            memory or 0, "" if memory is None else units.in_bytes(memory), figure.basis,
            _packed(grid.ratios.get(cell, {}), plan.contenders(cell.operation, cell.case)),
            *_scaled(figure, samples.get(cell, [])),
        ])  # fmt: skip
    return {
        "names": names,
        "threads": list(plan.threads),
        "titles": {operation: summary.title(operation) for operation in plan.techniques},
        "contenders": {
            operation: {case: list(plan.contenders(operation, case)) for case in plan.cases[operation]}
            for operation in plan.techniques
        },
        "kinds": {
            operation: {technique: kind(plan, operation, technique) for technique in techniques}
            for operation, techniques in plan.techniques.items()
        },
        "common": grid.common,
        "largest": {operation: summary.common_case(operation) for operation in plan.techniques},
        "start": vars(grid.start),
        "marks": MARKS,
        "limbs": LIMBS,
        "steps": SAMPLE_STEPS,
        "fields": FIELDS,
        "cells": cells,
    }


def _measured(summary: Summary, figure: CellResult) -> tuple[Any, ...]:
    """Seconds, time, interval, least, min, rates and roof; empty except the time if it is predicted."""
    if figure.predicted:
        return _short(figure.median_s), words.time(figure), "", 0, "", "", "", "", 0
    share, limb = _roof_words(summary, figure)
    return (
        _short(figure.median_s), words.time(figure), time_interval(figure), _short(figure.best_s or 0.0),
        units.seconds(figure.best_s, 3) if figure.best_s else "",
        units.rounded(figure.gflops, 3), units.rounded(figure.gbytes_s, 3), share, LIMBS.index(limb),
    )  # fmt: skip


def _packed(ratios: Mapping[str, Ratio], contenders: Sequence[str]) -> str:
    """A cell's ratios over every contender of its case, in their order: "12 [11, 13]0|…".

    The digit is the verdict's place in `MARKS`.
    """
    verdicts = list(MARKS)
    texts = (ratio_words(ratios.get(name)) for name in contenders)
    return "|".join(
        f"{value.removeprefix('×')} {interval}{verdicts.index(verdict)}" if value else ""
        for value, interval, verdict in texts
    )


def _scaled(figure: CellResult, turns: Sequence[Sequence[float]]) -> tuple[int, int, str]:
    """The interval and the samples, beyond the fastest sample, in thousandths of it.

    The samples as one text: a turn after the other, a comma between two, each sample by `digits`.
    """
    if figure.predicted or not figure.best_s:
        return 0, 0, ""
    unit = figure.best_s / SAMPLE_STEPS

    def beyond(seconds: float | None) -> int:
        return round(seconds / unit) - SAMPLE_STEPS if seconds else 0

    samples = ",".join("".join(digits(beyond(s)) for s in rounds) for rounds in turns)
    return beyond(figure.low_s), beyond(figure.high_s), samples


def digits(number: int) -> str:
    """A whole number from 0: groups of five bits, lowest first, 32 added to all but the last.

    >>> digits(0), digits(31), digits(32), digits(1000)
    ('A', 'f', 'gB', 'of')
    """
    text = ""
    while number >= GROUP:
        text += ALPHABET[GROUP + number % GROUP]
        number //= GROUP
    return text + ALPHABET[number]


def _samples(summary: Summary) -> dict[Cell, list[Sequence[float]]]:
    """Every round of every turn that a figure counts, in seconds a call, in the order of the turns."""
    rounds: dict[Cell, dict[tuple[int, int], Sequence[float]]] = defaultdict(dict)
    for record in summary.run.of_kind(kinds.Timed):
        if record.cell in summary.figures and record.turn in summary.turns.get(record.cell, ()):
            rounds[record.cell][record.turn] = record.rounds_s
    return {cell: [turns[turn] for turn in sorted(turns)] for cell, turns in rounds.items()}


def _short(value: float) -> float:
    """A number to five digits."""
    return float(f"{value:.5g}")
