"""The saved runs of this machine as one ranking: whose implementation is how fast, one's own among the rungs.

    found = board(Path("reports"), ["conv2d"])
    for table in tables(found):
        print(table.title, table.rows)

Times of two runs are not held to one another: a machine drifts. What is ranked is each implementation's ratio
over a baseline that was measured in turns with it, in its own run, and the baseline is the same text on the
same problem for all. Of each text of a technique the newest run counts; a text that changed is another entry.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from perflab import records, units
from perflab.contract import Cell, PerflabError
from perflab.errors import unknown
from perflab.records import Run
from perflab.records.environment import differences
from perflab.report import words
from perflab.report.across.candidates import BASELINES, Candidate, Fault, candidates, faults, read
from perflab.report.summarise import summarise
from perflab.report.summary import Summary
from perflab.statistics import Ratio

EVERY = "all"
MOST = 12  # entries of a table; the newest text of each file of one's own is shown beyond it too


@dataclass(frozen=True)
class Entry:
    """One text of an implementation in one group. `kind` is "own", "rung", "peer" or "commit".

    `rank` counts those whose whole interval is faster, so what cannot be told apart shares one; None without
    an interval. `seconds` is the median of its own run, which no other run's is held to.
    """

    rank: int | None
    name: str
    technique: str
    kind: str
    text: str
    newest: bool
    ratio: Ratio
    seconds: float
    low_s: float | None
    high_s: float | None
    run: str
    started: float


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
    """Rankings, and what is in none; by name and reason, runs of other machines and what cannot be read."""

    groups: tuple[Group, ...]
    out: tuple[Out, ...]
    runs: int
    elsewhere: Mapping[str, str]
    skipped: Mapping[str, str]


def board(
    folder: Path,
    targets: Sequence[str] = (),
    case: str | None = None,
    dtype: str | None = None,
    direction: str | None = None,
    threads: int | None = None,
    *,
    here: Mapping[str, Any],
    operations: Sequence[str] = (),
) -> Board:
    """Rank what the runs under a folder measured on this machine.

    `targets` are OP or OP/TECHNIQUE, all by default. Without a `case` the largest of each operation is shown,
    with "all" every one; without a `dtype` float32, without a `direction` step, without `threads` the fewest,
    as far as anything was measured there, else what was. `here` is this machine's environment, `operations`
    those that are known, in the order in which they are shown; what a run names comes after them.

    Raises PerflabError where there is no run, for an unknown operation, for a technique or a case that no run
    measured.
    """
    files = sorted(folder.glob(f"*/{records.RECORDS}"))
    if not files:
        raise PerflabError(f"{folder}: no saved run in it; wanted a folder that `perflab run` wrote into")
    skipped, elsewhere = {}, {}
    known = dict.fromkeys(operations)
    held: list[tuple[Run, Summary]] = []
    for name, run in read(files):
        if isinstance(run, str):
            skipped[name] = run
            continue
        known |= dict.fromkeys(run.plan.techniques)
        differing = differences(run.environment, here)
        if differing or not run.environment:
            elsewhere[name] = "; ".join(map(str, differing)) or "its environment is not known"
            continue
        held.append((run, summarise(run)))
    wanted = _wanted(targets, tuple(known))
    held.sort(key=lambda one: one[0].started)
    cells = [one for run, summary in held for one in candidates(run, summary) if one.cell.operation in wanted]
    failed = [one for run, summary in held for one in faults(run, summary) if one.operation in wanted]
    _check(wanted, cells, failed, case)
    groups: list[Group] = []
    out: list[Out] = []
    for operation, techniques in wanted.items():
        mine = [one for one in cells if one.cell.operation == operation]
        broken = [one for one in failed if one.operation == operation]
        shown: set[str] = set()
        for place in _places(mine, case, dtype, direction, threads):
            group, left = _ranked(place, [one for one in mine if one.place == place], broken)
            shown |= {entry.technique for entry in group.entries}
            out += left
            entries = tuple(one for one in group.entries if not techniques or one.technique in techniques)
            groups += [replace(group, entries=entries)] if entries else []
        shown |= {one.name for one in out if one.operation == operation}
        out += _unranked(operation, mine, broken, shown)
    return Board(tuple(groups), tuple(dict.fromkeys(out)), len(held), elsewhere, skipped)


# -------------------------------------------------------------------------------------------------- in words


def tables(found: Board, most: int = MOST) -> Iterator[words.Table]:
    """A table a ranking: its first entries, and beyond them the newest text of each file of one's own."""
    for group in found.groups:
        ties = [entry.rank for entry in group.entries]
        shown = [
            entry
            for place, entry in enumerate(group.entries)
            if place < most or (entry.kind == "own" and entry.newest)
        ]
        rows = tuple(
            (
                "–" if e.rank is None else f"={e.rank}" if ties.count(e.rank) > 1 else str(e.rank),
                e.name, e.kind, words.interval(e.ratio) if e.technique != group.baseline else "baseline",
                units.seconds(e.seconds, 3), _day(e.started), e.run,
            )
            for e in shown
        )  # fmt: skip
        where = f"{group.case}, {group.direction}, {group.dtype}, {words.of_threads(group.threads)}"
        left = len(group.entries) - len(shown)
        title = f"{group.operation} on {where}" + (f"; {left} more entries are not shown" if left else "")
        head = ("rank", "implementation", "whose", f"over {group.baseline}", "time", "measured", "run")
        yield words.Table(title, head, rows)


