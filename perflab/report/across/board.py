"""The saved runs of this machine as one ranking: which implementation is how fast, the user's own included.

Times of two runs are not compared with one another: a machine drifts. The ranking uses each implementation's
ratio over a baseline that was timed in turns with it, in its own run. The baseline is the same text on the
same problem for all. Of each text of a technique the newest run counts; a changed text is another entry.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from perflab import records, units
from perflab.contract import DIRECTIONS, DTYPES, Cell, PerflabError
from perflab.errors import unknown
from perflab.records import Run
from perflab.records.environment import differences
from perflab.report import words
from perflab.report.across.candidates import BASELINES, Candidate, Fault, candidates, faults, read
from perflab.report.summarise import summarise
from perflab.report.summary import Summary
from perflab.statistics import Ratio

EVERY = "all"
MOST = 12  # entries of a table; the newest text of each of the user's files is always shown


@dataclass(frozen=True)
class Entry:
    """One text of an implementation in one group."""

    rank: int | None  # 1 plus the number of entries whose whole interval is faster; None without an interval
    name: str
    technique: str
    kind: str  # "own", "rung", "peer" or "commit"
    text: str
    newest: bool
    ratio: Ratio
    seconds: float  # the median of its own run, not compared with other runs
    low_s: float | None
    high_s: float | None
    run: str
    started: float
    calls: tuple[str, ...] = ()  # what it calls of perflab's own techniques and of libraries

    @property
    def whose(self) -> str:
        """Its kind, and whose work it calls."""
        return f"{self.kind}, calls {', '.join(self.calls)}" if self.calls else self.kind


@dataclass(frozen=True)
class Group:
    """A ranking: one operation, case, dtype, direction and number of threads, over one baseline."""

    operation: str
    case: str
    dtype: str
    direction: str
    threads: int
    baseline: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Out:
    """An implementation that is in no ranking, and why."""

    operation: str
    name: str
    run: str
    reason: str


@dataclass(frozen=True)
class Board:
    """Rankings, what is excluded, the number of runs; by name why runs are of `elsewhere` or `skipped`."""

    groups: tuple[Group, ...]
    out: tuple[Out, ...]
    runs: int
    elsewhere: Mapping[str, str]
    skipped: Mapping[str, str]


def board(
    folder: Path, targets: Sequence[str] = (), cases: Sequence[str] = (), dtype: str | None = None,
    direction: str | None = None, threads: int | None = None, *,
    here: Mapping[str, Any], operations: Sequence[str] = (),
) -> Board:  # fmt: skip
    """Rank what the runs under a folder measured on this machine.

    `targets` are OP or OP/TECHNIQUE, all by default. The default of `cases` is the largest of each operation,
    and "all" is every case. `dtype`, `direction` and `threads` are by default float32, step and the fewest
    where these were measured, else one that was. `here` is this machine's environment. `operations` are the
    known ones in the order to show; other operations that a run names come after them.

    Raises PerflabError where there is no run, for an unknown operation, for a technique or a case that no run
    measured.
    """
    for name, value, values in (("dtype", dtype, DTYPES), ("direction", direction, DIRECTIONS)):
        if value is not None and value not in values:
            raise PerflabError(unknown(name, value, values))
    files = sorted(folder.glob(f"*/{records.RECORDS}"))
    if not files:
        raise PerflabError(f"{folder}: no saved run in it; wanted a folder that `perflab run` wrote into")
    skipped, elsewhere = {}, {}
    known = dict.fromkeys(operations)
    runs: list[tuple[Run, Summary]] = []
    for name, run in read(files):
        if isinstance(run, str):
            skipped[name] = run
            continue
        known |= dict.fromkeys(run.plan.techniques)
        differing = differences(run.environment, here)
        if differing or not run.environment:
            elsewhere[name] = "; ".join(map(str, differing)) or "its environment is not known"
        else:
            runs.append((run, summarise(run)))
    selected = _selected(targets, tuple(known))
    runs.sort(key=lambda pair: pair[0].started)
    measured: dict[str, list[Candidate]] = defaultdict(list)
    failed: dict[str, list[Fault]] = defaultdict(list)
    for run, summary in runs:
        for candidate in candidates(run, summary):
            measured[candidate.cell.operation].append(candidate)
        for fault in faults(run, summary):
            failed[fault.operation].append(fault)
    _check(selected, measured, failed, cases)
    asked = {"dtype": dtype, "direction": direction, "threads": threads}
    groups: list[Group] = []
    out: list[Out] = []
    for operation, techniques in selected.items():
        ranked: set[str] = set()
        for place in _places(measured[operation], cases, asked):
            there = [candidate for candidate in measured[operation] if candidate.place == place]
            group, excluded = _ranked(place, there, failed[operation])
            ranked |= {entry.technique for entry in group.entries}
            out += excluded
            entries = tuple(e for e in group.entries if not techniques or e.technique in techniques)
            groups += [replace(group, entries=entries)] if entries else []
        ranked |= {excluded.name for excluded in out if excluded.operation == operation}
        out += _unranked(operation, measured[operation], failed[operation], ranked)
    return Board(tuple(groups), tuple(dict.fromkeys(out)), len(runs), elsewhere, skipped)


def tables(ranking: Board, most: int = MOST) -> Iterator[words.Table]:
    """A table for each ranking: its first entries, and always the newest text of each of the user's files."""
    for group in ranking.groups:
        ranks = [entry.rank for entry in group.entries]
        own = [entry for entry in group.entries[most:] if entry.kind == "own" and entry.newest]
        shown = [*group.entries[:most], *own]
        rows = tuple(
            (
                "–" if e.rank is None else f"={e.rank}" if ranks.count(e.rank) > 1 else str(e.rank),
                e.name, e.whose, words.interval(e.ratio) if e.technique != group.baseline else "baseline",
                units.seconds(e.seconds, 3), _day(e.started), e.run,
            )
            for e in shown
        )  # fmt: skip
        where = f"{group.case}, {group.direction}, {group.dtype}, {words.of_threads(group.threads)}"
        more = len(group.entries) - len(shown)
        title = f"{group.operation} on {where}" + (f"; {more} more entries are not shown" if more else "")
        head = ("rank", "implementation", "whose", f"over {group.baseline}", "time", "measured", "run")
        yield words.Table(title, head, rows)


