"""What a run came to: one result a cell, with its interval and its ratio, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from perflab.contract import Cell, Contender
from perflab.records import Run
from perflab.records.evidence import Evidence
from perflab.records.roof import NOT_MEASURED, Ceilings, Roof, roof
from perflab.statistics import Ratio, Scaling, paired_ratio

BASELINE = "naive"
RIVALS = (BASELINE, "vectorized")  # what a compilation is held to: what a reader would write instead
Turns = Mapping[Cell, Mapping[tuple[int, int], float]]  # seconds a call by (process, pass)


@dataclass(frozen=True)
class CellResult:
    """What is known of one cell.

    `median_s` is the median over blocks of each block's median seconds a call, `low_s` to `high_s` its
    interval, `best_s` the fastest round. `speedup` is over the baseline, pass by pass; None where either
    was not measured. A predicted figure has only `median_s`, and `basis` says what it was taken from.
    """

    cell: Cell
    median_s: float
    best_s: float | None
    low_s: float | None
    high_s: float | None
    blocks: int
    samples: int
    speedup: Ratio | None
    predicted: bool
    basis: str
    flops: int
    bytes: int

    @property
    def gflops(self) -> float:
        """Arithmetic of the operation per second, in 1e9."""
        return self.flops / self.median_s / 1e9

    @property
    def gbytes_s(self) -> float:
        """Compulsory bytes of the operation per second, in 1e9."""
        return self.bytes / self.median_s / 1e9


@dataclass(frozen=True)
class Accuracy:
    """What the oracle saw on the timed inputs, at worst over all processes."""

    operation: str
    technique: str
    case: str
    dtype: str
    threads: int
    share: float
    where: str
    precision: str
    repeatable: bool

    @property
    def contender(self) -> Contender:
        """Whose it is."""
        return Contender(self.operation, self.case, self.dtype, self.threads, self.technique)


@dataclass(frozen=True)
class Payback:
    """When a compilation has paid for itself against another technique.

    Counted in calls of the plan's last direction on the largest case that both were measured on. `calls` is
    None where the compiled one was not shown to be faster there; `ratio` says what was shown.
    """

    against: str
    case: str
    threads: int
    direction: str
    calls: int | None
    ratio: Ratio


@dataclass(frozen=True)
class Compilation:
    """What a compiled implementation costs before its first figure, apart from every other time.

    `compile_s` is from nothing (None where no record holds it), `load_s` from Numba's cache.
    """

    operation: str
    technique: str
    dtype: str
    compile_s: float | None
    load_s: float | None
    paybacks: tuple[Payback, ...] = ()


@dataclass(frozen=True)
class Growth:
    """How a technique's time grows with work, over its measured cases on drawn inputs."""

    operation: str
    dtype: str
    threads: int
    direction: str
    technique: str
    scaling: Scaling


@dataclass(frozen=True)
class Crossover:
    """The size from which on `technique` is faster than `overtaken`, and the two cases that it lies between.

    Both cases tell the two techniques apart: their paired ratios' intervals lie beyond ±1 %.
    """

    operation: str
    dtype: str
    threads: int
    direction: str
    technique: str
    overtaken: str
    flops: float
    below: str
    above: str


@dataclass(frozen=True)
class Finding:
    """A contender that gave no valid figure, and why."""

    operation: str
    technique: str
    case: str
    dtype: str
    reason: str


