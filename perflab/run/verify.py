"""Verification of techniques, of pairs of them, of known mistakes, and of outside files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, overload

from perflab import catalog, errors, oracle, units
from perflab.catalog.kernels import may_compile
from perflab.catalog.sizes import Size, with_cases
from perflab.contract import DTYPES, Case, Implementation, Lacking, Operation, PerflabError, Verdict
from perflab.oracle.sandbox.review import FileReview, review
from perflab.oracle.verdict import on_own_sizes
from perflab.records.sized import Sized
from perflab.run import compilation, request
from perflab.run import own as own_operations
from perflab.run.forecast import from_small_case

LONGEST_S = 5.0  # of a call of plain loops on a case of one's own sizes: verification makes about ten
Sizes = Size | Iterable[Size]
Files = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
OF_FILES = "--with, --watch, --seed: for files of your own; wanted OP as TARGET, and OP/TECHNIQUE by itself"


@dataclass(frozen=True)
class Verification:
    """The result of `verify`. Truthy if every verdict is right and every known mistake was caught.

    `pairs` compares every two techniques of an operation; `caught` tells for each operation's known mistakes
    whether the oracle caught them; `outside` is the review of outside files, if there are any. `sizes` gives
    the words of the cases of one's own sizes, `too_long` what was not called on them, and why. `faults` are
    what is wrong with the user's own operations themselves, a line each.
    """

    verdicts: tuple[Verdict, ...]
    pairs: tuple[oracle.Pair, ...] = ()
    caught: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    outside: FileReview | None = None
    sizes: Mapping[str, str] = field(default_factory=dict)
    too_long: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def missed(self) -> tuple[str, ...]:
        """The known mistakes, OP/NAME, that the oracle did not catch."""
        return tuple(f"{op}/{name}" for op, names in self.caught.items() for name in names if not names[name])

    @property
    def ok(self) -> bool:
        """Whether every verdict is right, every known mistake was caught, and no description has a fault."""
        return all(self.verdicts) and not self.missed and not self.faults

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"<{'; '.join([self.counted, *self.lines()])}>"

    @property
    def counted(self) -> str:
        """How many verdicts are right."""
        return f"{sum(map(bool, self.verdicts))} of {len(self.verdicts)} right"

    def lines(self) -> list[str]:
        """The number of caught known mistakes, the names of the others, and what was not called."""
        count = sum(map(len, self.caught.values()))
        names = f"; missed: {', '.join(self.missed)}" if self.missed else ""
        caught = f"known mistakes: {count - len(self.missed)} of {count} caught{names}"
        return [*([caught] if self.caught else []), *self.too_long, *self.faults]


@overload
def verify(
    operation: str, technique: str | Implementation, *, dtype: str | None = None, case: str | None = None,
    size: Sizes = (),
) -> Verdict: ...  # fmt: skip


@overload
def verify(operation: str | None = None, *, dtype: str | None = None, case: str | None = None,
           size: Sizes = (), files: Files = (), seed: int | None = None, limit_s: float = 60.0,
           ) -> Verification: ...  # fmt: skip


def verify(
    operation: str | None = None, technique: str | Implementation | None = None, *, dtype: str | None = None,
    case: str | None = None, size: Sizes = (), files: Files = (), seed: int | None = None,
    limit_s: float = 60.0,
) -> Verdict | Verification:  # fmt: skip
    """The oracle's verdict on one implementation; or, without `technique`, the result of `perflab verify`.

    `technique` is a name or the result of `perflab.load`. The verdict covers both dtypes and every check case
    unless one is named, or `size` gives one of one's own, {"C": 48}, or several; it is truthy if right;
    `.error` is the largest error as a share of its rounding bound, `.where` the worst tensor and index.

    Without `technique`, every technique of the operation, or of all operations with their known mistakes, is
    verified; with `files`, these outside files instead, each in a process of its own, where a case may take
    `limit_s` seconds and inputs are drawn from `seed`. The `Verification` is truthy if everything is right.

    Raises PerflabError for an unknown name, and for a file that cannot be loaded.
    """
    sizes = (size,) if isinstance(size, Mapping) else tuple(size)
    paths = tuple(map(str, (files,) if isinstance(files, (str, os.PathLike)) else files))
    if technique is not None:
        if operation is None:
            raise PerflabError("perflab.verify: a technique without its operation; wanted both")
        if paths or seed is not None:
            raise PerflabError(OF_FILES)
        (operation,) = catalog.named([operation])
        own_operations.check_form([operation])
        if isinstance(technique, str):
            dtypes = [dtype] if dtype in DTYPES else DTYPES
            died = compilation.compile_missing(
                {operation: (technique,)}, dtypes, lambda _: None, compilation.numba_threads()
            )
            try:
                _raise_if_died(operation, technique, dtypes, died)
            except Lacking as error:
                return oracle.cannot_run(operation, technique, "+".join(dtypes), str(error))
        own = request.sized_cases([operation], sizes, dtypes=[dtype] if dtype in DTYPES else [])
        return oracle.verify(operation, technique, dtype=dtype, case=case, own=own.get(operation, ()))
    return verify_all(
        [] if operation is None else [operation],
        dtypes=[] if dtype is None else [dtype],
        cases=[] if case is None else [case],
        sizes=sizes,
        files=paths, seed=seed, limit_s=limit_s,
    )  # fmt: skip


def chosen(
    targets: Sequence[str], files: Sequence[str] = (), seed: int | None = None
) -> dict[str, tuple[str, ...]]:
    """Operation -> techniques of these targets.

    Raises PerflabError for an unknown one, and for options of outside files without such files.
    """
    if any("/" in target for target in targets) if files else seed is not None:
        raise PerflabError(OF_FILES)
    return catalog.targets(targets)


def verify_all(
    targets: Sequence[str] = (), *, dtypes: Sequence[str] = (), cases: Sequence[str] = (),
    sizes: Sequence[Size] = (), files: Sequence[str] = (), seed: int | None = None, limit_s: float = 60.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Verification:  # fmt: skip
    """Verify these targets (OP or OP/TECHNIQUE; all if none is named), or these outside files.

    Pairs are compared if no case is named, and no size is given; known mistakes are tested if no target is
    named either, and those of the user's own operations, whose descriptions are checked too. With `sizes`, on
    cases of these and on the operation's first check case, on which every gradient has numbers other than
    zero. A rung of plain loops that would take long there is not called,
    unless it is named. `tell` gets each step. Raises PerflabError for unknown names and for a file that
    cannot be loaded.
    """
    request.check_dtypes(dtypes)
    targets = catalog.named(targets)
    techniques = chosen(targets, files, seed)
    own_operations.check_form(techniques)
    own = request.sized_cases(techniques, sizes, dtypes=dtypes, named=bool(targets))
    words = {case.name: Sized(case.sizes, case.parameters).words for each in own.values() for case in each}
    if files:
        reviewed = request.review_files(
            files, targets, dtypes=dtypes, cases=cases, own=own, seed=seed, limit_s=limit_s, tell=tell
        )
        if cases and not reviewed.reviews:
            checks = [name for operation in techniques for name in catalog.operation(operation).checks]
            raise PerflabError(errors.unknown("check case", cases[0], dict.fromkeys(checks)))
        return Verification(tuple(_verdicts(reviewed)), outside=reviewed, sizes=words)
    for operation in techniques:
        known = catalog.operation(operation).checks
        for name in cases:
            if name not in known:
                raise PerflabError(f"{operation}: {errors.unknown('check case', name, known)}")
    dtypes = dtypes or DTYPES
    died = compilation.compile_missing(techniques, dtypes, tell, compilation.numba_threads())
    verdicts: list[Verdict] = []
    pairs: list[oracle.Pair] = []
    caught: dict[str, dict[str, bool]] = {}
    too_long: list[str] = []
    faults: list[str] = []
    for operation, names in techniques.items():
        outsiders = catalog.outsiders(operation)
        described = with_cases(catalog.operation(operation), own.get(operation, ()))
        chosen_cases = [*cases, *on_own_sizes(described, own.get(operation, ()))]
        options: Any = {"dtypes": dtypes, "cases": cases, "own": own, "tell": tell}
        for name in (name for name in names if name in outsiders):
            verdicts += _verdicts(review(outsiders[name], operation, technique=name, **options))
        rungs = [name for name in names if name not in outsiders]
        for case in own.get(operation, ()):
            for name, line in _too_long(described, case, rungs, targets):
                too_long.append(line)
                rungs.remove(name)
        columns, found = _examined(described, rungs, dtypes, chosen_cases, died, tell)
        verdicts += found
        if not chosen_cases and len(columns) > 1:
            for dtype in dtypes:
                tell(f"{operation}: every two techniques, {dtype}")
                pairs += oracle.pairwise(described, columns, dtype)
        faults += own_operations.faults(operation)
        if not chosen_cases and (not targets or catalog.is_own(operation)):
            tell(f"{operation}: known mistakes")
            caught[operation] = {
                mutant.name: not all(oracle.examine(described, mutant, dtype) for dtype in DTYPES)
                for mutant in catalog.mutants(operation)
            }
            faults += own_operations.of_mistakes(operation, caught[operation])
    return Verification(
        tuple(verdicts), tuple(pairs), caught, sizes=words, too_long=tuple(too_long), faults=tuple(faults)
    )


def _too_long(
    described: Operation, case: Case, names: Sequence[str], targets: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """The rungs that are not compiled and would take too long on a case, unless they are named."""
    for name in [*names]:
        target = f"{described.name}/{name}"
        if target in targets or may_compile(described.name, name):
            continue
        raw = catalog.raw(described.name, name)
        seconds, basis, least_s = from_small_case(described, case, DTYPES[0], raw)
        if least_s > LONGEST_S:
            step = f"a step of about {units.seconds(seconds['step'], 2)} ({basis})"
            yield (
                name,
                f"not called: {target} on {case.name}, {step}; wanted it by name: perflab verify "
                f"{catalog.typed(described.name)}/{name}",
            )


def _examined(
    described: Operation, names: Sequence[str], dtypes: Sequence[str], cases: Sequence[str],
    died: Mapping[str, str], tell: Callable[[str], None],
) -> tuple[list[Implementation], list[Verdict]]:  # fmt: skip
    """The built-in techniques of these that run here, and the verdicts on all of them.

    What `died` in another process is not called in this one.
    """
    operation = described.name
    columns: list[Implementation] = []
    verdicts: list[Verdict] = []
    for name in names:
        try:
            _raise_if_died(operation, name, dtypes, died)
            implementation = catalog.raw(operation, name)
        except Lacking as error:
            verdicts += [oracle.cannot_run(operation, name, dtype, str(error)) for dtype in dtypes]
            continue
        columns.append(implementation)
        for dtype in dtypes:
            tell(f"{operation}/{name} {dtype}")
            verdicts.append(oracle.examine(described, implementation, dtype, cases))
    return columns, verdicts


def _raise_if_died(operation: str, name: str, dtypes: Sequence[str], died: Mapping[str, str]) -> None:
    keys = [compilation.key(operation, name, dtype) for dtype in dtypes]
    if fault := next((died[key] for key in keys if key in died), ""):
        raise Lacking(f"its compiled code cannot be called: {fault}")


def _verdicts(reviewed: FileReview) -> list[Verdict]:
    return [verdict for each in reviewed.reviews for verdict in each.verdicts]


def to_json(verification: Verification) -> dict[str, Any]:
    """A verification as plain JSON; of the checks, the failed ones and the number of all."""
    described = ("operation", "technique", "source", "unwritten", "notes", "gives")
    files = [
        {name: getattr(each.implementation, name) for name in described}
        | {"ok": each.ok, "mistakes": [asdict(mistake) for mistake in each.mistakes]}
        for each in (verification.outside.reviews if verification.outside else ())
    ]
    return {
        "verdicts": [
            {name: value for name, value in asdict(verdict).items() if name != "checks"}
            | {"failed": [asdict(check) for check in verdict.checks if not check.ok],
               "checks": len(verdict.checks)}
            for verdict in verification.verdicts
        ],
        "pairs": [asdict(pair) for pair in verification.pairs],
        "mutants": verification.caught,
        "not_called": list(verification.too_long),
        "faults": list(verification.faults),
    } | ({"files": files} if verification.outside else {})  # fmt: skip
