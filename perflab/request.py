"""A run as it is asked for: which plan, in which folder. The same for the command line and for Python."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perflab import against, grid, machine, records
from perflab import plan as plans
from perflab.contract import DTYPES, Implementation, PerflabError, Plan

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Request:
    """What `perflab run` was told, word by word.

    `targets` are OP or OP/TECHNIQUE, all operations where there are none; `threads` are numbers or "all";
    `files` are outside files, `peers` other projects, `against` another commit. What is empty is the
    preset's to choose. With `resume` there is no other choice beside `out`.
    """

    targets: tuple[str, ...] = ()
    preset: str = ""
    cases: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    threads: tuple[str | int, ...] = ()
    files: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    against: str = ""
    out: Path | None = None
    resume: bool = False


def settle(request: Request) -> tuple[Path, Plan]:
    """The folder and the plan of a run; nothing is written yet, but for another commit's files.

    Raises PerflabError, in one line, for everything that is not known or does not go together.
    """
    check_dtypes(request.dtypes)
    folder = _folder(request)
    return folder, records.read(folder).plan if request.resume else _plan(request, folder)


def begin(folder: Path, plan: Plan, console: Console, show: str = "all") -> None:
    """Write a new run's first records; measures first, where need be, what this machine can do at most."""
    from perflab import ceilings, selfcheck
    from perflab.progress import waiting

    if plan.explain:
        with waiting(console, show, "measuring what this machine can do at most"):
            held = ceilings.for_run(plan.threads)
    else:
        held = ceilings.for_run(plan.threads, measure_missing=False)
    records.begin(folder, plan, plans.describe(plan), machine.environment(), selfcheck.kept(), held)


def measure(folder: Path, plan: Plan, lock: int, console: Console, show: str = "all") -> None:
    """Measure what the folder does not hold yet; `show` on the console how far it is, as `Progress` does.

    Raises what `runner.run` raises.
    """
    from perflab import runner
    from perflab.progress import Progress

    with Progress(runner.outstanding(folder, plan), console, show) as progress:
        runner.run(folder, plan, lock, progress.tell)


def check_dtypes(words: Sequence[str]) -> None:
    """Raise PerflabError for a dtype that there is not."""
    for word in words:
        if word not in DTYPES:
            raise PerflabError(grid.unknown("dtype", word, DTYPES))


def outside(files: Sequence[str], targets: Sequence[str]) -> dict[str, list[Implementation]]:
    """Outside files as further techniques of the one operation that the targets name."""
    if not files:
        return {}
    named = list(dict.fromkeys(target.partition("/")[0] for target in targets))
    if len(named) != 1:
        raise PerflabError("--with: whose technique is the file? wanted exactly one operation as TARGET")
    taken = [grid.load_raw(file, named[0]) for file in files]
    for implementation in taken:
        if implementation.technique in grid.techniques(named[0]):
            raise PerflabError(
                f"{implementation.source}: {named[0]} has a technique {implementation.technique} already;"
                " wanted a file of another name"
            )
    return {named[0]: taken}


def _plan(request: Request, folder: Path) -> Plan:
    chosen = grid.targets(request.targets)
    files = {}
    for op, implementations in outside(request.files, request.targets).items():
        for implementation in implementations:
            chosen[op] = (*chosen[op], implementation.technique)
            files[f"{op}/{implementation.technique}"] = str(Path(implementation.source).resolve())
    if request.against:
        for name, path in against.columns(chosen, *against.extract(request.against, folder)).items():
            op, _, column = name.partition("/")
            chosen[op] = (*chosen[op], column)
            files[name] = path
    homes = {}
    for op in chosen:
        for column in grid.columns_of_peers(op, request.peers):
            chosen[op] = (*chosen[op], column)
            homes[column] = grid.home(column)
    return plans.make(
        chosen,
        request.preset or plans.DEFAULT_PRESET,
        cases=request.cases,
        dtypes=request.dtypes,
        threads=_threads(request.threads) or (1,),
        outside=files,
        homes=homes,
        named=request.targets,
    )


def _threads(told: Sequence[str | int]) -> tuple[int, ...]:
    found = []
    cores = machine.cores()
    for word in map(str, told):
        number = cores if word == "all" else int(word) if word.isdecimal() else 0
        if not 1 <= number <= cores:
            raise PerflabError(f"--threads: {word!r}; wanted a number from 1 to {cores}, or all")
        found.append(number)
    return tuple(dict.fromkeys(found))


def _folder(request: Request) -> Path:
    if not request.resume:
        return request.out or Path("reports") / time.strftime("%Y%m%d-%H%M%S")
    narrowed = (
        request.targets
        or request.preset
        or request.cases
        or request.dtypes
        or request.threads
        or request.files
        or request.peers
        or request.against
    )
    if narrowed:
        raise PerflabError(
            "--resume: goes on with the run as it was begun; wanted no other choice beside --out"
        )
    if request.out:
        if not request.out.is_dir():
            raise PerflabError(f"{request.out}: no run here to resume")
        return request.out
    newest = records.newest()
    if newest is None:
        raise PerflabError("--resume: no run under reports/; wanted --out DIR")
    return newest
