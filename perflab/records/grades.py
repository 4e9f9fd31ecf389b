"""The grades of submissions: one line each in a folder, saved as they come, so that grading can go on.

A line holds what verification said of one submission. Races are runs in folders of their own beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from perflab.contract import GRAVITY, PerflabError
from perflab.records.file import full_or
from perflab.records.typed import Location, Name, Seconds, Text, Whole, Wrong, one_of, parsed, read

GRADES = "grades.jsonl"
RACES = "races"
WANTED = "wanted JSON lines that `perflab grade` wrote"
Status = Annotated[str, one_of(*GRAVITY)]


@dataclass(frozen=True)
class Mistake:
    """A mistake of a submission: its name and lesson, or the pattern of its errors; `told` has all lines.

    `breaks` is the formula that it breaks, in LaTeX; `shown` names the smallest case, `worst` the worst
    element there.
    """

    tensors: tuple[str, ...]
    name: str = ""
    lesson: str = ""
    breaks: str = ""
    pattern: str = ""
    shown: str = ""
    worst: str = ""
    told: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The mistake in a few words."""
        return self.lesson or self.pattern or "no one known mistake gives these numbers"


@dataclass(frozen=True)
class Function:
    """What verification says of one implementation in a submission, or of a file that cannot be read.

    `path` is the file as it is loaded, `file` its place in the submission. `operation` is "" where it is not
    known. `left_out` says why it is not raced although nothing is wrong.
    """

    operation: str
    technique: str
    path: Location
    file: str
    status: Status
    where: str
    again: str = ""
    remarks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    left_out: str = ""

    @property
    def name(self) -> str:
        """OPERATION/TECHNIQUE, or what is known of the two."""
        return "/".join(filter(None, (self.operation, self.technique)))

    @property
    def variant(self) -> str:
        """The last part of its technique: "naive" of layers.naive."""
        return self.technique.rpartition(".")[2]


@dataclass(frozen=True)
class Grade:
    """One submission, verified: what it was asked for, and what each of its functions is.

    `number` is its own in the folder; `digest` is of its code: a changed submission is verified again.
    """

    number: Whole
    name: Name
    path: Location
    digest: Name
    asked: str
    limit_s: Seconds
    took_s: Seconds
    functions: tuple[Function, ...]
    notes: tuple[Text, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, float]:
        """What decides whether a saved grade is that of a submission."""
        return self.name, self.digest, self.asked, self.limit_s

    def label(self, function: Function) -> str:
        """The name of one of its functions in a race, where other submissions have functions of that name."""
        return f"{self.number}.{self.functions.index(function)}:{function.technique}"

    def racing(self) -> tuple[Function, ...]:
        """Its functions that a race is for: those that are right."""
        return tuple(each for each in self.functions if each.status == GRAVITY[0] and not each.left_out)


@dataclass
class Book:
    """The grades of a folder, in memory and in its file; what others write there is undone, and `changed`."""

    folder: Path
    grades: list[Grade] = field(default_factory=list)
    changed: bool = False
    _content: bytes = b""

    @classmethod
    def opened(cls, folder: Path) -> Book:
        """The grades of a folder so far; an incomplete last line is dropped.

        Raises PerflabError, with file, line and field, for what `perflab grade` did not write.
        """
        book, file = cls(folder), folder / GRADES
        if not file.exists():
            return book
        try:
            content = file.read_bytes()
        except OSError as error:
            raise PerflabError(f"{file}: cannot be read: {error.strerror}") from error
        book._content = content[: content.rfind(b"\n") + 1]
        if book._content != content:
            replace_file(file, book._content)
        for number, line in enumerate(book._content.splitlines(), 1):
            try:
                book.grades.append(read(Grade, parsed(line)))
            except Wrong as wrong:
                raise PerflabError(f"{file}: line {number}: {wrong}") from wrong
            except ValueError as error:
                raise PerflabError(f"{file}: line {number} is not a grade; {WANTED}") from error
        return book

    def add(self, fields: Mapping[str, Any]) -> Grade:
        """Save a submission's grade under the next number; as it will be read. Raises NoSpaceLeft."""
        plain = {"number": len(self.grades), **fields}
        line = json.dumps(plain, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        grade = read(Grade, parsed(line))
        self._content += line
        self.grades.append(grade)
        self.save()
        return grade

    def save(self) -> None:
        """Bring the file to what it should hold. Raises NoSpaceLeft for a full disk."""
        file = self.folder / GRADES
        try:
            found = file.read_bytes() if file.is_file() else b""
            if self._content.startswith(found):
                with file.open("ab") as opened:
                    opened.write(self._content[len(found) :])
            else:
                self.changed = True
                replace_file(file, self._content)
        except OSError as error:
            raise full_or(error, file) from error


def replace_file(file: Path, content: bytes) -> None:
    """Write a file whole or not at all; a link in its place is replaced, not followed.

    Raises PerflabError where it cannot be written.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with temporary.open("xb") as opened:
            opened.write(content)
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise full_or(error, file) from error
