"""From records to figures: one figure a cell, each with its interval, its ratio and its verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from statistics import median
from typing import Any

from perflab.ceilings import Roof, roof
from perflab.contract import Cell, Plan
from perflab.plan import cells
from perflab.records import Run, cell_of
from perflab.statistics import (
    Ratio,
    Scaling,
    break_even_calls,
    crossover,
    known_to,
    median_interval,
    paired_ratio,
    scaling,
)

BASELINE = "naive"
RIVALS = (BASELINE, "vectorized")  # what a compilation is held to: what a reader would write instead
Turns = Mapping[Cell, Mapping[tuple[int, int], float]]  # seconds a call by (process, pass)


@dataclass(frozen=True)
class Figure:
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
class Check:
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
    figures: Mapping[Cell, Figure]
    checks: tuple[Check, ...]
    compilations: tuple[Compilation, ...]
    findings: tuple[Finding, ...]
    wall_s: float
    timed_s: float
    outstanding: int
    turns: Turns
    fit: bool
    growths: tuple[Growth, ...] = ()
    crossovers: tuple[Crossover, ...] = ()
    ceilings: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[tuple[str, str, str], Mapping[str, Any]] = field(default_factory=dict)
    memory: Mapping[Cell, int] = field(default_factory=dict)

    def roof(self, figure: Figure) -> Roof | None:
        """The least time that the machine's measured ceilings allow for a cell; None without ceilings."""
        c = figure.cell
        return roof(self.ceilings, figure.flops, figure.bytes, c.dtype, c.threads)

    def of(self, **fields: Any) -> Iterator[Figure]:
        """The figures whose cells have these fields, in the plan's order."""
        return (
            figure
            for cell, figure in self.figures.items()
            if all(getattr(cell, name) == value for name, value in fields.items())
        )

    def cell(self, **fields: Any) -> Figure | None:
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
        costs = self.run.operations[operation]["cases"][case]["costs"]
        return int(next(iter(next(iter(costs.values())).values()))["flops"])

    def line(self, operation: str, dtype: str, threads: int, direction: str, technique: str) -> list[Figure]:
        """A technique's figures over all cases, by growing work; predictions are among them."""
        cells = (
            Cell(operation, case, dtype, threads, direction, technique)
            for case in self.run.plan.cases[operation]
        )
        found = [figure for cell in cells if (figure := self.figures.get(cell)) is not None]
        return sorted(found, key=lambda figure: figure.flops)

    def growing(
        self, operation: str, dtype: str, threads: int, direction: str, technique: str
    ) -> list[Figure]:
        """The measured figures of a line that differ in nothing but size: the digits are left out."""
        cases = self.run.operations[operation]["cases"]
        return [
            figure
            for figure in self.line(operation, dtype, threads, direction, technique)
            if not figure.predicted and cases[figure.cell.case]["inputs"] != "digits"
        ]

    def ratio(self, baseline: Cell, contender: Cell) -> Ratio | None:
        """How many times faster the contender is, over the turns that both took; None without any."""
        return _ratio(self.turns, baseline, contender, self.fit)


def summarise(run: Run) -> Summary:
    """Make the figures of a run. A contender found wrong anywhere in a case has none there."""
    times, samples = _blocks(run)
    fit = all(record.get("state") != "unfit" for record in run.of_kind("fitness"))
    figures: dict[Cell, Figure] = {}
    predictions = {
        (r["operation"], r["case"], r["dtype"], r["threads"], r["technique"]): r
        for r in run.of_kind("prediction")
    }
    for cell in cells(run.plan):
        cost = run.operations[cell.operation]["cases"][cell.case]["costs"][cell.dtype][cell.direction]
        if cell in times:
            figures[cell] = _measured(cell, times, samples, cost, fit)
        else:
            key = (cell.operation, cell.case, cell.dtype, cell.threads, cell.technique)
            if key in predictions and cell.direction in predictions[key]["seconds"]:
                held = predictions[key]
                figures[cell] = Figure(
                    cell, held["seconds"][cell.direction], None, None, None, 0, 0, None,
                    True, held["basis"], cost["flops"], cost["bytes"],
                )  # fmt: skip
    missing = sum(
        1
        for cell in cells(run.plan)
        if cell not in figures
        and (cell.operation, cell.case, cell.dtype, cell.threads, cell.technique) not in predictions
    )
    measured = Summary(
        run=run,
        figures=figures,
        checks=tuple(_checks(run)),
        compilations=tuple(_compilations(run)),
        findings=tuple(_findings(run)),
        wall_s=sum(r["wall_s"] for r in run.of_kind("process")),
        timed_s=sum(sum(r["rounds_s"]) * r["iterations"] for r in run.of_kind("block")),
        outstanding=missing,
        turns=times,
        fit=fit,
        ceilings=next(run.of_kind("ceilings"), {}),
        evidence={
            (r["operation"], r["technique"], r["dtype"]): r for r in run.of_kind("evidence") if "ways" in r
        },
        memory=dict(_memory(run)),
    )
    return replace(
        measured,
        growths=tuple(_growths(measured)),
        crossovers=tuple(_crossovers(measured)),
        compilations=tuple(
            replace(compilation, paybacks=tuple(_paybacks(measured, compilation)))
            for compilation in measured.compilations
        ),
    )


