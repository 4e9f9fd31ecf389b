"""Saved results as times by cell: a run, or another tool's file, whatever project wrote it."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import median

from perflab import errors, records
from perflab.contract import Contender, PerflabError
from perflab.records import Run, kinds
from perflab.records.typed import escaped
from perflab.report import words
from perflab.report.across import formats, loading
from perflab.report.across.timings import BATCHES as BATCHES
from perflab.report.across.timings import Side as Side
from perflab.report.across.timings import Timing as Timing
from perflab.report.summarise import blocks

WANTED = f"wanted a run's folder, its records.jsonl, or {formats.READ}"
PEEKED = 4096  # bytes in which a run's first line says what it is
OF_RUN = re.compile(rb'\s*\{\s*"kind"\s*:')


def read(path: str | os.PathLike[str]) -> Side:
    """One side from a run's folder, a records.jsonl, another tool's JSON file, or a name of a run.

    "last" is the newest run under reports/, a branch's name the newest run that was measured on it. Raises
    PerflabError, in one line, for anything else.
    """
    where, told = Path(path), ""
    if not where.exists() and (named := records.named(str(path))):
        told, where = f"{path} is {named}", named
    try:
        if where.is_dir():
            return _told(of_run(records.read(where), where), told)
        if not where.is_file():
            known = records.names()
            hint = f"{errors.unknown('run', str(path), known)}; " if known and where.name == str(path) else ""
            raise PerflabError(f"{where}: no such file or folder; {hint}{WANTED}")
        with where.open("rb") as file:
            first = file.read(PEEKED)
        if where.suffix == ".jsonl" or OF_RUN.match(first):
            return of_run(records.read(where), where)
        document = loading.document(where)
    except OSError as error:
        raise PerflabError(f"{where}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise PerflabError(f"{where}: not JSON, or cut short; {WANTED}") from error
    return formats.read(where, document, WANTED)


def of_run(run: Run, path: Path) -> Side:
    """The side that a run is; what was found wrong, or predicted, has no time."""
    times, _ = blocks(run)
    timings: dict[str, Timing] = {}
    absent: dict[str, str] = {}
    failures: dict[Contender, str] = {}
    predictions = {record.contender: record for record in run.of_kind(kinds.Prediction)}
    for failure in run.of_kind(kinds.Failure):
        for ignored in (("threads",), ("threads", "case")):
            failures[failure.contender.across(*ignored)] = failure.reason
    for cell in run.plan.cells():
        name, prediction = words.name(cell), predictions.get(cell.contender)
        if cell in times:
            groups = defaultdict(list)
            for (process, _), seconds in times[cell].items():
                groups[process].append(seconds)
            problem = run.operations[cell.operation].cases[cell.case].problem
            grouped, middle = tuple(map(tuple, groups.values())), median(times[cell].values())
            timings[name] = Timing(cell.operation, middle, grouped, problem, cell=cell, turns=times[cell])
        elif prediction and prediction.seconds.get(cell.direction) is not None:
            absent[name] = f"predicted, not run: {prediction.basis}"
        else:
            contender = cell.contender.across("threads")
            reason = failures.get(contender) or failures.get(contender.across("case"))
            absent[name] = reason or "not measured"
    notes = ["the last line was cut short and is left out"] if run.torn else []
    notes += [f"{commit} was skipped: {reason}" for commit, reason in run.plan.skipped.items()]
    notes += [] if run.environment else ["its environment is not known"]
    reasons: dict[str, dict[str, None]] = defaultdict(dict)  # by the machine's state, each once
    for fitness in run.of_kind(kinds.Fitness):
        reasons[fitness.state]["; ".join(fitness.reasons) or "no reason is saved"] = None
    notes += [f"its machine was noisy: {reason}" for reason in reasons["noisy"]]
    commit = str(run.environment.get("commit") or "")
    return Side(
        escaped(str(path)), "run", run.environment, timings, absent, unfit=tuple(reasons["unfit"]),
        notes=tuple(notes), when=run.started, commit=commit.removesuffix("+"), clean=not commit.endswith("+"),
        trees=run.plan.trees,
    )  # fmt: skip


def _told(side: Side, note: str) -> Side:
    return replace(side, notes=(note, *side.notes)) if note else side
