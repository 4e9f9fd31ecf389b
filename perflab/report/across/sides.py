"""Saved results as times by cell: a run, or a file in pytest-benchmark's JSON, whatever project wrote it."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from perflab import records
from perflab.contract import Contender, PerflabError
from perflab.records import kinds
from perflab.records.typed import escaped
from perflab.report import words
from perflab.report.summarise import summarise

BATCHES = 30  # rounds of one process follow one another closely: more than these count as batches
WANTED = "wanted a run's folder, its records.jsonl, or pytest-benchmark's JSON"
LONGEST_S = 1e9  # anything longer, infinity and NaN are not the time of a call
# A block of perflab's own suite: OP/TECHNIQUE/CASE/DTYPE/DIRECTION/tN, then /PROCESS.PASS for a single block.
OWN = re.compile(r"::test_block\[((?:[^/\]]+/){5}t\d+)(?:/(\d+)\.\d+)?\]$")


@dataclass(frozen=True)
class Timing:
    """One cell's times on one side, in seconds a call."""

    operation: str
    median_s: float
    groups: tuple[tuple[float, ...], ...] = ()  # by process; empty where a file has no single times
    problem: Any = None  # what the cell's name stood for, where that is known

    @property
    def values(self) -> list[float]:
        """The times of all processes."""
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
    document = _parsed(content)
    if document is None:
        raise PerflabError(f"{where}: not JSON, or cut short; {WANTED}")
    if not isinstance(document, dict) or not isinstance(document.get("benchmarks"), list):
        raise PerflabError(f"{where}: has no list of benchmarks; {WANTED}")
    return _of_benchmarks(where, document)


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
        for ignored in (("threads",), ("threads", "case")):
            failures[failure.contender.across(*ignored)] = failure.reason
    for cell in run.plan.cells():
        name, figure, contender = (
            words.name(cell),
            summary.figures.get(cell),
            cell.contender.across("threads"),
        )
        if figure is None:
            reason = failures.get(contender) or failures.get(contender.across("case"))
            absent[name] = reason or "not measured"
        elif figure.predicted:
            absent[name] = f"predicted, not run: {figure.basis}"
        else:
            groups = defaultdict(list)
            for (process, _), seconds in summary.turns[cell].items():
                groups[process].append(seconds)
            problem = run.operations[cell.operation].cases[cell.case].problem
            timings[name] = Timing(cell.operation, figure.median_s, _frozen(groups), problem)
    notes = ["the last line was cut short and is left out"] if run.torn else []
    notes += [] if run.environment else ["its environment is not known"]
    reasons: dict[str, dict[str, None]] = defaultdict(dict)  # by the machine's state, each once
    for fitness in run.of_kind(kinds.Fitness):
        reasons[fitness.state]["; ".join(fitness.reasons) or "no reason is saved"] = None
    notes += [f"its machine was noisy: {reason}" for reason in reasons["noisy"]]
    path_text, unfit = escaped(str(path)), tuple(reasons["unfit"])
    return Side(path_text, "run", run.environment, timings, absent, unfit, tuple(notes))


def _of_benchmarks(path: Path, document: Mapping[str, Any]) -> Side:
    groups: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    medians: dict[str, float] = {}
    operations: dict[str, str] = {}
    for fullname, middle, data in _benchmarks(path, document["benchmarks"]):
        own = OWN.search(fullname)
        name = escaped(own[1] if own else fullname)
        operations[name] = name.split("/")[0] if own else name.split("[")[0].rpartition("::")[2]
        seconds = [_time(value, path, name) for value in data]
        medians[name] = _time(middle, path, name)
        if own and own[2] and seconds:
            groups[name][own[2]].append(median(seconds))
        else:
            groups[name][""] += seconds
    timings = {}
    for name, processes in groups.items():
        batches = _frozen({process: _batched(values) for process, values in processes.items()})
        values = [value for group in batches for value in group]
        timings[name] = Timing(operations[name], median(values) if values else medians[name], batches)
    counts, notes = {len(timing.groups) for timing in timings.values()}, []
    if 1 in counts:
        notes.append(
            "all its rounds count as one process: no interval includes differences between processes"
        )
    if 0 in counts:
        notes.append("some of its benchmarks have statistics but no single times: these give no interval")
    environment = _environment(document.get("machine_info"))
    return Side(escaped(str(path)), "pytest-benchmark", environment, timings, {}, notes=tuple(notes))


def _benchmarks(path: Path, entries: Sequence[Any]) -> Iterator[tuple[str, Any, Sequence[Any]]]:
    """The full name, median and single times of each benchmark, the times unchecked."""
    for position, benchmark in enumerate(entries):
        try:
            fullname, stats = benchmark.get("fullname") or benchmark["name"], benchmark["stats"]
            data = stats.get("data") or ()
            middle = stats["median"] if "median" in stats else stats["min"]
            if not isinstance(fullname, str) or not isinstance(data, (list, tuple)):
                raise TypeError
        except (KeyError, TypeError, AttributeError) as error:
            fault = "lacks its fullname or its stats; was the file edited?"
            raise PerflabError(f"{path}: benchmarks[{position}] {fault}") from error
        yield fullname, middle, data


def _environment(machine_info: Any) -> Mapping[str, Any]:
    """pytest-benchmark's machine_info under perflab's keys; perflab's own as it is."""
    info: Mapping[str, Any] = machine_info if isinstance(machine_info, dict) else {}
    cpu = info.get("cpu")
    if isinstance(cpu, str):
        return info
    cpu = cpu if isinstance(cpu, dict) else {}
    environment = {
        "cpu": cpu.get("brand_raw") or cpu.get("brand"),
        "system": f"{info.get('system', '')} {info.get('release', '')}".strip(),
    }
    if info.get("python_version"):
        environment["python"] = f"{info.get('python_implementation', 'Python')} {info['python_version']}"
    return {key: value for key, value in environment.items() if value}


def _batched(values: Sequence[float]) -> list[float]:
    """Times in the order in which they were taken; more than `BATCHES` as medians of consecutive ones."""
    if len(values) <= BATCHES:
        return list(values)
    ends = [len(values) * i // BATCHES for i in range(BATCHES + 1)]
    return [median(values[start:end]) for start, end in pairwise(ends)]


def _frozen(groups: Mapping[Any, Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(group) for group in groups.values() if group)


def _time(value: Any, path: Path, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < LONGEST_S:
        raise PerflabError(f"{path}: {name}: {value!r} is not a time; wanted seconds above 0")
    return float(value)