def closing(found: Board) -> list[str]:
    """What stands below the tables: what is out and why, other machines' runs, runs that cannot be read."""
    alike: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in found.out:
        alike[one.operation, one.run, one.reason].append(one.name)
    lines = [
        f"out: {operation}/{', '.join(dict.fromkeys(names))} ({run}): {reason}"
        for (operation, run, reason), names in alike.items()
    ]
    if found.elsewhere:
        names = ", ".join(found.elsewhere)
        first = next(iter(found.elsewhere.values()))
        lines.append(f"{len(found.elsewhere)} measured elsewhere, not counted: {names} ({first})")
    if found.skipped:
        told = "; ".join(f"{name}: {why}" for name, why in found.skipped.items())
        lines.append(f"{len(found.skipped)} skipped: {told}")
    if any(entry.rank is None for group in found.groups for entry in group.entries):
        lines.append("– has fewer than six pairs of turns, so no interval and no rank")
    lines.append(
        "ranked by the ratio over a baseline measured in turns in the same run; = shares its rank: intervals"
        " overlap"
    )
    return lines


def to_json(found: Board) -> dict[str, Any]:
    """The board as plain JSON: one row an entry, and what is not in it."""
    rows = []
    for group in found.groups:
        where = {name: held for name, held in vars(group).items() if name != "entries"}
        for entry in group.entries:
            told = {name: held for name, held in vars(entry).items() if name != "ratio"}
            rows.append(where | told | {f"ratio_{name}": held for name, held in asdict(entry.ratio).items()})
    return {
        "rows": rows,
        "out": [asdict(one) for one in found.out],
        "runs": found.runs,
        "elsewhere": dict(found.elsewhere),
        "skipped": dict(found.skipped),
    }


# ------------------------------------------------------------------------------------------ what is asked for


