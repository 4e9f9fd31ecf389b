"""Grades submissions into a folder: verified some at a time, raced one after another, saved as it comes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perflab import records
from perflab.contract import PerflabError
from perflab.machine import scratch
from perflab.machine.threads import cores
from perflab.records import Run
from perflab.records.grades import GRADES, Book, Grade
from perflab.records.typed import escaped
from perflab.run.grading import races, spreading
from perflab.run.grading.judging import failed
from perflab.run.grading.spreading import Answer, Orders
from perflab.run.grading.submissions import Submission

CASES = 60  # a submission may take so many times the limit of a case
WORKERS = 2  # at most: each slows the others, and a case has a limit in seconds
Spread = Callable[[Orders, int, float], Iterator[tuple[int, Answer]]]


@dataclass(frozen=True)
class Graded:
    """The grades of the submissions in their order, the races so far, and what else there is to say."""

    grades: tuple[Grade, ...]
    races: tuple[Run, ...]
    problems: tuple[str, ...] = ()


def grade(
    folder: Path, found: Sequence[Submission], operation: str, limit_s: float,
    tell: Callable[[str, int, int], None], spread: Spread = spreading.here,
) -> Graded:  # fmt: skip
    """Grade submissions: what the folder has of them already stays, unless their code or the limit changed.

    `operation` is "" for all that a submission has. `tell` gets the part, how many submissions are settled in
    it, and how many there are. Raises PerflabError for a folder that is no such folder or cannot be written,
    KeyboardInterrupt after all processes have ended; what was saved stays.
    """
    folder = folder.resolve()
    with records.lock(folder):
        book = Book.opened(folder)
        keys = [(escaped(each.name), each.digest, operation, limit_s) for each in found]  # as they are read
        known = {grade.key: grade for grade in book.grades}
        missing = [place for place, key in enumerate(keys) if key not in known]
        tell("verified", len(found) - len(missing), len(found))
        with scratch.folder("grade") as place:
            orders = [_order(found[at], keys[at], folder, place / str(at)) for at in missing]
            answers = spread(orders, min(cores(), WORKERS), CASES * limit_s)
            for count, (which, answer) in enumerate(answers, 1):
                submission, key = found[missing[which]], keys[missing[which]]
                fields = answer
                if isinstance(answer, PerflabError):
                    fields = failed(str(submission.path), operation, str(answer))
                described = dict(zip(("name", "digest", "asked", "limit_s"), key, strict=True))
                known[key] = book.add({**described, "path": str(submission.path), **_plain(fields)})
                tell("verified", len(found) - len(missing) + count, len(found))
        grades = tuple(known[key] for key in keys)
        with scratch.folder("grade") as place, contextlib.chdir(place):
            problems = races.race(folder, grades, lambda settled: tell("raced", settled, len(found)))
        book.save()
        if book.changed:
            problems.append(
                f"{folder / GRADES}: was changed while submissions ran; what was written is undone"
            )
        return Graded(grades, tuple(races.saved(folder)), tuple(problems))


def _order(
    submission: Submission, key: tuple[str, str, str, float], folder: Path, scratch: Path
) -> dict[str, Any]:
    """What a judge is asked."""
    _, digest, operation, limit_s = key
    return {
        "path": str(submission.path.resolve()), "operation": operation, "limit_s": limit_s,
        "unpacked": str((folder / "unpacked" / digest).resolve()), "scratch": str(scratch),
    }  # fmt: skip


def _plain(fields: Any) -> dict[str, Any]:
    """The part of a judge's answer that a grade has."""
    return {name: fields[name] for name in ("took_s", "functions", "notes")}