def closing(ranking: Board) -> Iterator[str]:
    """The lines below the tables: what is excluded and why, and which runs are not counted."""
    alike: dict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    for out in ranking.out:
        alike[out.operation, out.run, out.reason][out.name] = None
    for (operation, run, reason), names in alike.items():
        yield f"not ranked: {operation}/{', '.join(names)} ({run}): {reason}"
    if ranking.elsewhere:
        names_of_runs, first = ", ".join(ranking.elsewhere), next(iter(ranking.elsewhere.values()))
        yield f"runs of other machines, not counted: {names_of_runs} ({first})"
    if ranking.skipped:
        yield "runs skipped: " + "; ".join(f"{name}: {reason}" for name, reason in ranking.skipped.items())
    if any(entry.rank is None for group in ranking.groups for entry in group.entries):
        yield "– has fewer than six pairs of turns, so no interval and no rank"
    yield "ranked by the ratio over a baseline that was timed in turns in the same run; = is an equal rank"


def to_json(ranking: Board) -> dict[str, Any]:
    """The board as plain JSON: one row an entry, and what is not in it."""
    rows = []
    for group in ranking.groups:
        for entry in group.entries:
            ratio = {f"ratio_{key}": value for key, value in vars(entry.ratio).items()}
            row = vars(group) | vars(entry) | ratio | {"calls": list(entry.calls)}
            rows.append({key: value for key, value in row.items() if key not in ("entries", "ratio")})
    others = {"elsewhere": dict(ranking.elsewhere), "skipped": dict(ranking.skipped)}
    return {"rows": rows, "out": list(map(vars, ranking.out)), "runs": ranking.runs, **others}


