"""A request for a run, its plan and its folder. The same for the command line and for Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from perflab import catalog, errors, machine, records
from perflab.catalog import against, cases
from perflab.catalog.sizes import Size, own_cases, sweep_of
from perflab.contract import DTYPES, FIRST_RUNGS, Case, Contender, PerflabError
from perflab.records import Plan
from perflab.run import drawing, own, presets
from perflab.units import duration

if TYPE_CHECKING:
    from perflab.oracle.sandbox.review import FileReview, Review
    from perflab.run.turns import Tell

LONGEST_S = 30 * 24 * 3600.0


@dataclass(frozen=True)
class Request:
    """The options of `perflab run`.

    `targets` are OP or OP/TECHNIQUE, all operations if empty; `sizes` are cases of one's own, each some axes
    and parameters, and `sweeps` the axes along which they are varied, as C=16:512; `draw` shapes are drawn
    from the `seed`; `threads` are numbers or "all"; `files` are outside files, in whose review a case may
    take `limit_s` seconds; `peers` are other projects, `against` is another commit, or a range A..B. `for_s`
    is the time for all of it, `baseline` the technique over which ratios are shown. The preset decides what
    is empty. With `resume` only `out` and `for_s` may be set.
    """

    targets: tuple[str, ...] = ()
    preset: str = ""
    cases: tuple[str, ...] = ()
    sizes: tuple[Size, ...] = ()
    sweeps: tuple[str, ...] = ()
    draw: int = 0
    seed: str = ""
    dtypes: tuple[str, ...] = ()
    threads: tuple[str | int, ...] = ()
    files: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    against: str = ""
    for_s: float = 0.0
    baseline: str = ""
    limit_s: float = 60.0
    out: Path | None = None
    resume: bool = False


def settle(
    request: Request, tell: Callable[[str], None] = lambda _: None
) -> tuple[Path, Plan, FileReview | None]:
    """The folder and the plan of a run, and the review of its outside files.

    Writes nothing but the files of another commit. `tell` gets the name of each step. Raises PerflabError, in
    one line, for unknown names and for options that exclude each other.
    """
    check_dtypes(request.dtypes)
    request = replace(request, targets=catalog.named(request.targets))
    folder = _folder(request)
    if request.resume:
        run = records.read(folder)
        own.admit_again(run)
        return folder, run.plan, None
    if request.draw:
        drawing.check(request)
    own.check(target.partition("/")[0] for target in request.targets)
    if not request.files:
        return folder, _plan(request, folder, ()), None
    reviewed = review_files(
        request.files, request.targets, dtypes=request.dtypes, limit_s=request.limit_s, tell=tell
    )
    racing = [review for review in reviewed.reviews if not review.left_out]
    if not racing:
        why = "".join(f"; {r.implementation.technique}: {r.left_out}" for r in reviewed.reviews)
        raise PerflabError(f"{', '.join(request.files)}: nothing to race in it{why}")
    return folder, _plan(request, folder, racing), reviewed


@contextmanager
def opened(
    folder: Path, plan: Plan, reviewed: FileReview | None = None, resume: bool = False, for_s: float = 0.0
) -> Iterator[Callable[[Tell], None]]:
    """Lock the folder and begin the run, or mend it to `resume` it; yields the function that measures.

    It measures what the folder lacks, gives its events to the `Tell`, and raises what `runner.run` raises.
    With `resume`, `for_s` more seconds are granted to the run.
    """
    from perflab.run import runner

    with records.lock(folder):
        if not resume:
            _begin(folder, plan, reviewed)
        else:
            records.mend(folder)
            if for_s:
                records.save(folder, "granted", [{"for_s": for_s}])
        yield lambda tell: runner.run(folder, plan, tell, for_s if resume else 0.0)


def _begin(folder: Path, plan: Plan, reviewed: FileReview | None) -> None:
    """Write a new run's first records. A file whose review failed is excluded, with the reason."""
    from perflab.run import selfcheck
    from perflab.run.explaining import saved_ceilings

    limits = saved_ceilings(plan)
    records.begin(folder, plan, cases.describe(plan), machine.environment(), selfcheck.stored(), limits)
    failed = [r for r in reviewed.reviews if r.reason and not r.left_out] if reviewed else []
    for review in failed:
        op, technique = review.implementation.operation, review.implementation.technique
        case, fields = plan.cases[op][0], {"direction": "", "process": -1, "reason": review.reason}
        settings = product(plan.dtypes, plan.threads)
        contenders = (Contender(op, case, dtype, threads, technique) for dtype, threads in settings)
        records.save(folder, "failure", (asdict(contender) | fields for contender in contenders))


