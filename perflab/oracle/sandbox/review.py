"""A file of the user's own, reviewed: run in its sandbox, checked by the oracle, its mistakes named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from perflab import catalog
from perflab.catalog.sizes import with_cases
from perflab.contract import DTYPES, RIGHT, UNWRITTEN, Case, Implementation, Verdict
from perflab.errors import reason
from perflab.oracle import diagnosis
from perflab.oracle.diagnosis import Diagnosis
from perflab.oracle.sandbox import sandbox
from perflab.oracle.verdict import on_own_sizes

VALUES = {"rounding bound", "central differences", "form"}  # checks whose failure numbers can explain
TENSOR = re.compile(r"(?:out|d\w+)\b")


@dataclass(frozen=True)
class Review:
    """One implementation of a file: a verdict per dtype; its mistakes by name, or why they are unknown."""

    implementation: Implementation
    verdicts: tuple[Verdict, ...]
    mistakes: tuple[Diagnosis, ...] = ()
    unexplained: str = ""

    @property
    def ok(self) -> bool:
        """Whether every verdict is right."""
        return all(self.verdicts)

    @property
    def left_out(self) -> str:
        """Why it cannot be raced although nothing is wrong; empty where it can."""
        if all(verdict.status in (RIGHT, UNWRITTEN) for verdict in self.verdicts) and not self.ok:
            return self.verdicts[0].where
        if self.implementation.gives is not None:
            given = ", ".join(f"d{name}" for name in self.implementation.gives)
            return f"it gives {given} alone: checked, not raced"
        return ""

    @property
    def status(self) -> str:
        """The gravest of the verdicts' statuses."""
        return max(self.verdicts, key=lambda verdict: verdict.gravity).status

    @property
    def reason(self) -> str:
        """The gravest that is said of it, in words that begin with its status; empty where it is right."""
        worst = max(self.verdicts, key=lambda verdict: verdict.gravity, default=None)
        return "" if worst is None or worst else f"{worst.status}: {worst.where}"


@dataclass(frozen=True)
class FileReview:
    """The reviews of a file's implementations, notes on the whole file, and the files that were read."""

    reviews: tuple[Review, ...]
    notes: tuple[str, ...]
    files: tuple[Path, ...]


def review(
    file: Path,
    operation: str | None = None,
    *,
    dtypes: Sequence[str] = DTYPES,
    cases: Sequence[str] = (),
    own: Mapping[str, Sequence[Case]] | None = None,
    seed: int | None = None,
    limit_s: float = sandbox.LIMIT_S,
    technique: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> FileReview:
    """Review every implementation of a file, those of one operation, or one technique.

    On the named check cases, and on `own` cases of an operation in one's own sizes; on all without either.
    `tell` is called with the name of each step. Raises PerflabError where the file cannot be loaded.
    """
    with closing(sandbox.Sandbox(file, operation, limit_s, technique)) as box:
        reviews = []
        for column in box.columns:
            sized = (own or {}).get(column.operation, ())
            described = with_cases(catalog.operation(column.operation), sized)
            known = [name for name in cases if name in described.checks] + on_own_sizes(described, sized)
            if known or not (cases or own):
                chosen = [described.checks[name] for name in known]
                reviews.append(_review(box, column, dtypes, chosen, seed, tell))
        return FileReview(tuple(reviews), box.notes, box.files)


def _review(
    box: sandbox.Sandbox,
    column: Implementation,
    dtypes: Sequence[str],
    cases: Sequence[Case],
    seed: int | None,
    tell: Callable[[str], None],
) -> Review:
    name = f"{column.operation}/{column.technique}"
    verdicts: list[Verdict] = []
    for dtype in dtypes:
        tell(f"{name} {dtype}")
        if verdicts and box.dead:  # it would reach the same limit again
            verdicts.append(replace(verdicts[0], dtype=dtype, checks=()))
        else:
            verdicts.append(sandbox.verify(box, column, dtype, cases, seed))
    mistakes: list[Diagnosis] = []
    unexplained = ""
    failed = [check for verdict in verdicts for check in verdict.checks if not check.ok]
    places = [TENSOR.match(check.where) for check in failed if check.name in VALUES]
    wrong = {place[0] for place in places if place}
    if wrong and not box.dead and not column.unwritten:
        tell(f"{name}: which mistake is it?")
        try:
            described = catalog.operation(column.operation)
            found = diagnosis.diagnose(described, partial(box.answer, column), column.gives)
            mistakes = [mistake for mistake in found if wrong & {*mistake.tensors}]  # others have a remark
        except Exception as error:  # the verdict stands without an explanation
            unexplained = f"which mistake it is could not be found out: {reason(error)}"
    return Review(column, tuple(verdicts), tuple(mistakes), unexplained)
