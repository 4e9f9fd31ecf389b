"""A file of one's own, reviewed: read in its sandbox, held to the oracle, and told what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from perflab import catalog
from perflab.contract import DTYPES, Implementation, Verdict
from perflab.oracle import diagnosis
from perflab.oracle.diagnosis import Diagnosis
from perflab.oracle.sandbox import sandbox

VALUES = ("rounding bound", "central differences")  # checks whose failure numbers can explain


@dataclass(frozen=True)
class Review:
    """What was found of one implementation of a file: a verdict per dtype, and the mistakes by name."""

    implementation: Implementation
    verdicts: tuple[Verdict, ...]
    mistakes: tuple[Diagnosis, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every verdict is right."""
        return all(self.verdicts)

    @property
    def left_out(self) -> str:
        """Why there is nothing to race, though nothing wrong was seen; empty where there is."""
        if all(verdict.status in ("right", "unwritten") for verdict in self.verdicts) and not self.ok:
            return self.verdicts[0].where
        if self.implementation.gives is not None:
            given = ", ".join(f"d{name}" for name in self.implementation.gives)
            return f"it gives {given} alone: checked, not raced"
        return ""

    @property
    def reason(self) -> str:
        """What was wrong with it; empty where nothing was."""
        bad = next((verdict for verdict in self.verdicts if not verdict), None)
        return f"{bad.status}: {bad.where}" if bad is not None else ""


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
    seed: int | None = None,
    limit_s: float = sandbox.LIMIT_S,
    technique: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> FileReview:
    """Review every implementation of a file, those of one operation, or one technique.

    `tell` hears what is being looked at. Raises PerflabError where the file cannot be loaded.
    """
    with sandbox.Sandbox(file, operation, limit_s, technique) as box:
        return FileReview(tuple(_reviews(box, dtypes, cases, seed, tell)), box.notes, box.files)


def _reviews(
    box: sandbox.Sandbox,
    dtypes: Sequence[str],
    cases: Sequence[str],
    seed: int | None,
    tell: Callable[[str], None],
) -> Iterator[Review]:
    for column in box.columns:
        described = catalog.operation(column.operation)
        known = [name for name in cases if name in described.checks]
        if cases and not known:
            continue
        verdicts: list[Verdict] = []
        for dtype in dtypes:
            tell(f"{column.operation}/{column.technique} {dtype}")
            if verdicts and box.dead:  # it would only be waited for again
                verdicts.append(replace(verdicts[0], dtype=dtype, checks=()))
            else:
                verdicts.append(sandbox.verify(box, column, dtype, known, seed))
        mistakes: list[Diagnosis] = []
        failed = {check.name for verdict in verdicts for check in verdict.checks if not check.ok}
        if failed & set(VALUES) and not box.dead and column.gives is None and not column.unwritten:
            tell(f"{column.operation}/{column.technique}: which mistake is it?")
            mistakes = diagnosis.diagnose(described, partial(box.answer, column))
        yield Review(column, tuple(verdicts), tuple(mistakes))
