"""Grades climbs: every exercise of every folder is judged again on this machine, a point for each rung.

Of a folder's climb.json only the names of the files are taken: what is wanted, and on which case, is settled
here, once for all, and so is whether a file reaches it.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from perflab import catalog
from perflab.cli import climbing
from perflab.contract import CANNOT_RUN, RIGHT, UNWRITTEN, PerflabError
from perflab.records import climb as saved
from perflab.records.climb import Attempt, Climb, Step
from perflab.report.words import Table

HEAD = ("submission", "rung", "mark", "of the lab's speed", "remark", "hints", "attempts", "points")


@dataclass(frozen=True)
class Row:
    """One rung of one climb: its mark, its speed as a share of the lab's, and its point."""

    submission: str
    rung: str
    status: str
    share: float | None
    remark: str
    hints: int
    attempts: int
    points: int

    @property
    def cells(self) -> tuple[str, ...]:
        """It as a row of the table."""
        share = "–" if self.share is None else f"{self.share:.0%}"
        counts = map(str, (self.hints, self.attempts, self.points))
        return (self.submission, self.rung, self.status, share, self.remark, *counts)


def found(folders: Sequence[str]) -> list[Path]:
    """The folders with a climb: those that are named, or the ones in them. Raises PerflabError for none."""
    climbs: list[Path] = []
    for word in folders:
        folder = Path(word)
        inside = sorted(file.parent for file in folder.glob(f"*/{saved.CLIMB}"))
        here = [folder] if (folder / saved.CLIMB).is_file() else inside
        if not here:
            raise PerflabError(f"{word}: no climb in it; wanted a folder with {saved.CLIMB}, or one of these")
        climbs += here
    return list(dict.fromkeys(climbs))


def graded(climbs: Sequence[Path], tell: Callable[[int, int, str], None]) -> Iterator[Row]:
    """A row for each exercise with a file; `tell` gets how many folders are done, of how many, and what."""
    settled: dict[str, Step] = {}
    for done, folder in enumerate(climbs):
        try:
            climb = saved.load(folder)
        except PerflabError as error:
            yield Row(folder.name, "–", CANNOT_RUN, None, str(error), 0, 0, 0)
            continue
        for step in climb.steps:
            if step.file:
                tell(done, len(climbs), f"{folder.name}: {step.name}")
                yield _row(folder, step, settled)
    tell(len(climbs), len(climbs), "")


def _row(folder: Path, step: Step, settled: dict[str, Step]) -> Row:
    try:
        attempt = _judged(folder, step, settled)
    except PerflabError as error:
        attempt = Attempt(0.0, CANNOT_RUN, str(error))
    hints, tries = len(step.hints), len(step.attempts)
    remark = attempt.said or ("" if attempt.passed else "too slow")
    return Row(
        folder.name, step.name, attempt.status, attempt.share, remark, hints, tries, int(attempt.passed)
    )


def _judged(folder: Path, step: Step, settled: dict[str, Step]) -> Attempt:
    """An exercise's file as an attempt, at the exercise as this machine has it."""
    file = folder / step.file
    if step.operation not in catalog.operations():  # a folder of somebody else's is not imported
        raise PerflabError(f"{step.operation}: not one of perflab's operations, which alone are graded")
    if not file.is_file():
        return Attempt(0.0, UNWRITTEN, f"{step.file} is not there")
    climbing.known(Climb(saved.SCHEMA), step)
    if step.name not in settled:
        with tempfile.TemporaryDirectory() as scratch:
            new = Climb(saved.SCHEMA)
            settled[step.name] = climbing.new_step(new, Path(scratch), step.operation, step.above)
    ours = settled[step.name]
    attempt, _, _ = climbing.judged(ours, file)
    if ours.left_out and attempt.status == RIGHT:
        return replace(attempt, passed=True, said=f"right; {ours.left_out}")
    return attempt


def table(rows: Sequence[Row]) -> Table:
    """The rows of a class."""
    return Table("Climbs: a point for each rung", HEAD, tuple(row.cells for row in rows))


def totals(rows: Sequence[Row]) -> dict[str, int]:
    """The points of each submission."""
    points: dict[str, int] = {}
    for row in rows:
        points[row.submission] = points.get(row.submission, 0) + row.points
    return points


def as_csv(rows: Sequence[Row]) -> str:
    """The rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([HEAD, *(row.cells for row in rows)])
    return text.getvalue()


def to_json(rows: Sequence[Row]) -> dict[str, object]:
    """The rows and the points as plain JSON."""
    return {"rows": [asdict(row) for row in rows], "points": totals(rows)}