def to_json(summary: Summary) -> dict[str, Any]:
    """The summary as plain JSON: cells with their figures, what follows from them, checks and findings."""
    return {
        "run": str(summary.run.folder),
        "preset": summary.run.plan.preset,
        "environment": dict(summary.run.environment),
        "fit": summary.fit,
        "wall_s": summary.wall_s,
        "timed_s": summary.timed_s,
        "figures": [
            asdict(f.cell)
            | {k: v for k, v in asdict(f).items() if k not in ("cell", "speedup")}
            | {"speedup": _ratio_json(f.speedup) if f.speedup else None}
            | {"precise": f.speedup is not None and known_to(f.speedup, summary.run.plan.precision)}
            for f in summary.figures.values()
        ],
        "growths": [asdict(growth) for growth in summary.growths],
        "crossovers": [asdict(crossover) for crossover in summary.crossovers],
        "checks": [asdict(check) for check in summary.checks],
        "compilations": [
            asdict(compilation)
            | {"paybacks": [asdict(p) | {"ratio": _ratio_json(p.ratio)} for p in compilation.paybacks]}
            for compilation in summary.compilations
        ],
        "findings": [asdict(finding) for finding in summary.findings],
    }


def _ratio_json(held: Ratio) -> dict[str, Any]:
    return asdict(held) | {"verdict": held.verdict}


def _blocks(run: Run) -> tuple[Turns, dict[Cell, list[float]]]:
    """Median seconds of each block by cell and (process, pass), and every round by cell.

    What failed on a case has no figure there; outside code that failed anywhere has none at all.
    """
    void, caught = set(), set()
    for record in run.of_kind("failure"):
        caught.add(f"{record['operation']}/{record['technique']}")
        if record["technique"]:
            void.add((record["operation"], record["case"], record["dtype"], record["technique"], None))
        else:
            void.add((record["operation"], record["case"], record["dtype"], None, record["process"]))
    times: dict[Cell, dict[tuple[int, int], float]] = defaultdict(dict)
    samples: dict[Cell, list[float]] = defaultdict(list)
    for record in run.of_kind("block"):
        where = (record["operation"], record["case"], record["dtype"])
        if {(*where, record["technique"], None), (*where, None, record["process"])} & void:
            continue
        if f"{record['operation']}/{record['technique']}" in caught.intersection(run.plan.foreign):
            continue
        cell = cell_of(record)
        times[cell][record["process"], record["pass"]] = median(record["rounds_s"])
        samples[cell] += record["rounds_s"]
    return times, samples


def _measured(
    cell: Cell,
    times: Turns,
    samples: Mapping[Cell, Sequence[float]],
    cost: Mapping[str, int],
    fit: bool,
) -> Figure:
    mine = times[cell]
    interval = median_interval(list(mine.values()))
    return Figure(
        cell=cell,
        median_s=median(mine.values()),
        best_s=min(samples[cell]),
        low_s=interval[0] if interval else None,
        high_s=interval[1] if interval else None,
        blocks=len(mine),
        samples=len(samples[cell]),
        speedup=_ratio(times, replace(cell, technique=BASELINE), cell, fit),
        predicted=False,
        basis="",
        flops=cost["flops"],
        bytes=cost["bytes"],
    )


def _ratio(turns: Turns, baseline: Cell, contender: Cell, fit: bool) -> Ratio | None:
    base, mine = turns.get(baseline, {}), turns.get(contender, {})
    both = [turn for turn in mine if turn in base]
    return paired_ratio([base[t] for t in both], [mine[t] for t in both], fit) if both else None


def _contests(plan: Plan) -> Iterator[tuple[str, str, int, str]]:
    """Operation, dtype, threads and direction: within each the techniques are held to one another."""
    for op in plan.techniques:
        for dtype in plan.dtypes:
            for threads in plan.threads:
                for direction in plan.directions:
                    yield op, dtype, threads, direction


