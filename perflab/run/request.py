"""A run as it is asked for: which plan, in which folder. The same for the command line and for Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perflab import catalog, errors, machine, records
from perflab.catalog import against, cases
from perflab.contract import DTYPES, FIRST_RUNGS, PerflabError
from perflab.records import Plan
from perflab.run import presets

if TYPE_CHECKING:
    from rich.console import Console

    from perflab.oracle.sandbox.review import FileReview, Review


@dataclass(frozen=True)
class Request:
    """What `perflab run` was told, word by word.

    `targets` are OP or OP/TECHNIQUE, all operations where there are none; `threads` are numbers or "all";
    `files` are outside files, of which a case may take `limit_s` seconds at a first look; `peers` are other
    projects, `against` is another commit. What is empty is the
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
    limit_s: float = 60.0
    out: Path | None = None
    resume: bool = False


def settle(
    request: Request, tell: Callable[[str], None] = lambda _: None
) -> tuple[Path, Plan, FileReview | None]:
    """The folder and the plan of a run, and what a first look at its outside files found.

    Nothing is written yet, but for another commit's files. `tell` hears what is being looked at. Raises
    PerflabError, in one line, for everything that is not known or does not go together.
    """
    check_dtypes(request.dtypes)
    folder = _folder(request)
    if request.resume or not request.files:
        return folder, records.read(folder).plan if request.resume else _plan(request, folder, ()), None
    seen = own(request.files, request.targets, dtypes=request.dtypes, limit_s=request.limit_s, tell=tell)
    racing = [review for review in seen.reviews if not review.left_out]
    if not racing:
        why = "".join(f"; {r.implementation.technique}: {r.left_out}" for r in seen.reviews)
        raise PerflabError(f"{', '.join(request.files)}: nothing to race in it{why}")
    return folder, _plan(request, folder, racing), seen


def begin(
    folder: Path, plan: Plan, console: Console, show: str = "all", seen: FileReview | None = None
) -> None:
    """Write a new run's first records; measures first, where need be, what this machine can do at most.

    What was not seen to be right is out of the contest from the start, with the reason.
    """
    from perflab.machine import ceilings
    from perflab.run import selfcheck
    from perflab.run.progress import waiting

    if plan.explain and plan.preset != presets.OWN_PRESET:  # whose point is an answer at once
        with waiting(console, show, "measuring what this machine can do at most"):
            held = ceilings.for_run(plan.threads)
    else:
        held = ceilings.for_run(plan.threads, measure_missing=False)
    records.begin(folder, plan, cases.describe(plan), machine.environment(), selfcheck.kept(), held)
    out = [r for r in seen.reviews if r.reason and not r.left_out] if seen else []
    writer = records.Writer(folder)
    for review in out:
        name = review.implementation
        for threads in plan.threads:
            for dtype in plan.dtypes:
                writer.append(
                    "failure", operation=name.operation, case=plan.cases[name.operation][0], dtype=dtype,
                    threads=threads, technique=name.technique, direction="", process=-1, reason=review.reason,
                )  # fmt: skip
    writer.close()


def measure(folder: Path, plan: Plan, lock: int, console: Console, show: str = "all") -> None:
    """Measure what the folder does not hold yet; `show` on the console how far it is, as `Progress` does.

    Raises what `runner.run` raises.
    """
    from perflab.run import runner
    from perflab.run.progress import Progress

    with Progress(runner.outstanding(folder, plan), console, show) as progress:
        runner.run(folder, plan, lock, progress.tell)


def check_dtypes(words: Sequence[str]) -> None:
    """Raise PerflabError for a dtype that there is not."""
    for word in words:
        if word not in DTYPES:
            raise PerflabError(errors.unknown("dtype", word, DTYPES))


def own(
    files: Sequence[str],
    targets: Sequence[str],
    *,
    dtypes: Sequence[str] = (),
    cases: Sequence[str] = (),
    seed: int | None = None,
    limit_s: float = 60.0,
    tell: Callable[[str], None] = lambda _: None,
) -> FileReview:
    """The review of every implementation of these files.

    The targets name the operations that are wanted; a file with `forward` and `backward` alone needs one.
    """
    from perflab.oracle.sandbox.review import FileReview, review

    named = list(dict.fromkeys(target.partition("/")[0] for target in targets))
    found: list[Review] = []
    notes: list[str] = []
    read: list[Path] = []
    for file in files:
        one = review(
            Path(file), named[0] if len(named) == 1 else None,
            dtypes=dtypes or DTYPES, cases=cases, seed=seed, limit_s=limit_s, tell=tell,
        )  # fmt: skip
        notes += [f"{Path(file).name}: {note}" for note in one.notes]
        read += one.files
        for held in one.reviews:
            operation, technique = held.implementation.operation, held.implementation.technique
            if named and operation not in named:
                continue
            if technique in catalog.techniques(operation):
                raise PerflabError(
                    f"{file}: {operation} has a technique {technique} already; wanted a file of another name"
                )
            found.append(held)
    return FileReview(tuple(found), tuple(notes), tuple(dict.fromkeys(read)))


def _plan(request: Request, folder: Path, reviews: Sequence[Review]) -> Plan:
    found = dict.fromkeys(held.implementation.operation for held in reviews)
    chosen = catalog.targets(request.targets or tuple(found))
    preset = request.preset or (presets.OWN_PRESET if reviews else presets.DEFAULT_PRESET)
    if preset in (presets.OWN_PRESET, presets.WATCH_PRESET):
        chosen = {op: _ready(op, names, request, preset) for op, names in chosen.items()}
    files = {}
    for held in (review.implementation for review in reviews):
        chosen[held.operation] = (*chosen[held.operation], held.technique)
        files[f"{held.operation}/{held.technique}"] = str(Path(held.source).resolve())
    for op, names in chosen.items():
        files |= {f"{op}/{t}": str(file) for t, file in catalog.outsiders(op).items() if t in names}
    foreign = tuple(files)
    if request.against:
        for name, path in against.columns(chosen, *against.extract(request.against, folder)).items():
            op, _, column = name.partition("/")
            chosen[op] = (*chosen[op], column)
            files[name] = path
    homes = {}
    for op in chosen:
        for column in catalog.columns_of_peers(op, request.peers):
            chosen[op] = (*chosen[op], column)
            homes[column] = catalog.home(column)
    return presets.make(
        chosen,
        preset,
        cases=request.cases,
        dtypes=request.dtypes,
        threads=_threads(request.threads) or (1,),
        outside=files,
        homes=homes,
        foreign=foreign,
        named=request.targets,
    )


def _ready(op: str, names: Sequence[str], request: Request, preset: str) -> tuple[str, ...]:
    """The rungs that a file of one's own meets: the first four, those of NumPy alone, the last, the named.

    The last only where it is compiled already. At every save only the first three and the named: loading
    compiled code takes longer than the race.
    """
    from perflab.run.compilation import compiles, missing

    chosen = {name for name in names if name in FIRST_RUNGS[:3] or f"{op}/{name}" in request.targets}
    if preset == presets.OWN_PRESET:
        chosen |= {name for name in names if name in FIRST_RUNGS or not compiles(catalog.raw(op, name))}
        chosen |= {names[-1]} if not missing({op: (names[-1],)}, ("float32",)) else set()
    return tuple(name for name in names if name in chosen)


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
