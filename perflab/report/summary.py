"""From records to figures: one figure a cell, each with its interval, its ratio and its verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from perflab.contract import Cell
from perflab.records import Run, cell_of
from perflab.statistics import Ratio, median_interval, paired_ratio

BASELINE = "naive"


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
class Compilation:
    """What a compiled implementation costs before its first figure, apart from every other time.

    `compile_s` is from nothing (None where no record holds it), `load_s` from Numba's cache.
    """

    operation: str
    technique: str
    dtype: str
    compile_s: float | None
    load_s: float | None


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
    """Everything that a report shows."""

    run: Run
    figures: Mapping[Cell, Figure]
    checks: tuple[Check, ...]
    compilations: tuple[Compilation, ...]
    findings: tuple[Finding, ...]
    wall_s: float
    timed_s: float
    outstanding: int

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

    def widest(self, operation: str, dtype: str, threads: int, direction: str) -> str | None:
        """The largest case, by work, on which the baseline was measured."""
        measured = [
            figure
            for figure in self.of(
                operation=operation, dtype=dtype, threads=threads, direction=direction, technique=BASELINE
            )
            if not figure.predicted
        ]
        return max(measured, key=lambda f: f.flops).cell.case if measured else None


def summarise(run: Run) -> Summary:
    """Make the figures of a run. A contender found wrong anywhere in a case has none there."""
    times, samples = _blocks(run)
    figures: dict[Cell, Figure] = {}
    predictions = {
        (r["operation"], r["case"], r["dtype"], r["threads"], r["technique"]): r
        for r in run.of_kind("prediction")
    }
    for cell in _cells(run):
        cost = run.operations[cell.operation]["cases"][cell.case]["costs"][cell.dtype][cell.direction]
        if cell in times:
            figures[cell] = _measured(cell, times, samples, cost)
        else:
            key = (cell.operation, cell.case, cell.dtype, cell.threads, cell.technique)
            if key in predictions and cell.direction in predictions[key]["seconds"]:
                held = predictions[key]
                figures[cell] = Figure(
                    cell, held["seconds"][cell.direction], None, None, None, 0, 0, None,
                    True, held["basis"], cost["flops"], cost["bytes"],
                )  # fmt: skip
    missing = sum(1 for cell in _cells(run) if cell not in figures)
    return Summary(
        run=run,
        figures=figures,
        checks=tuple(_checks(run)),
        compilations=tuple(_compilations(run)),
        findings=tuple(_findings(run)),
        wall_s=sum(r["wall_s"] for r in run.of_kind("process")),
        timed_s=sum(sum(r["rounds_s"]) * r["iterations"] for r in run.of_kind("block")),
        outstanding=missing,
    )


def to_json(summary: Summary) -> dict[str, Any]:
    """The summary as plain JSON: cells with their figures, checks and findings."""
    return {
        "run": str(summary.run.folder),
        "preset": summary.run.plan.preset,
        "environment": dict(summary.run.environment),
        "wall_s": summary.wall_s,
        "timed_s": summary.timed_s,
        "figures": [
            asdict(f.cell)
            | {k: v for k, v in asdict(f).items() if k not in ("cell", "speedup")}
            | {"speedup": asdict(f.speedup) | {"verdict": f.speedup.verdict} if f.speedup else None}
            for f in summary.figures.values()
        ],
        "checks": [asdict(check) for check in summary.checks],
        "compilations": [asdict(compilation) for compilation in summary.compilations],
        "findings": [asdict(finding) for finding in summary.findings],
    }


def _cells(run: Run) -> Iterator[Cell]:
    plan = run.plan
    for op, techniques in plan.techniques.items():
        for case in plan.cases[op]:
            for dtype in plan.dtypes:
                for threads in plan.threads:
                    for direction in plan.directions:
                        for technique in techniques:
                            yield Cell(op, case, dtype, threads, direction, technique)


def _blocks(run: Run) -> tuple[dict[Cell, dict[tuple[int, int], float]], dict[Cell, list[float]]]:
    """Median seconds of each block by cell and (process, pass), and every round by cell."""
    void = set()
    for record in run.of_kind("failure"):
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
        cell = cell_of(record)
        times[cell][record["process"], record["pass"]] = median(record["rounds_s"])
        samples[cell] += record["rounds_s"]
    return times, samples


def _measured(
    cell: Cell,
    times: Mapping[Cell, Mapping[tuple[int, int], float]],
    samples: Mapping[Cell, Sequence[float]],
    cost: Mapping[str, int],
) -> Figure:
    mine = times[cell]
    interval = median_interval(list(mine.values()))
    baseline = times.get(
        Cell(cell.operation, cell.case, cell.dtype, cell.threads, cell.direction, BASELINE), {}
    )
    both = [turn for turn in mine if turn in baseline]
    return Figure(
        cell=cell,
        median_s=median(mine.values()),
        best_s=min(samples[cell]),
        low_s=interval[0] if interval else None,
        high_s=interval[1] if interval else None,
        blocks=len(mine),
        samples=len(samples[cell]),
        speedup=paired_ratio([baseline[t] for t in both], [mine[t] for t in both]) if both else None,
        predicted=False,
        basis="",
        flops=cost["flops"],
        bytes=cost["bytes"],
    )


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
        cold = max((r["cold_compile_s"] for r in held if r["cold_compile_s"]), default=None)
        # Only the first case of a process loads; the others find the kernel in place.
        loads = max((r["load_s"] for r in held), default=0.0)
        if cold is not None or loads > 0:
            yield Compilation(operation, technique, dtype, cold, loads or None)


def _findings(run: Run) -> Iterator[Finding]:
    seen = set()
    for r in run.of_kind("failure"):
        finding = Finding(r["operation"], r["technique"], r["case"], r["dtype"], r["reason"])
        if finding not in seen:
            seen.add(finding)
            yield finding