def _selected(targets: Sequence[str], known: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Operations with the techniques that were named; an empty tuple means all."""
    selected: dict[str, list[str]] = {}
    for target in targets or known:
        operation, _, technique = target.partition("/")
        if operation not in known:
            raise PerflabError(unknown("operation", operation, known))
        selected.setdefault(operation, []).extend([technique] if technique else [])
    whole = {target for target in targets if "/" not in target}
    return {op: () if op in whole else tuple(dict.fromkeys(names)) for op, names in selected.items()}


def _check(
    selected: Mapping[str, Sequence[str]], measured: Mapping[str, Sequence[Candidate]],
    failed: Mapping[str, Sequence[Fault]], cases: Sequence[str],
) -> None:  # fmt: skip
    """Raise PerflabError for a technique or a case that no run has."""
    for operation, techniques in selected.items():
        known = {candidate.cell.technique for candidate in measured[operation]}
        known |= {fault.technique for fault in failed[operation]}
        for technique in techniques:
            if technique not in known:
                there = ", ".join(sorted(known)) or "none"
                name = f"{operation}/{technique}"
                raise PerflabError(f"{name}: no run of this machine measured it; there are {there}")
    known_cases = sorted({candidate.cell.case for op in selected for candidate in measured[op]})
    for case in cases:
        if case != EVERY and known_cases and case not in known_cases:
            names = ", ".join(known_cases)
            raise PerflabError(f"{case}: no run of this machine measured this case; there are {names}")


def _places(measured: Sequence[Candidate], cases: Sequence[str], asked: Mapping[str, Any]) -> list[Cell]:
    """The groups to show of one operation, as cells without a technique.

    Where `asked` has None, a place is taken in which a file of the user's was measured, if there is any.
    """
    every = bool(cases)
    given = {name: value for name, value in asked.items() if value is not None}
    fitting = [
        candidate
        for candidate in measured
        if given.items() <= vars(candidate.cell).items()
        and (not cases or EVERY in cases or candidate.cell.case in cases)
    ]
    flops = {candidate.place: candidate.figure.flops for candidate in fitting}
    chosen = {candidate.place for candidate in fitting if candidate.kind == "own"} or set(flops)
    for name, usual in (("dtype", "float32"), ("direction", "step"), ("threads", None)):
        there = {getattr(cell, name) for cell in chosen}
        value = usual if usual in there else min(there, default=None)
        chosen = {cell for cell in chosen if getattr(cell, name) == value}
    if every and chosen:
        any_case = replace(next(iter(chosen)), case="")
        chosen = {cell for cell in flops if replace(cell, case="") == any_case}
    by_work = sorted(chosen, key=lambda cell: (flops[cell], cell.case))
    return by_work if every else by_work[-1:]


def _ranked(place: Cell, measured: Sequence[Candidate], failed: Sequence[Fault]) -> tuple[Group, list[Out]]:
    """One group from its candidates, which are in the order of their runs."""
    over_first = [candidate for candidate in measured if candidate.baseline[0] == BASELINES[0]]
    reference = (over_first or measured)[-1]
    baseline = reference.baseline[0]
    comparable = (reference.baseline, reference.problem)
    newest = {c.key: c for c in measured if (c.baseline, c.problem) == comparable}
    out = []
    for candidate in {c.key: c for c in measured}.values():
        if candidate.key not in newest:
            reason = f"measured over {candidate.baseline[0]}, not over {baseline}"
            if candidate.baseline[0] == baseline:
                reason = f"measured over another text of {baseline} than the newest run's"
            if candidate.problem != reference.problem:
                reason = "measured on another problem under the same name"
            out.append(Out(place.operation, candidate.cell.technique, candidate.run, reason))
    for fault in failed:
        key, here = (fault.technique, fault.text), (fault.case, fault.dtype) == (place.case, place.dtype)
        if key in newest and here and fault.started > newest[key].started:
            del newest[key]
            out.append(Out(place.operation, fault.technique, fault.run, fault.reason))
    entries = _entries(sorted(newest.values(), key=lambda candidate: candidate.started))
    where = (place.operation, place.case, place.dtype, place.direction, place.threads)
    return Group(*where, baseline, entries), out


def _entries(candidates: Sequence[Candidate]) -> tuple[Entry, ...]:
    """The fastest first, of candidates in the order of their runs.

    The name of an older text of a technique has its day, and its digest where two texts have the same day.
    """
    last = {candidate.cell.technique: candidate for candidate in candidates}
    lows = [candidate.ratio.low for candidate in candidates if candidate.ratio.low is not None]
    days = Counter((candidate.cell.technique, _day(candidate.started)) for candidate in candidates)
    entries = []
    for candidate in candidates:
        technique, day, ratio = candidate.cell.technique, _day(candidate.started), candidate.ratio
        newest = last[technique] is candidate
        dated = f"{technique}, {day}" + (f" {candidate.text}" if days[technique, day] > 1 else "")
        figure, name = candidate.figure, technique if newest else dated
        rank = None if ratio.high is None else 1 + sum(low > ratio.high for low in lows)
        entries.append(Entry(
            rank, name, technique, candidate.kind, candidate.text, newest, ratio,
            figure.median_s, figure.low_s, figure.high_s, candidate.run, candidate.started, candidate.calls,
        ))  # fmt: skip
    return tuple(sorted(entries, key=lambda entry: (-entry.ratio.value, entry.name)))


def _unranked(
    operation: str, measured: Sequence[Candidate], failed: Sequence[Fault], ranked: set[str]
) -> Iterator[Out]:
    """The latest failures, and the user's own files, that no ranking of the operation shows."""
    latest: dict[str, Out] = {}
    for candidate in measured:
        if candidate.kind == "own":
            technique = candidate.cell.technique
            cells = [other.cell for other in measured if other.cell.technique == technique]
            columns = zip(*((cell.case, cell.dtype, cell.direction) for cell in cells), strict=True)
            places = "; ".join(", ".join(dict.fromkeys(column)) for column in columns)
            latest[technique] = Out(operation, technique, candidate.run, f"measured on {places} only")
    for fault in failed:
        latest[fault.technique] = Out(operation, fault.technique, fault.run, fault.reason)
    yield from (out for technique, out in latest.items() if technique not in ranked)


def _day(started: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(started))
