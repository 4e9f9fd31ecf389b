"""Saved results as times by cell: a run, or a file in pytest-benchmark's JSON, whatever project wrote it."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from perflab import records
from perflab.contract import Cell, Contender, PerflabError
from perflab.records import kinds
from perflab.records.typed import escaped
from perflab.report.summarise import summarise

BATCHES = 30  # rounds of one process follow one another closely: more than these count as batches
WANTED = "wanted a run's folder, its records.jsonl, or pytest-benchmark's JSON"
LONGEST_S = 1e9  # what is longer, infinite or not a number is no time of a call
# A block of perflab's own suite: OP/TECHNIQUE/CASE/DTYPE/DIRECTION/tN, and /PROCESS.PASS for one block alone.
OWN = re.compile(r"::test_block\[((?:[^/\]]+/){5}t\d+)(?:/(\d+)\.\d+)?\]$")


@dataclass(frozen=True)
class Timing:
    """One cell's times on one side, in seconds a call, process by process.

    Without single times, as where a file holds its statistics only, `groups` is empty. `problem` says what
    the cell's name stood for, where that is known.
    """

    operation: str
    median_s: float
    groups: tuple[tuple[float, ...], ...] = ()
    problem: Any = None

    @property
    def values(self) -> list[float]:
        """Every time, whatever its process."""
        return [value for group in self.groups for value in group]


@dataclass(frozen=True)
class Side:
    """One saved result: its times by cell name; why planned cells have none; why its machine was unfit."""

    path: str
    kind: str
    environment: Mapping[str, Any]
    timings: Mapping[str, Timing]
    absent: Mapping[str, str]
    unfit: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read(path: str | os.PathLike[str]) -> Side:
    """One side from a run's folder, a records.jsonl or a pytest-benchmark JSON file.

    Raises PerflabError, in one line, for anything else.
    """
    where = Path(path)
    try:
        if where.is_dir():
            return _of_run(where)
        if not where.is_file():
            raise PerflabError(f"{where}: no such file or folder; {WANTED}")
        content = where.read_bytes()
    except OSError as error:
        raise PerflabError(f"{where}: cannot be read: {error.strerror}") from error
    first = _parsed(content.split(b"\n", 1)[0])
    if where.suffix == ".jsonl" or (isinstance(first, dict) and "kind" in first):
        return _of_run(where)
    held = _parsed(content)
    if held is None:
        raise PerflabError(f"{where}: not JSON, or cut short; {WANTED}")
    if not isinstance(held, dict) or not isinstance(held.get("benchmarks"), list):
        raise PerflabError(f"{where}: has no list of benchmarks; {WANTED}")
    return _of_benchmarks(where, held)


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _of_run(path: Path) -> Side:
    run = records.read(path)
    summary = summarise(run)
    timings: dict[str, Timing] = {}
    absent: dict[str, str] = {}
    failures: dict[Contender, str] = {}
    for failure in run.of_kind(kinds.Failure):
        failures[failure.contender.across("threads")] = failure.reason
        failures[failure.contender.across("threads", "case")] = failure.reason
    for cell in run.plan.cells():
        name, figure, who = cell_name(cell), summary.figures.get(cell), cell.contender.across("threads")
        if figure is None:
            absent[name] = failures.get(who) or failures.get(who.across("case")) or "not measured"
        elif figure.predicted:
            absent[name] = f"predicted, not run: {figure.basis}"
        else:
            groups = defaultdict(list)
            for (process, _), seconds in summary.turns[cell].items():
                groups[process].append(seconds)
            problem = run.operations[cell.operation].cases[cell.case].problem
            timings[name] = Timing(cell.operation, figure.median_s, _frozen(groups), problem)
    notes = ["the last line was cut short and is left out"] if run.torn else []
    if not run.environment:
        notes.append("its environment is not known")
    fitness = list(run.of_kind(kinds.Fitness))
    notes += dict.fromkeys(f"its machine was noisy: {_why(f)}" for f in fitness if f.state == "noisy")
    return Side(
        path=escaped(str(path)),
        kind="run",
        environment=run.environment,
        timings=timings,
        absent=absent,
        unfit=tuple(dict.fromkeys(_why(f) for f in fitness if f.state == "unfit")),
        notes=tuple(notes),
    )


def cell_name(cell: Cell) -> str:
    """A cell as `benchmark.json` names it: OPERATION/TECHNIQUE/CASE/DTYPE/DIRECTION/tTHREADS."""
    return "/".join(
        (cell.operation, cell.technique, cell.case, cell.dtype, cell.direction, f"t{cell.threads}")
    )


def _why(fitness: kinds.Fitness) -> str:
    return "; ".join(fitness.reasons) or "no reason is saved"


def _of_benchmarks(path: Path, held: Mapping[str, Any]) -> Side:
    groups: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    medians: dict[str, float] = {}
    operations: dict[str, str] = {}
    for position, benchmark in enumerate(held["benchmarks"]):
        try:
            full, stats = benchmark.get("fullname") or benchmark["name"], benchmark["stats"]
            data = stats.get("data") or ()
            middle = stats["median"] if "median" in stats else stats["min"]
            if not isinstance(full, str) or not isinstance(data, (list, tuple)):
                raise TypeError
        except (KeyError, TypeError, AttributeError) as error:
            raise PerflabError(
                f"{path}: benchmarks[{position}] lacks its fullname or its stats; was the file edited?"
            ) from error
        own = OWN.search(full)
        name = escaped(own[1] if own else full)
        operations[name] = name.split("/")[0] if own else name.split("[")[0].rpartition("::")[2]
        seconds = [_time(value, path, name) for value in data]
        medians[name] = _time(middle, path, name)
        if own and own[2] and seconds:
            groups[name][own[2]].append(median(seconds))
        else:
            groups[name][""] += seconds
    timings = {}
    for name, held_groups in groups.items():
        kept = _frozen({process: _batched(values) for process, values in held_groups.items()})
        values = [value for group in kept for value in group]
        timings[name] = Timing(operations[name], median(values) if values else medians[name], kept)
    notes = []
    if any(len(timing.groups) == 1 for timing in timings.values()):
        notes.append(
            "its rounds are taken as one process's: what differs between processes is in no interval"
        )
    if any(not timing.groups for timing in timings.values()):
        notes.append("it holds statistics without single times for some, which give no interval")
    told = held.get("machine_info")
    return Side(
        path=escaped(str(path)),
        kind="pytest-benchmark",
        environment=_environment(told if isinstance(told, dict) else {}),
        timings=timings,
        absent={},
        notes=tuple(notes),
    )


def _environment(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """pytest-benchmark's machine_info in perflab's words; perflab's own as it is. The rest is not told."""
    cpu = told.get("cpu")
    if isinstance(cpu, str):
        return told
    cpu = cpu if isinstance(cpu, dict) else {}
    found = {
        "cpu": cpu.get("brand_raw") or cpu.get("brand"),
        "system": f"{told.get('system', '')} {told.get('release', '')}".strip(),
    }
    if told.get("python_version"):
        found["python"] = f"{told.get('python_implementation', 'Python')} {told['python_version']}"
    return {key: value for key, value in found.items() if value}


def _batched(values: Sequence[float]) -> list[float]:
    """Times in the order in which they were taken; more than `BATCHES` as medians of consecutive ones."""
    if len(values) <= BATCHES:
        return list(values)
    ends = [len(values) * i // BATCHES for i in range(BATCHES + 1)]
    return [median(values[a:b]) for a, b in pairwise(ends)]


def _frozen(groups: Mapping[Any, Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(group) for group in groups.values() if group)


def _time(value: Any, path: Path, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < LONGEST_S:
        raise PerflabError(f"{path}: {name}: {value!r} is no time; wanted seconds above 0")
    return float(value)
