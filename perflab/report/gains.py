"""The gains of vectorising and compiling on the largest case measured with plain loops, with reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from perflab.contract import Cell
from perflab.report import ladder
from perflab.report.summary import BASELINE, CellResult, Summary
from perflab.report.words import Table, interval, ratio
from perflab.units import rounded, seconds

# The expected gains on the largest case where naive was measured; the report explains any smaller gain.
EXPECTED = {"vectorized": 100.0, "jit": 50.0}
EXPECTED_WITHOUT_PRODUCTS = {"vectorized": 30.0, "jit": 50.0}  # without multiplications (max-pool)


@dataclass(frozen=True)
class Gain:
    """A technique's figure on the largest case where the baseline was measured, and the expected speed-up."""

    figure: CellResult
    expected: float
    below: str  # the rung that it stands on

    @property
    def short(self) -> bool:
        """Whether the gain is smaller than expected."""
        return self.figure.speedup is not None and self.figure.speedup.value < self.expected


def gains(summary: Summary) -> list[Gain]:
    """Vectorized and jit on each operation's largest case where the baseline was measured."""
    plan = summary.run.plan
    results = []
    for threads, operation, dtype, direction in product(
        plan.threads, plan.techniques, plan.dtypes, plan.directions
    ):
        multiplies, since = summary.run.operations[operation].multiplies, ladder.since(summary, operation)
        case = summary.widest(operation, dtype, threads, direction) or ""
        for technique, expected in (EXPECTED if multiplies else EXPECTED_WITHOUT_PRODUCTS).items():
            figure = summary.figures.get(Cell(operation, case, dtype, threads, direction, technique))
            if figure and figure.speedup:
                results.append(Gain(figure, expected, since.get(technique, "")))
    return results


def gains_table(summary: Summary) -> Table:
    """The gains with the rates that explain them."""
    rows = tuple(
        (
            f"{f.cell.operation}/{f.cell.technique}", f.cell.case, f.cell.dtype, f.cell.direction,
            interval(f.speedup), f"×{gain.expected:.0f}" + (" missed" if gain.short else ""),
            _over_below(summary, gain),
            f"{rounded(f.gflops, 2)}", f"{rounded(f.gbytes_s, 2)}",
        )
        for gain in gains(summary)
        if (f := gain.figure)
    )  # fmt: skip
    head = (
        "implementation",
        "case",
        "dtype",
        "direction",
        "over naive",
        "expected",
        "over the rung below",
        "GFLOP/s",
        "GB/s",
    )
    return Table("On the largest case where naive was measured", head, rows)


def _over_below(summary: Summary, gain: Gain) -> str:
    """The gain over the rung that it stands on, and that rung's name; a dash where that is naive itself."""
    ratio = ladder.gain(summary, gain.figure, gain.below).ratio
    return "–" if gain.below in ("", BASELINE) or not ratio else f"{interval(ratio)} over {gain.below}"


def shortfalls(summary: Summary) -> list[str]:
    """One sentence for every gain that is smaller than expected."""
    return [_why(summary, gain.figure) for gain in gains(summary) if gain.short]


def _why(summary: Summary, figure: CellResult) -> str:
    """Why a gain is no larger: the baseline's cost, the technique's rate, and faster techniques."""
    c = figure.cell
    cells = (replace(c, technique=technique) for technique in summary.run.plan.techniques[c.operation])
    here = {f.cell.technique: f for cell in cells if (f := summary.figures.get(cell)) and not f.predicted}
    multiplies = summary.run.operations[c.operation].multiplies

    def rate(f: CellResult) -> str:
        return f"{rounded(f.gflops, 2)} GFLOP/s" if multiplies else f"{rounded(f.gbytes_s, 2)} GB/s"

    text = (
        f"{c.operation}/{c.technique} {c.direction} {c.dtype} on {c.case}: {ratio(figure.speedup)} over"
        f" naive, which needs {seconds(here[BASELINE].median_s / max(figure.flops, 1), 2)} an operation."
        f" {c.technique} runs at {rate(figure)}"
    )
    best = min(here.values(), key=lambda f: f.median_s)
    if best is not figure:
        times = rounded(figure.median_s / best.median_s, 2)
        text += f"; {best.cell.technique} reaches {rate(best)} here, {times} times as much"
        if c.technique == "vectorized":
            text += ": the difference is spent on temporary arrays in memory"
    line = summary.line(c.operation, c.dtype, c.threads, c.direction, c.technique)
    larger = (f for f in line if not f.predicted and f.flops > figure.flops)
    top = max(larger, key=lambda f: f.gflops, default=figure)
    if top.gflops > 1.2 * figure.gflops:
        text += (
            f"; on {top.cell.case}, with {rounded(top.flops / figure.flops, 2)} times the work, it runs at"
            f" {rate(top)}: here the fixed cost of a call is a large part of the time"
        )
    return text + "."