@dataclass(frozen=True)
class Summary:
    """Everything that a report shows.

    `fit` is false where a self-check found the machine unfit to measure: then no ratio has a verdict.
    `memory` has the bytes beyond inputs and outputs at the worst moment, for the contest's cells.
    """

    run: Run
    figures: Mapping[Cell, CellResult]
    checks: tuple[Accuracy, ...]
    compilations: tuple[Compilation, ...]
    findings: tuple[Finding, ...]
    wall_s: float
    timed_s: float
    outstanding: int
    turns: Turns
    fit: bool
    growths: tuple[Growth, ...] = ()
    crossovers: tuple[Crossover, ...] = ()
    ceilings: Ceilings = NOT_MEASURED
    evidence: Mapping[Contender, Evidence] = field(default_factory=dict)
    memory: Mapping[Cell, int] = field(default_factory=dict)

    def roof(self, figure: CellResult) -> Roof | None:
        """The least time that the machine's measured ceilings allow for a cell; None without ceilings."""
        c = figure.cell
        return roof(self.ceilings, figure.flops, figure.bytes, c.dtype, c.threads)

    def of(self, **fields: Any) -> Iterator[CellResult]:
        """The figures whose cells have these fields, in the plan's order."""
        return (
            figure
            for cell, figure in self.figures.items()
            if all(getattr(cell, name) == value for name, value in fields.items())
        )

    def cell(self, **fields: Any) -> CellResult | None:
        """The figure of one cell, or None where there is none."""
        return self.figures.get(Cell(**fields))

    def widest(
        self, operation: str, dtype: str, threads: int, direction: str, *, with_further: bool = False
    ) -> str | None:
        """The largest case, by work, on which the baseline was measured.

        `with_further` asks for one on which all the plan's rungs were, as long as there is any.
        """
        line = self.line(operation, dtype, threads, direction, BASELINE)
        measured = [figure.cell.case for figure in line if not figure.predicted]
        plan = self.run.plan
        whole = [case for case in measured if plan.contenders(operation, case) == plan.techniques[operation]]
        found = whole if with_further and whole else measured
        return found[-1] if found else None

    def common_case(self, operation: str) -> str:
        """The case on which most techniques met; the one with the most work among equals."""
        plan = self.run.plan
        measured = {f.cell.case for f in self.of(operation=operation) if not f.predicted}

        def rank(case: str) -> tuple[bool, int, int]:
            return case in measured, len(plan.contenders(operation, case)), self.work(operation, case)

        return max(plan.cases[operation], key=rank)

    def work(self, operation: str, case: str) -> int:
        """The operations that a case costs, in the plan's first dtype and direction."""
        plan, costs = self.run.plan, self.run.operations[operation].cases[case].costs
        return costs[plan.dtypes[0]][plan.directions[0]].flops

    def line(
        self, operation: str, dtype: str, threads: int, direction: str, technique: str
    ) -> list[CellResult]:
        """A technique's figures over all cases, by growing work; predictions are among them."""
        cells = (
            Cell(operation, case, dtype, threads, direction, technique)
            for case in self.run.plan.cases[operation]
        )
        found = [figure for cell in cells if (figure := self.figures.get(cell)) is not None]
        return sorted(found, key=lambda figure: figure.flops)

    def growing(
        self, operation: str, dtype: str, threads: int, direction: str, technique: str
    ) -> list[CellResult]:
        """The measured figures of a line that differ in nothing but size: the digits are left out."""
        cases = self.run.operations[operation].cases
        return [
            figure
            for figure in self.line(operation, dtype, threads, direction, technique)
            if not figure.predicted and cases[figure.cell.case].inputs != "digits"
        ]

    def ratio(self, baseline: Cell, contender: Cell) -> Ratio | None:
        """How many times faster the contender is, over the turns that both took; None without any."""
        return ratio_of(self.turns, baseline, contender, self.fit)

    def evidence_on(self, operation: str, technique: str, dtype: str) -> Evidence | None:
        """What explains a technique's speed in a dtype; None where nothing was gathered."""
        return self.evidence.get(Contender(operation, "", dtype, 0, technique))


def ratio_of(turns: Turns, baseline: Cell, contender: Cell, fit: bool) -> Ratio | None:
    """How many times faster one cell is than another, turn by turn; None where they shared none."""
    base, other = turns.get(baseline, {}), turns.get(contender, {})
    both = [turn for turn in other if turn in base]
    return paired_ratio([base[t] for t in both], [other[t] for t in both], fit) if both else None