def _growths(summary: Summary) -> Iterator[Growth]:
    for contest in _contests(summary.run.plan):
        for technique in summary.run.plan.techniques[contest[0]]:
            line = summary.growing(*contest, technique)
            fitted = scaling([f.flops for f in line], [f.median_s for f in line])
            if fitted is not None:
                yield Growth(*contest, technique, fitted)


def _crossovers(summary: Summary) -> Iterator[Crossover]:
    """Where every two techniques cross, over the cases whose paired ratios tell the two apart."""
    for contest in _contests(summary.run.plan):
        for first, second in combinations(summary.run.plan.techniques[contest[0]], 2):
            apart = list(_apart(summary, contest, first, second))
            names = {flops: case for flops, _, case in apart}
            crossings = crossover(
                [flops for flops, _, _ in apart], [gap for _, gap, _ in apart], [1.0] * len(apart)
            )
            for c in crossings or ():
                pair = (first, second) if c.first_above else (second, first)
                yield Crossover(*contest, *pair, c.work, names[int(c.low)], names[int(c.high)])


def _apart(
    summary: Summary, contest: tuple[str, str, int, str], first: str, second: str
) -> Iterator[tuple[int, float, str]]:
    """Work, first's time over second's, and case, where the two are told apart."""
    for figure in summary.growing(*contest, second):
        ratio = summary.ratio(replace(figure.cell, technique=first), figure.cell)
        if ratio is not None and ratio.verdict in ("FASTER", "SLOWER"):
            yield figure.flops, ratio.value, figure.cell.case


def _paybacks(summary: Summary, compilation: Compilation) -> Iterator[Payback]:
    """When a compilation has paid for itself, on the fewest threads that the plan measured."""
    plan = summary.run.plan
    threads, direction = min(plan.threads), plan.directions[-1]
    where = (compilation.operation, compilation.dtype, threads, direction)
    if compilation.compile_s is None:
        return
    line = summary.line(*where, compilation.technique)
    for rival in RIVALS:
        common = [
            (figure, against, ratio)
            for figure in line
            if rival != compilation.technique
            and (against := summary.figures.get(replace(figure.cell, technique=rival))) is not None
            and (ratio := summary.ratio(against.cell, figure.cell)) is not None
        ]
        if common:
            figure, against, ratio = common[-1]
            calls = break_even_calls(compilation.compile_s, against.median_s, figure.median_s)
            shown = calls if ratio.verdict == "FASTER" else None
            yield Payback(rival, figure.cell.case, threads, direction, shown, ratio)


def _checks(run: Run) -> Iterator[Check]:
    unlike = {
        (r["operation"], r["technique"], r["case"], r["dtype"], r["threads"])
        for r in run.of_kind("block")
        if r["after"] != "same bits"
    }
    grouped: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for r in run.of_kind("verdict"):
        if r["status"] == "right":
            grouped[r["operation"], r["technique"], r["case"], r["dtype"], r["threads"]].append(r)
    for key, held in grouped.items():
        worst = max(held, key=lambda r: r["share"])
        operation, technique, case, dtype, threads = key
        yield Check(
            operation,
            technique,
            case,
            dtype,
            threads,
            share=worst["share"],
            where=worst["where"],
            precision=worst["precision"],
            repeatable=key not in unlike,
        )


def _compilations(run: Run) -> Iterator[Compilation]:
    grouped: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for r in run.of_kind("verdict"):
        if r["status"] == "right":
            grouped[r["operation"], r["technique"], r["dtype"]].append(r)
    for (operation, technique, dtype), held in grouped.items():
        cold = max((r["cold_compile_s"] for r in held if r.get("cold_compile_s")), default=None)
        # Only the first case of a process loads; the others find the kernel in place.
        loads = max((r.get("load_s", 0.0) for r in held), default=0.0)
        if cold is not None or loads > 0:
            yield Compilation(operation, technique, dtype, cold, loads or None)


def _memory(run: Run) -> Iterator[tuple[Cell, int]]:
    for r in run.of_kind("memory"):
        held = {"forward": r["forward"], "backward": r["backward"], "step": max(r["forward"], r["backward"])}
        for direction, count in held.items():
            yield replace(cell_of(r), direction=direction), count


def _findings(run: Run) -> Iterator[Finding]:
    seen = set()
    for r in run.of_kind("failure"):
        finding = Finding(r["operation"], r["technique"], r["case"], r["dtype"], r["reason"])
        if finding not in seen:
            seen.add(finding)
            yield finding
