"""What vectorising and compiling gained on the largest case that the plain loops reach, and why no more."""

from __future__ import annotations

from dataclasses import dataclass, replace

from perflab.contract import Cell
from perflab.report.summary import BASELINE, CellResult, Summary
from perflab.report.words import Table, interval, ratio
from perflab.units import rounded, seconds

# What a reader may expect of the two on the largest case that naive reaches; where one falls short the
# report says so, and why.
EXPECTED = {"vectorized": 100.0, "jit": 50.0}
EXPECTED_WITHOUT_PRODUCTS = {"vectorized": 30.0, "jit": 50.0}  # where nothing is multiplied (max-pool)


@dataclass(frozen=True)
class Gain:
    """What a technique gained on the largest case that the baseline reaches, and why no more."""

    figure: CellResult
    expected: float
    reason: str

    @property
    def short(self) -> bool:
        """Whether it fell short of what a reader may expect."""
        return self.figure.speedup is not None and self.figure.speedup.value < self.expected


def gains(summary: Summary) -> list[Gain]:
    """Vectorized and jit on the largest case of each operation that the baseline reaches."""
    plan = summary.run.plan
    found = []
    for threads in plan.threads:
        for operation in plan.techniques:
            multiplies = summary.run.operations[operation].multiplies
            expected = EXPECTED if multiplies else EXPECTED_WITHOUT_PRODUCTS
            for dtype in plan.dtypes:
                for direction in plan.directions:
                    case = summary.widest(operation, dtype, threads, direction)
                    for technique, least in expected.items():
                        figure = case and summary.figures.get(
                            Cell(operation, case, dtype, threads, direction, technique)
                        )
                        if figure and figure.speedup:
                            found.append(Gain(figure, least, _why(summary, figure)))
    return found


def gains_table(summary: Summary) -> Table:
    """The gains with the rates that explain them."""
    rows = []
    for gain in gains(summary):
        f = gain.figure
        rows.append(
            (
                f"{f.cell.operation}/{f.cell.technique}", f.cell.case, f.cell.dtype, f.cell.direction,
                interval(f.speedup), f"×{gain.expected:.0f}" + (" missed" if gain.short else ""),
                f"{rounded(f.gflops, 2)}", f"{rounded(f.gbytes_s, 2)}",
            )
        )  # fmt: skip
    head = ("implementation", "case", "dtype", "direction", "over naive", "expected", "GFLOP/s", "GB/s")
    return Table("On the largest case where naive was measured", head, tuple(rows))


def shortfalls(summary: Summary) -> list[str]:
    """One sentence for every gain that fell short, made from the figures."""
    return [gain.reason for gain in gains(summary) if gain.short]


def _why(summary: Summary, figure: CellResult) -> str:
    """Why a gain is no larger, from the figures: naive's cost, the rate reached, who is faster."""
    c = figure.cell
    cells = (replace(c, technique=technique) for technique in summary.run.plan.techniques[c.operation])
    here = {f.cell.technique: f for cell in cells if (f := summary.figures.get(cell)) and not f.predicted}
    multiplies = summary.run.operations[c.operation].multiplies

    def rate(f: CellResult) -> str:
        return f"{rounded(f.gflops, 2)} GFLOP/s" if multiplies else f"{rounded(f.gbytes_s, 2)} GB/s"

    said = (
        f"{c.operation}/{c.technique} {c.direction} {c.dtype} on {c.case}: {ratio(figure.speedup)} over"
        f" naive, which spends {seconds(here[BASELINE].median_s / max(figure.flops, 1), 2)} an operation."
        f" {c.technique} runs at {rate(figure)}"
    )
    best = min(here.values(), key=lambda f: f.median_s)
    if best is not figure:
        times = rounded(figure.median_s / best.median_s, 2)
        said += f"; {best.cell.technique} shows that {rate(best)} is possible here, {times} times as much"
        if c.technique == "vectorized":
            said += ": the rest goes into temporaries that pass through memory"
    larger = [
        f
        for f in summary.line(c.operation, c.dtype, c.threads, c.direction, c.technique)
        if not f.predicted and f.flops > figure.flops
    ]
    top = max(larger, key=lambda f: f.gflops, default=None)
    if top is not None and top.gflops > 1.2 * figure.gflops:
        said += (
            f"; on {top.cell.case}, with {rounded(top.flops / figure.flops, 2)} times the work, it runs at"
            f" {rate(top)}: here the fixed cost of its calls still shows"
        )
    return said + "."
