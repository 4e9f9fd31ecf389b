"""Figures as words: times, ratios and rates in digits that the noise supports; tables of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perflab.contract import Cell
from perflab.report.summary import BASELINE, Figure, Summary
from perflab.statistics import Ratio, significant

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
# What a reader may expect of the two on the largest case that naive reaches; where one falls short the
# report says so, and why.
EXPECTED = {"vectorized": 100.0, "jit": 50.0}
EXPECTED_WITHOUT_PRODUCTS = {"vectorized": 30.0, "jit": 50.0}  # where nothing is multiplied (max-pool)


@dataclass(frozen=True)
class Table:
    """A table of words, with a title that says what its figures belong to."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def rounded(value: float, digits: int) -> str:
    """A number to so many significant digits, without an exponent.

    >>> rounded(1234.5, 2), rounded(0.01234, 2), rounded(9.99, 2), rounded(1.0, 3)
    ('1200', '0.012', '10', '1.00')
    """
    if value == 0:
        return "0"
    exponent = int(f"{value:.{digits - 1}e}".split("e")[1])
    places = digits - 1 - exponent
    return f"{round(value, places):.{max(places, 0)}f}"


def seconds(value: float, digits: int = 3) -> str:
    """A time with its unit.

    >>> seconds(0.0000723), seconds(2.5, 2)
    ('72.3 µs', '2.5 s')
    """
    for size, unit in UNITS:
        if value >= size * 0.9995:
            return f"{rounded(value / size, digits)} {unit}"
    return f"{rounded(value * 1e9, digits)} ns"


def time(figure: Figure | None) -> str:
    """A cell's time: measured, "predicted" with a ~, or a dash."""
    if figure is None:
        return "–"
    if figure.predicted:
        return f"~{seconds(figure.median_s, 2)} predicted"
    return seconds(figure.median_s, significant(figure.median_s, figure.low_s, figure.high_s))


def ratio(held: Ratio | None) -> str:
    """A speed-up, or a dash where one of the two was not measured."""
    if held is None:
        return "–"
    return f"×{rounded(held.value, significant(held.value, held.low, held.high))}"


def interval(held: Ratio | None) -> str:
    """A speed-up with its 95 % interval, in digits that tell the two ends apart."""
    if held is None:
        return "–"
    if held.low is None or held.high is None:
        return f"{ratio(held)} (not enough: {held.pairs} pairs)"
    digits = 3 if held.high / held.low < 1.1 else 2
    return f"×{rounded(held.value, digits)} [{rounded(held.low, digits)}, {rounded(held.high, digits)}]"


def times_table(summary: Summary, operation: str, dtype: str, direction: str, threads: int) -> Table:
    """Cases down, techniques across: time, and speed-up over the baseline where there is one."""
    plan = summary.run.plan
    techniques = plan.techniques[operation]
    rows = []
    for case in plan.cases[operation]:
        row = [case]
        for technique in techniques:
            figure = summary.cell(
                operation=operation, case=case, dtype=dtype, threads=threads, direction=direction,
                technique=technique,
            )  # fmt: skip
            faster = figure is not None and figure.speedup is not None and technique != BASELINE
            row.append(time(figure) + (f"  {ratio(figure.speedup)}" if faster and figure else ""))
        rows.append(tuple(row))
    threads_word = "1 thread" if threads == 1 else f"{threads} threads"
    title = f"{summary.run.operations[operation]['title']}, {direction}, {dtype}, {threads_word}"
    return Table(title, ("case", *techniques), tuple(rows))


def terminal_tables(summary: Summary) -> Iterator[Table]:
    """What a terminal shows at the end: each operation's last direction in its first dtype."""
    plan = summary.run.plan
    for threads in plan.threads:
        for operation in plan.techniques:
            yield times_table(summary, operation, plan.dtypes[0], plan.directions[-1], threads)


def all_tables(summary: Summary, operation: str) -> Iterator[Table]:
    """Every table of one operation."""
    plan = summary.run.plan
    for threads in plan.threads:
        for dtype in plan.dtypes:
            for direction in plan.directions:
                yield times_table(summary, operation, dtype, direction, threads)


@dataclass(frozen=True)
class Gain:
    """What a technique gained on the largest case that the baseline reaches, and why no more."""

    figure: Figure
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
            multiplies = summary.run.operations[operation].get("multiplies", True)
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


def checks_table(summary: Summary) -> Table:
    """What the oracle saw on the timed inputs."""
    rows = tuple(
        (
            f"{c.operation}/{c.technique}", c.case, c.dtype, f"{c.share:.3f}", c.where, c.precision,
            "same bits" if c.repeatable else "within bound",
        )
        for c in summary.checks
    )  # fmt: skip
    head = ("implementation", "case", "dtype", "error / bound", "worst", "held to", "after timing")
    return Table("Verified on the timed inputs, before the clock started and after it stopped", head, rows)


def compile_table(summary: Summary) -> Table | None:
    """What compiled implementations cost before their first figure; None where there are none."""
    rows = tuple(
        (
            f"{c.operation}/{c.technique}",
            c.dtype,
            seconds(c.compile_s, 2) if c.compile_s else "–",
            seconds(c.load_s, 2) if c.load_s else "–",
        )
        for c in summary.compilations
    )
    head = ("implementation", "dtype", "compiled from nothing", "loaded from the cache")
    return Table("Compilation, forward and backward, outside every timed call", head, rows) if rows else None


def closing_lines(summary: Summary) -> list[str]:
    """The last lines of a run in a terminal."""
    measured = sum(not f.predicted for f in summary.figures.values())
    predicted = len(summary.figures) - measured
    lines = [f"{measured} cells measured" + (f", {predicted} predicted and not run" if predicted else "")]
    if summary.outstanding:
        lines[0] += f", {summary.outstanding} still to be measured"
    if summary.wall_s:
        share = summary.timed_s / summary.wall_s
        lines.append(f"{summary.wall_s:.0f} s, {share:.0%} of them inside timed calls")
    lines += [
        f"not shown: {f.operation}/{f.technique} on {f.case} {f.dtype}: {f.reason}" for f in summary.findings
    ]
    return lines


def markdown(table: Table) -> str:
    """A table in Markdown."""

    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([row(table.head), row(["---"] * len(table.head)), *map(row, table.rows)])


def _why(summary: Summary, figure: Figure) -> str:
    """Why a gain is no larger, from the figures: naive's cost, the rate reached, who is faster."""
    c = figure.cell
    here = {
        f.cell.technique: f
        for f in summary.of(
            operation=c.operation, case=c.case, dtype=c.dtype, threads=c.threads, direction=c.direction
        )
        if not f.predicted
    }
    multiplies = summary.run.operations[c.operation].get("multiplies", True)

    def rate(f: Figure) -> str:
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
        for f in summary.of(
            operation=c.operation,
            dtype=c.dtype,
            threads=c.threads,
            direction=c.direction,
            technique=c.technique,
        )
        if not f.predicted and f.flops > figure.flops
    ]
    top = max(larger, key=lambda f: f.gflops, default=None)
    if top is not None and top.gflops > 1.2 * figure.gflops:
        said += (
            f"; on {top.cell.case}, with {rounded(top.flops / figure.flops, 2)} times the work, it runs at"
            f" {rate(top)}: here the fixed cost of its calls still shows"
        )
    return said + "."