def seconds_of(words: str) -> float:
    """The seconds of a time as it is typed. Raises PerflabError for anything else, and for none."""
    try:
        seconds = duration(words)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_S:
        raise PerflabError(f"--for: {words!r}; wanted a time, such as 90s, 10m or 1h30m")
    return seconds


def check_resumed(request: Request) -> None:
    """Raise PerflabError where a run that is to go on is asked for anything else."""
    if replace(request, out=None, for_s=0.0, limit_s=Request.limit_s) != Request(resume=True):
        raise PerflabError(
            "--resume: the saved plan decides everything; wanted no other choice beside --out and --for"
        )


def check_dtypes(words: Sequence[str]) -> None:
    """Raise PerflabError for an unknown dtype."""
    for word in words:
        if word not in DTYPES:
            raise PerflabError(errors.unknown("dtype", word, DTYPES))


def review_files(
    files: Sequence[str], targets: Sequence[str], *, dtypes: Sequence[str] = (), cases: Sequence[str] = (),
    own: Mapping[str, Sequence[Case]] | None = None,
    seed: int | None = None, limit_s: float = 60.0, tell: Callable[[str], None] = lambda _: None,
) -> FileReview:  # fmt: skip
    """The review of every implementation in these files.

    The targets name the operations; a file with only `forward` and `backward` needs exactly one of them.
    """
    from perflab.oracle.sandbox.review import FileReview, review

    named = list(dict.fromkeys(target.partition("/")[0] for target in targets))
    reviews: list[Review] = []
    notes: list[str] = []
    paths: list[Path] = []
    for file in files:
        reviewed = review(
            Path(file), named[0] if len(named) == 1 else None,
            dtypes=dtypes or DTYPES, cases=cases, own=own, seed=seed, limit_s=limit_s, tell=tell,
        )  # fmt: skip
        notes += [f"{Path(file).name}: {note}" for note in reviewed.notes]
        paths += reviewed.files
        for each in reviewed.reviews:
            operation, technique = each.implementation.operation, each.implementation.technique
            if named and operation not in named:
                continue
            if technique in catalog.techniques(operation):
                raise PerflabError(
                    f"{file}: {operation} has a technique {technique} already; wanted a file of another name"
                )
            reviews.append(each)
    return FileReview(tuple(reviews), tuple(notes), tuple(dict.fromkeys(paths)))