def _wanted(targets: Sequence[str], known: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Operations with the techniques that were named; none named stands for all."""
    wanted: dict[str, list[str]] = {}
    for target in targets or known:
        operation, _, technique = target.partition("/")
        if operation not in known:
            raise PerflabError(unknown("operation", operation, known))
        wanted.setdefault(operation, [])
        wanted[operation] += [technique] if technique else []
    whole = {target for target in targets if "/" not in target}
    return {op: () if op in whole else tuple(dict.fromkeys(names)) for op, names in wanted.items()}


def _check(
    wanted: Mapping[str, Sequence[str]], cells: Sequence[Candidate], failed: Sequence[Fault], case: str | None
) -> None:
    """Raise PerflabError for a technique or a case that no run has."""
    for operation, techniques in wanted.items():
        known = {one.cell.technique for one in cells if one.cell.operation == operation}
        known |= {one.technique for one in failed if one.operation == operation}
        for technique in techniques:
            if technique not in known:
                there = ", ".join(sorted(known)) or "none"
                raise PerflabError(
                    f"{operation}/{technique}: no run of this machine measured it; there are {there}"
                )
    cases = sorted({one.cell.case for one in cells})
    if case not in (None, EVERY) and cases and case not in cases:
        raise PerflabError(f"{case}: no run of this machine measured this case; there are {', '.join(cases)}")


def _places(
    mine: Sequence[Candidate], case: str | None, dtype: str | None, direction: str | None, threads: int | None
) -> list[Cell]:
    """The groups to show of one operation, as cells without a technique.

    What was not asked for is chosen where something of one's own was measured, if anything was.
    """
    asked = {
        "case": None if case == EVERY else case,
        "dtype": dtype,
        "direction": direction,
        "threads": threads,
    }
    fitting = [
        one
        for one in mine
        if all(value is None or getattr(one.cell, name) == value for name, value in asked.items())
    ]
    work = {one.place: one.figure.flops for one in fitting}
    chosen = {one.place for one in fitting if one.kind == "own"} or set(work)
    for name, usual in (("dtype", "float32"), ("direction", "step"), ("threads", None)):
        there = {getattr(cell, name) for cell in chosen}
        value = usual if usual in there else min(there, default=None)
        chosen = {cell for cell in chosen if getattr(cell, name) == value}
    if case == EVERY and chosen:
        one = next(iter(chosen))
        chosen = {cell for cell in work if replace(cell, case=one.case) == one}
    by_work = sorted(chosen, key=lambda cell: (work[cell], cell.case))
    return by_work if case == EVERY else by_work[-1:]


# ---------------------------------------------------------------------------------------------- the ranking


def _ranked(place: Cell, found: Sequence[Candidate], failed: Sequence[Fault]) -> tuple[Group, list[Out]]:
    """One group from its candidates, which are in the order of their runs."""
    over_first = [one for one in found if one.baseline[0] == BASELINES[0]]
    reference = (over_first or found)[-1]
    wanted = (reference.baseline, reference.problem)
    alike = {one.key: one for one in found if (one.baseline, one.problem) == wanted}  # the newest of each
    out = []
    for one in {one.key: one for one in found}.values():
        if one.key not in alike:
            why = f"measured over {one.baseline[0]}, not over {reference.baseline[0]}"
            if one.baseline[0] == reference.baseline[0]:
                why = f"measured over another text of {one.baseline[0]} than the newest run's"
            if one.problem != reference.problem:
                why = "measured on another problem under the same name"
            out.append(Out(place.operation, one.cell.technique, one.run, why))
    for fault in failed:
        mine = alike.get((fault.technique, fault.text))
        here = (fault.case, fault.dtype) == (place.case, place.dtype)
        if mine is not None and here and fault.started > mine.started:
            del alike[mine.key]
            out.append(Out(place.operation, fault.technique, fault.run, fault.reason))
    kept = list(alike.values())
    newest = {one.cell.technique: one.key for one in sorted(kept, key=lambda one: one.started)}
    names = _names(kept, newest)
    entries = [
        Entry(
            _rank(one.ratio, kept), names[one.key], one.cell.technique, one.kind, one.text,
            newest[one.cell.technique] == one.key, one.ratio, one.figure.median_s, one.figure.low_s,
            one.figure.high_s, one.run, one.started,
        )
        for one in kept
    ]  # fmt: skip
    entries.sort(key=lambda entry: (-entry.ratio.value, entry.name))
    group = Group(
        place.operation, place.case, place.dtype, place.direction, place.threads, reference.baseline[0],
        tuple(entries),
    )  # fmt: skip
    return group, out


def _rank(mine: Ratio, kept: Sequence[Candidate]) -> int | None:
    """One more than there are others whose whole interval lies above."""
    if mine.high is None:
        return None
    high = mine.high
    return 1 + sum(one.ratio.low is not None and one.ratio.low > high for one in kept)


def _names(kept: Sequence[Candidate], newest: Mapping[str, tuple[str, str]]) -> dict[tuple[str, str], str]:
    """A technique's name; an older text's with its day, and with its digest where days are alike."""
    days: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for one in kept:
        days[one.cell.technique, _day(one.started)].append(one)
    names = {}
    for one in kept:
        technique, day = one.cell.technique, _day(one.started)
        told = f"{technique}, {day}" if len(days[technique, day]) == 1 else f"{technique}, {day} {one.text}"
        names[one.key] = technique if newest[technique] == one.key else told
    return names


def _unranked(
    operation: str, mine: Sequence[Candidate], failed: Sequence[Fault], shown: set[str]
) -> Iterator[Out]:
    """What failed, and files of one's own, that no ranking of the operation shows: the latest of each."""
    latest: dict[str, Out] = {}
    for one in mine:
        if one.kind == "own":
            technique = one.cell.technique
            measured = [other.cell for other in mine if other.cell.technique == technique]
            told = (
                ", ".join(dict.fromkeys(getattr(cell, name) for cell in measured))
                for name in ("case", "dtype", "direction")
            )
            latest[technique] = Out(operation, technique, one.run, f"measured on {'; '.join(told)} only")
    for fault in failed:
        latest[fault.technique] = Out(operation, fault.technique, fault.run, fault.reason)
    yield from (out for technique, out in latest.items() if technique not in shown)


def _day(started: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(started))
