"""From records to results: what a run came to, worked out once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import combinations
from statistics import median
from typing import Any

from perflab.contract import Cell, Contender
from perflab.records import Plan, Run, kinds
from perflab.records.kinds import Cost
from perflab.records.roof import NOT_MEASURED, Ceilings
from perflab.report.summary import (
    BASELINE,
    RIVALS,
    Accuracy,
    CellResult,
    Compilation,
    Crossover,
    Finding,
    Growth,
    Payback,
    Summary,
    Turns,
    ratio_of,
)
from perflab.statistics import Ratio, break_even_calls, crossover, known_to, median_interval, scaling


def summarise(run: Run) -> Summary:
    """Make the results of a run. A contender found wrong anywhere in a case has none there."""
    times, samples = _blocks(run)
    fit = all(record.state != "unfit" for record in run.of_kind(kinds.Fitness))
    predictions = {record.contender: record for record in run.of_kind(kinds.Prediction)}
    figures: dict[Cell, CellResult] = {}
    missing = 0
    for cell in run.plan.cells():
        cost = run.operations[cell.operation].cases[cell.case].costs[cell.dtype][cell.direction]
        prediction = predictions.get(cell.contender)
        predicted_s = prediction.seconds.get(cell.direction) if prediction else None
        if cell in times:
            figures[cell] = _measured(cell, times, samples, cost, fit)
        elif prediction is not None and predicted_s is not None:
            figures[cell] = CellResult(
                cell,
                predicted_s,
                None,
                None,
                None,
                0,
                0,
                None,
                True,
                prediction.basis,
                cost.flops,
                cost.bytes,
            )
        elif prediction is None:
            missing += 1
    measured = Summary(
        run=run,
        figures=figures,
        checks=tuple(_checks(run)),
        compilations=tuple(_compilations(run)),
        findings=tuple(_findings(run)),
        wall_s=sum(record.wall_s for record in run.of_kind(kinds.Process)),
        timed_s=sum(record.total_s for record in run.of_kind(kinds.Timed)),
        outstanding=missing,
        turns=times,
        fit=fit,
        ceilings=next(run.of_kind(Ceilings), NOT_MEASURED),
        evidence={record.contender: record for record in run.of_kind(kinds.Evidence) if record.ways},
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


def _ratio_json(ratio: Ratio) -> dict[str, Any]:
    return asdict(ratio) | {"verdict": ratio.verdict}


def _blocks(run: Run) -> tuple[Turns, dict[Cell, list[float]]]:
    """Median seconds of each block by cell and (process, pass), and every round by cell.

    What failed on a case has no result there; outside code that failed anywhere has none at all.
    """
    void, caught = set(), set()
    for failure in run.of_kind(kinds.Failure):
        who = failure.contender.across("threads")
        caught.add(who.name)
        void.add((who, None if who.technique else failure.process))
    caught &= set(run.plan.foreign)
    times: dict[Cell, dict[tuple[int, int], float]] = defaultdict(dict)
    samples: dict[Cell, list[float]] = defaultdict(list)
    for record in run.of_kind(kinds.Timed):
        who = record.contender.across("threads")
        if {(who, None), (who.across("technique"), record.process)} & void or who.name in caught:
            continue
        times[record.cell][record.turn] = record.median_s
        samples[record.cell] += record.rounds_s
    return times, samples


def _measured(
    cell: Cell, times: Turns, samples: Mapping[Cell, Sequence[float]], cost: Cost, fit: bool
) -> CellResult:
    own = times[cell]
    interval = median_interval(list(own.values()))
    return CellResult(
        cell=cell,
        median_s=median(own.values()),
        best_s=min(samples[cell]),
        low_s=interval[0] if interval else None,
        high_s=interval[1] if interval else None,
        blocks=len(own),
        samples=len(samples[cell]),
        speedup=ratio_of(times, replace(cell, technique=BASELINE), cell, fit),
        predicted=False,
        basis="",
        flops=cost.flops,
        bytes=cost.bytes,
    )


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


def _checks(run: Run) -> Iterator[Accuracy]:
    unlike = {record.contender for record in run.of_kind(kinds.Timed) if record.after != "same bits"}
    grouped: dict[Contender, list[kinds.Judgement]] = defaultdict(list)
    for verdict in run.of_kind(kinds.Judgement):
        if verdict.right:
            grouped[verdict.contender].append(verdict)
    for who, verdicts in grouped.items():
        worst = max(verdicts, key=lambda verdict: verdict.share or 0.0)
        yield Accuracy(
            who.operation, who.technique, who.case, who.dtype, who.threads, share=worst.share or 0.0,
            where=worst.where, precision=worst.precision, repeatable=who not in unlike,
        )  # fmt: skip


def _compilations(run: Run) -> Iterator[Compilation]:
    grouped: dict[Contender, list[kinds.Judgement]] = defaultdict(list)
    for verdict in run.of_kind(kinds.Judgement):
        if verdict.right:
            grouped[verdict.contender.across("case", "threads")].append(verdict)
    for who, verdicts in grouped.items():
        cold = max((v.cold_compile_s for v in verdicts if v.cold_compile_s), default=None)
        # Only the first case of a process loads; the others find the kernel in place.
        loads = max(v.load_s or 0.0 for v in verdicts)
        if cold is not None or loads > 0:
            yield Compilation(who.operation, who.technique, who.dtype, cold, loads or None)


def _memory(run: Run) -> Iterator[tuple[Cell, int]]:
    for record in run.of_kind(kinds.PeakMemory):
        most = max(record.forward, record.backward)
        for direction, count in (("forward", record.forward), ("backward", record.backward), ("step", most)):
            yield record.contender.cell(direction), count


def _findings(run: Run) -> Iterator[Finding]:
    findings = (
        Finding(who.operation, who.technique, who.case, who.dtype, failure.reason)
        for failure in run.of_kind(kinds.Failure)
        if (who := failure.contender)
    )
    yield from dict.fromkeys(findings)