def _plan(request: Request, folder: Path, reviews: Sequence[Review]) -> Plan:
    implementations = [review.implementation for review in reviews]
    chosen = catalog.targets(request.targets or tuple(dict.fromkeys(i.operation for i in implementations)))
    if not request.targets:  # what is forward only has a run by itself
        chosen = {
            op: names for op, names in chosen.items() if not catalog.operation(op).forward_only
        } or chosen
    usual = presets.OWN_PRESET if reviews else presets.DEFAULT_PRESET
    usual = presets.SWEEP_PRESET if request.sweeps else drawing.PRESET if request.draw else usual
    preset = request.preset or usual
    swept = [sweep_of(word).axis for word in request.sweeps]
    named = bool(request.targets or reviews)
    sized = sized_cases(chosen, request.sizes, request.sweeps, request.dtypes, named=named, timed=True)
    drawn, projects = None, request.peers
    if request.draw:
        chosen, sized, drawn = drawing.settle(request, chosen)
        projects = drawing.peers(request)
    if preset in (presets.OWN_PRESET, presets.WATCH_PRESET):
        chosen = {op: _ready(op, names, request, preset) for op, names in chosen.items()}
    files = {}
    for implementation in implementations:
        op, technique = implementation.operation, implementation.technique
        chosen[op] = (*chosen[op], technique)
        files[f"{op}/{technique}"] = str(Path(implementation.source).resolve())
    for op, names in chosen.items():
        files |= {f"{op}/{t}": str(file) for t, file in catalog.outsiders(op).items() if t in names}
    foreign = tuple(files)
    others = against.Columns()
    if request.against:
        others = against.gather(chosen, request.against, folder)
        for name, path in others.files.items():
            op, _, column = name.partition("/")
            chosen[op] = (*chosen[op], column)
            files[name] = path
    homes: dict[str, str] = {}
    for op in chosen:
        columns = catalog.columns_of_peers(op, projects)
        chosen[op] = (*chosen[op], *columns)
        homes |= {column: catalog.home(column) for column in columns}
    plan = presets.make(
        chosen, preset, cases=request.cases, dtypes=request.dtypes,
        threads=threads_of(request.threads) or (1,),
        outside=files, homes=homes, foreign=foreign, named=request.targets, for_s=request.for_s,
        baseline=request.baseline, sized=sized, swept=swept,
    )  # fmt: skip
    return replace(plan, skipped=others.skipped, trees=others.trees, drawn=drawn)


def sized_cases(
    operations: Iterable[str], sizes: Sequence[Size], sweeps: Sequence[str] = (), dtypes: Sequence[str] = (),
    named: bool = True, timed: bool = False,
) -> dict[str, tuple[Case, ...]]:  # fmt: skip
    """The cases of these sizes, or of a sweep, for each operation; none without any.

    Raises PerflabError where no operation was `named`, for what an operation refuses, for a case that is
    larger than the free memory in the smallest of `dtypes`, and for one that is to be `timed` and computes
    nothing.
    """
    if not (sizes or sweeps):
        return {}
    if not named:
        raise PerflabError("--size, --sweep: of an operation's axes; wanted OP as TARGET")
    from perflab.run.forecast import check_feasible

    ranges = [*map(sweep_of, sweeps)]
    found = {op: own_cases(catalog.operation(op), sizes, ranges) for op in operations}
    for op, sized in found.items():
        for case in sized:
            check_feasible(catalog.operation(op), case, min(dtypes, default=DTYPES[0]), timed)
    return found


def _ready(op: str, names: Sequence[str], request: Request, preset: str) -> tuple[str, ...]:
    """The rungs beside an outside file: the first four, those of NumPy alone, the last, the named.

    The last only if it is compiled already. With --watch only the first three and the named: loading compiled
    code takes longer than the race.
    """
    from perflab.catalog.kernels import may_compile
    from perflab.run.compilation import missing

    chosen = {name for name in names if name in FIRST_RUNGS[:3] or f"{op}/{name}" in request.targets}
    if preset == presets.OWN_PRESET:
        chosen |= {name for name in names if name in FIRST_RUNGS or not may_compile(op, name)}
        dtypes = request.dtypes or presets.PRESETS[preset].dtypes
        chosen |= {names[-1]} if not missing({op: (names[-1],)}, dtypes) else set()
    return tuple(name for name in names if name in chosen)


def threads_of(words: Sequence[str | int]) -> tuple[int, ...]:
    """Numbers of threads as they are typed. Raises PerflabError for one that this machine does not have."""
    cores = machine.cores()
    numbers = []
    for word in map(str, words):
        number = cores if word == "all" else int(word) if word.isdecimal() else 0
        if not 1 <= number <= cores:
            raise PerflabError(f"--threads: {word!r}; wanted a number from 1 to {cores}, or all")
        numbers.append(number)
    return tuple(dict.fromkeys(numbers))


def _folder(request: Request) -> Path:
    if not request.resume:
        return request.out or Path("reports") / time.strftime("%Y%m%d-%H%M%S")
    check_resumed(request)
    if request.out and not request.out.is_dir():
        raise PerflabError(f"{request.out}: no run here to resume")
    folder = request.out or records.newest()
    if folder is None:
        raise PerflabError("--resume: no run under reports/; wanted --out DIR")
    return folder
