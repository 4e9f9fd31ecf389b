"""From records to results: every figure of a run, computed once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import combinations, islice
from statistics import median
from typing import Any

from perflab.contract import Cell, Contender, PerflabError
from perflab.errors import unknown
from perflab.records import Run, kinds
from perflab.records.kinds import Cost
from perflab.records.roof import NOT_MEASURED, Ceilings
from perflab.report import drawn, sweep
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
from perflab.statistics import Ratio, crossover, known_to, median_interval, scaling


def summarise(run: Run, baseline: str = "") -> Summary:
    """Compute the results of a run. A contender that was wrong anywhere in a case has no result there.

    Ratios are shown over `baseline` instead of the plan's own. Raises PerflabError if it was not measured.
    """
    times, samples = blocks(run)
    if baseline:
        run = _over(run, baseline, {cell.technique for cell in times})
    fit = all(record.state != "unfit" for record in run.of_kind(kinds.Fitness))
    predictions = {record.contender: record for record in run.of_kind(kinds.Prediction)}
    figures: dict[Cell, CellResult] = {}
    outstanding = 0
    for cell in run.plan.cells():
        cost = run.operations[cell.operation].cases[cell.case].costs[cell.dtype][cell.direction]
        prediction = predictions.get(cell.contender)
        predicted_s = prediction.seconds.get(cell.direction) if prediction else None
        if cell in times:
            figures[cell] = _measured(cell, times, samples, cost, fit)
        elif prediction is not None and predicted_s is not None:
            figures[cell] = CellResult(
                cell, predicted_s, predicted=True, basis=prediction.basis, flops=cost.flops, bytes=cost.bytes
            )
        elif prediction is None:
            outstanding += 1
    wall_s = sum(record.wall_s for record in run.of_kind(kinds.Process))
    timed_s = sum(record.total_s for record in run.of_kind(kinds.Timed))
    measured = Summary(
        run, figures, tuple(_checks(run)), tuple(_compilations(run)), tuple(_findings(run)), wall_s, timed_s,
        outstanding, turns=times, fit=fit, ceilings=next(run.of_kind(Ceilings), NOT_MEASURED),
        remarks={record.contender: record for record in run.of_kind(kinds.Remarks)},
        evidence={record.contender: record for record in run.of_kind(kinds.Evidence) if record.ways},
        memory=dict(_memory(run)),
        causes={r.contender.across("case", "threads"): r for r in run.of_kind(kinds.Causes) if r.ways},
    )  # fmt: skip
    compilations = tuple(replace(c, paybacks=tuple(_paybacks(measured, c))) for c in measured.compilations)
    growths, crossovers = tuple(_growths(measured)), tuple(_crossovers(measured))
    if len(run.plan.swept) > 1:  # cases of a grid differ in shape: there is no one line through them
        growths, crossovers = (), ()
    return replace(measured, growths=growths, crossovers=crossovers, compilations=compilations)


def _over(run: Run, baseline: str, measured: Collection[str]) -> Run:
    """The run with another baseline in its plan."""
    names = dict.fromkeys(name for names in run.plan.techniques.values() for name in names)
    if baseline in names and baseline not in measured:
        known = ", ".join(name for name in names if name in measured) or "none"
        raise PerflabError(f"{baseline}: not measured in this run; wanted one of {known}")
    if baseline not in names:
        raise PerflabError(unknown("baseline", baseline, names))
    return replace(run, plan=replace(run.plan, baseline=baseline))


def to_json(summary: Summary) -> dict[str, Any]:
    """The summary as plain JSON: cells with their figures, growth, crossovers, checks and findings."""
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
            | {"over": summary.over(f.cell), "ratio": _ratio_json(ratio) if ratio else None}
            | {"precise": ratio is not None and known_to(ratio, summary.run.plan.precision)}
            for f in summary.figures.values()
            for ratio in [summary.shown(f)]
        ],
        "sweep": sweep.to_json(summary),
        "drawn": drawn.to_json(summary),
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


def blocks(run: Run) -> tuple[Turns, dict[Cell, list[float]]]:
    """Median seconds of each block by cell and (process, pass), and every round by cell.

    What failed on a case has no result there; outside code that failed anywhere has none at all.
    """
    failed, failed_names = set(), set()
    for failure in run.of_kind(kinds.Failure):
        contender = failure.contender.across("threads")
        failed_names.add(contender.name)
        failed.add((contender, None if contender.technique else failure.process))
    failed_names &= set(run.plan.foreign)
    times: dict[Cell, dict[tuple[int, int], float]] = defaultdict(dict)
    samples: dict[Cell, list[float]] = defaultdict(list)
    for record in run.of_kind(kinds.Timed):
        if failed:
            contender = record.contender.across("threads")
            reasons = {(contender, None), (contender.across("technique"), record.process)} & failed
            if reasons or contender.name in failed_names:
                continue
        cell = record.cell
        times[cell][record.turn] = record.median_s
        samples[cell] += record.rounds_s
    return times, samples


def _measured(
    cell: Cell, times: Turns, samples: Mapping[Cell, Sequence[float]], cost: Cost, fit: bool
) -> CellResult:
    medians = list(times[cell].values())
    low, high = median_interval(medians) or (None, None)
    speedup = ratio_of(times, replace(cell, technique=BASELINE), cell, fit)
    return CellResult(
        cell, median(medians), min(samples[cell]), low, high, len(medians), len(samples[cell]), speedup,
        flops=cost.flops, bytes=cost.bytes,
    )  # fmt: skip


def _growths(summary: Summary) -> Iterator[Growth]:
    for contest in summary.contests():
        for technique in summary.run.plan.techniques[contest[0]]:
            line = summary.growing(*contest, technique)
            fitted = scaling([f.flops for f in line], [f.median_s for f in line])
            if fitted is not None:
                yield Growth(*contest, technique, fitted)


def _crossovers(summary: Summary) -> Iterator[Crossover]:
    """Where every two techniques cross, over the cases in which one of the two is clearly faster."""
    for contest in summary.contests():
        for first, second in combinations(summary.run.plan.techniques[contest[0]], 2):
            cases: dict[int, str] = {}
            ratios = []
            for figure in summary.growing(*contest, second):
                ratio = summary.ratio(replace(figure.cell, technique=first), figure.cell)
                if ratio is not None and ratio.verdict in ("FASTER", "SLOWER"):
                    cases[figure.flops] = figure.cell.case
                    ratios.append((figure.flops, ratio.value))
            work, values = [flops for flops, _ in ratios], [value for _, value in ratios]
            for c in crossover(work, values, [1.0] * len(work)) or ():
                pair = (first, second) if c.first_above else (second, first)
                yield Crossover(*contest, *pair, c.work, cases[int(c.low)], cases[int(c.high)])


def _paybacks(summary: Summary, compilation: Compilation) -> Iterator[Payback]:
    """When a compilation has paid for itself, on the fewest threads that the plan measured."""
    plan = summary.run.plan
    threads, direction = min(plan.threads), plan.directions[-1]
    if compilation.compile_s is None:
        return
    line = summary.line(compilation.operation, compilation.dtype, threads, direction, compilation.technique)
    for rival in RIVALS:
        paybacks = (summary.payback(figure, rival, compilation.compile_s) for figure in reversed(line))
        yield from islice(filter(None, paybacks), 1)


def _right_verdicts(run: Run, *across: str) -> Iterable[tuple[Contender, list[kinds.Judgement]]]:
    """The verdicts of correct contenders, grouped by contender without the fields in `across`."""
    grouped: dict[Contender, list[kinds.Judgement]] = defaultdict(list)
    for verdict in run.of_kind(kinds.Judgement):
        if verdict.right:
            grouped[verdict.contender.across(*across)].append(verdict)
    return grouped.items()


def _checks(run: Run) -> Iterator[Accuracy]:
    changed = {record.contender for record in run.of_kind(kinds.Timed) if record.after != "same bits"}
    for c, verdicts in _right_verdicts(run):
        worst = max(verdicts, key=lambda verdict: verdict.share or 0.0)
        yield Accuracy(
            c.operation, c.technique, c.case, c.dtype, c.threads, worst.share or 0.0, worst.where,
            worst.precision, repeatable=c not in changed,
        )  # fmt: skip


def _compilations(run: Run) -> Iterator[Compilation]:
    for c, verdicts in _right_verdicts(run, "case", "threads"):
        compile_s = max((v.cold_compile_s for v in verdicts if v.cold_compile_s), default=None)
        # Only the first case of a process loads the kernel from the cache.
        load_s = max(v.load_s or 0.0 for v in verdicts) or None
        if compile_s is not None or load_s:
            yield Compilation(c.operation, c.technique, c.dtype, compile_s, load_s)


def _memory(run: Run) -> Iterator[tuple[Cell, int]]:
    for record in run.of_kind(kinds.PeakMemory):
        peak = {"forward": record.forward, "backward": record.backward}
        for direction, count in (peak | {"step": max(peak.values())}).items():
            yield record.contender.cell(direction), count


def _findings(run: Run) -> Iterable[Finding]:
    failures = [(failure.contender, failure.reason) for failure in run.of_kind(kinds.Failure)]
    return dict.fromkeys(Finding(c.operation, c.technique, c.case, c.dtype, why) for c, why in failures)
