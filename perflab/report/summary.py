"""The results of a run: one result a cell, with its interval and its ratio, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any

from perflab.contract import Cell, Contender, status_in
from perflab.records import Run, baseline
from perflab.records.causes import Causes
from perflab.records.evidence import Evidence
from perflab.records.remarks import Remarks
from perflab.records.roof import NOT_MEASURED, Ceilings, Roof, roof
from perflab.records.sized import common
from perflab.statistics import Ratio, Scaling, break_even_calls, ratio_of_turns

BASELINE = "naive"
RIVALS = (BASELINE, "vectorized")  # compiled techniques are compared with these: NumPy needs no compiler
Turns = Mapping[Cell, Mapping[tuple[int, int], float]]  # seconds a call by (process, pass)
Contest = tuple[str, str, int, str]  # operation, dtype, threads, direction: its techniques are compared


@dataclass(frozen=True)
class CellResult:
    """The result of one cell.

    `median_s` is the median over blocks of each block's median seconds a call, `low_s` to `high_s` its
    interval, `best_s` the fastest round. `speedup` is over the baseline, pass by pass; None if one of the two
    was not measured. A predicted figure has only `median_s`, and `basis` says how it was predicted.
    """

    cell: Cell
    median_s: float
    best_s: float | None = None
    low_s: float | None = None
    high_s: float | None = None
    blocks: int = 0
    samples: int = 0
    speedup: Ratio | None = None
    predicted: bool = False
    basis: str = ""
    flops: int = 0
    bytes: int = 0

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
    """The largest error that the oracle measured on the timed inputs, over all processes."""

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
        """The contender that was checked."""
        return Contender(self.operation, self.case, self.dtype, self.threads, self.technique)


@dataclass(frozen=True)
class Payback:
    """After how many calls a compilation has paid for itself against another technique.

    Counted in calls of the plan's last direction on the largest case on which both were measured. `calls` is
    None if the compiled technique was not shown to be faster there; `ratio` is the measured ratio.
    """

    against: str
    case: str
    threads: int
    direction: str
    calls: int | None
    ratio: Ratio


@dataclass(frozen=True)
class Compilation:
    """The seconds that a compiled implementation needs before its first call; no timed call includes them.

    `compile_s` is for a full compilation (None if not recorded), `load_s` for loading from Numba's cache.
    """

    operation: str
    technique: str
    dtype: str
    compile_s: float | None
    load_s: float | None
    paybacks: tuple[Payback, ...] = ()


@dataclass(frozen=True)
class _OverSizes:
    operation: str
    dtype: str
    threads: int
    direction: str
    technique: str


@dataclass(frozen=True)
class Growth(_OverSizes):
    """How a technique's time grows with work, over its measured cases with random inputs."""

    scaling: Scaling


@dataclass(frozen=True)
class Crossover(_OverSizes):
    """The size from which on `technique` is faster than `overtaken`, and the two cases on either side of it.

    In both cases one of the two is clearly faster: the interval of their paired ratio is beyond ±1 %.
    """

    overtaken: str
    flops: float
    below: str
    above: str


@dataclass(frozen=True)
class Finding:
    """A contender that gave no valid figure; its `reason` begins with its `status`, and `why` is the rest."""

    operation: str
    technique: str
    case: str
    dtype: str
    reason: str

    @property
    def status(self) -> str:
        """One of wrong, not shown, cannot run here."""
        return status_in(self.reason)[0]

    @property
    def why(self) -> str:
        """The reason without the status."""
        return status_in(self.reason)[1]


@dataclass(frozen=True)
class Summary:
    """Everything that a report shows.

    `fit` is false if a self-check says that the machine is unfit to measure: then no ratio has a verdict.
    `memory` has the peak bytes beyond inputs and outputs, for the cells of a contest.
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
    remarks: Mapping[Contender, Remarks] = field(default_factory=dict)
    memory: Mapping[Cell, int] = field(default_factory=dict)
    causes: Mapping[Contender, Causes] = field(default_factory=dict)

    def roof(self, figure: CellResult) -> Roof | None:
        """The shortest time that the machine's measured ceilings allow for a cell; None without ceilings."""
        c = figure.cell
        return roof(self.ceilings, figure.flops, figure.bytes, c.dtype, c.threads)

    def of(self, **fields: Any) -> Iterator[CellResult]:
        """The figures whose cells have these fields, in the plan's order."""
        known = self._of_operations
        among = known.get(fields.pop("operation"), ()) if "operation" in fields else self.figures.values()
        return (
            figure
            for figure in among
            if all(getattr(figure.cell, name) == value for name, value in fields.items())
        )

    @cached_property
    def _of_operations(self) -> Mapping[str, list[CellResult]]:
        """The figures of each operation: most questions are about one."""
        found: dict[str, list[CellResult]] = {}
        for figure in self.figures.values():
            found.setdefault(figure.cell.operation, []).append(figure)
        return found

    def measured(self, **fields: Any) -> list[CellResult]:
        """The figures whose cells have these fields, without predictions."""
        return [figure for figure in self.of(**fields) if not figure.predicted]

    def label(self, operation: str, case: str) -> str:
        """A case's name in tables and figures: of one's own sizes, only what differs among them."""
        return self.run.plan.label(operation, case)

    def common_size(self, operation: str) -> str:
        """What all cases of one's own sizes have in common, which their labels leave out; "" without."""
        return common(self.run.plan.sized.get(operation, ()))

    def title(self, operation: str) -> str:
        """An operation's title."""
        return self.run.operations[operation].title

    def contests(self) -> Iterator[Contest]:
        """Every contest of the plan, in its order."""
        plan = self.run.plan
        return product(plan.techniques, plan.dtypes, plan.threads, plan.directions)

    def widest(
        self, operation: str, dtype: str, threads: int, direction: str, *, with_further: bool = False
    ) -> str | None:
        """The largest case, by work, on which the baseline was measured.

        `with_further` prefers cases with all of the plan's techniques, if there are any.
        """
        plan, line = self.run.plan, self.line(operation, dtype, threads, direction, BASELINE)
        cases = [figure.cell.case for figure in line if not figure.predicted]
        complete = [case for case in cases if plan.contenders(operation, case) == plan.techniques[operation]]
        return next(reversed(complete if with_further and complete else cases), None)

    def common_case(self, operation: str) -> str:
        """The operation's study case; unless it was measured, the one that was in the most techniques.

        Among equals it is the one with the most work.
        """
        plan, named = self.run.plan, self.run.operations[operation].study_case
        measured = {figure.cell.case for figure in self.measured(operation=operation)}

        def rank(case: str) -> tuple[bool, bool, int, int]:
            contenders = len(plan.contenders(operation, case))
            return case in measured, case == named, contenders, self.work(operation, case)

        return max(plan.cases[operation], key=rank)

    def work(self, operation: str, case: str) -> int:
        """The number of arithmetic operations of a case, in the plan's first dtype and direction."""
        plan, costs = self.run.plan, self.run.operations[operation].cases[case].costs
        return costs[plan.dtypes[0]][plan.directions[0]].flops

    def line(
        self, operation: str, dtype: str, threads: int, direction: str, technique: str
    ) -> list[CellResult]:
        """A technique's figures over all cases, by growing work, with predictions."""
        cases = self.run.plan.cases[operation]
        cells = [Cell(operation, case, dtype, threads, direction, technique) for case in cases]
        return sorted(
            (self.figures[cell] for cell in cells if cell in self.figures), key=lambda figure: figure.flops
        )

    def growing(
        self, operation: str, dtype: str, threads: int, direction: str, technique: str
    ) -> list[CellResult]:
        """The measured figures of a line that differ only in size: the handwritten digits are excluded."""
        line = self.line(operation, dtype, threads, direction, technique)
        return [figure for figure in line if not figure.predicted and not self.of_digits(figure)]

    def of_digits(self, figure: CellResult) -> bool:
        """Whether a figure's case has the handwritten digits as its inputs."""
        return self.run.operations[figure.cell.operation].cases[figure.cell.case].inputs == "digits"

    def over(self, cell: Cell) -> str:
        """The technique over which the ratios of a cell's contest are shown; "" if none was measured.

        The plan's baseline where it was measured. Else the slowest of perflab's own rungs that was: no
        prediction enters a ratio.
        """
        plan = self.run.plan
        bases = (name for name in plan.techniques[cell.operation] if plan.may_be_base(cell.operation, name))
        figures = ((name, self.figures.get(replace(cell, technique=name))) for name in bases)
        seconds = {name: figure.median_s for name, figure in figures if figure and not figure.predicted}
        return baseline.chosen(seconds, plan.baseline)

    def shown(self, figure: CellResult) -> Ratio | None:
        """The ratio that is shown with a figure: over the technique that `over` names."""
        over = self.over(figure.cell)
        if not over or figure.predicted:
            return None
        return self.ratio(replace(figure.cell, technique=over), figure.cell)

    def ratio(self, base: Cell, contender: Cell) -> Ratio | None:
        """How many times as fast as the base the contender is, over common turns; None without any."""
        pair = base, contender
        if pair not in self._ratios:
            self._ratios[pair] = ratio_of(self.turns, base, contender, self.fit)
        return self._ratios[pair]

    @cached_property
    def _ratios(self) -> dict[tuple[Cell, Cell], Ratio | None]:
        """The ratios that were asked for: a report shows most of them in several places."""
        return {}

    def payback(self, figure: CellResult, rival: str, compile_s: float) -> Payback | None:
        """When a compilation has paid for itself on a cell; None if the rival was not timed with it there."""
        c = figure.cell
        against = self.figures.get(replace(c, technique=rival))
        ratio = self.ratio(against.cell, c) if against and rival != c.technique else None
        if not against or not ratio:
            return None
        calls = break_even_calls(compile_s, against.median_s, figure.median_s)
        calls = calls if ratio.verdict == "FASTER" else None
        return Payback(rival, c.case, c.threads, c.direction, calls, ratio)

    def evidence_on(self, operation: str, technique: str, dtype: str) -> Evidence | None:
        """The evidence about a technique in a dtype; None if none was gathered."""
        return self.evidence.get(Contender(operation, "", dtype, 0, technique))

    def causes_of(self, operation: str, technique: str, dtype: str) -> Causes | None:
        """What the latest interventions on a technique in a dtype showed; None if none were tried."""
        return self.causes.get(Contender(operation, "", dtype, 0, technique))

    def remarks_on(self, operation: str, technique: str, dtype: str) -> Remarks | None:
        """What LLVM said of a technique in a dtype; None if it was not gathered."""
        return self.remarks.get(Contender(operation, "", dtype, 0, technique))


def ratio_of(turns: Turns, baseline: Cell, contender: Cell, fit: bool) -> Ratio | None:
    """How many times as fast one cell is as another, turn by turn; None without common turns."""
    return ratio_of_turns(turns.get(baseline, {}), turns.get(contender, {}), fit)
