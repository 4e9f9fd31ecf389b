"""The submissions of a class: a folder, a Python file or an archive each, and the files in it to grade."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from perflab.contract import PerflabError

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
LEFT_OUT = {"__MACOSX", "__pycache__", "node_modules", "site-packages", "venv"}  # no student's own code
DEFINED = re.compile(rb"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w*)", re.MULTILINE)
PROMISING = re.compile(rb"forward|backward|loss", re.IGNORECASE)
MOST_FILES = 60  # of one submission that are loaded
MOST_BYTES = 4 << 20  # of one file of code


@dataclass(frozen=True)
class Submission:
    """What one student handed in; `name` is the path's last part without a suffix."""

    name: str
    path: Path

    @property
    def digest(self) -> str:
        """A hash of its code, with the names of its files."""
        whole = hashlib.blake2b(digest_size=12)
        for file in [self.path] if self.path.is_file() else python_files(self.path):
            whole.update(os.fsencode(file.name if file == self.path else file.relative_to(self.path)) + b"\0")
            with file.open("rb") as opened:
                whole.update(hashlib.file_digest(opened, "blake2b").digest())
        return whole.hexdigest()


def find(words: Sequence[str]) -> list[Submission]:
    """The submissions that are named.

    Raises PerflabError, in one line, for a path that is none, a folder without a Python file, and two
    submissions of one name.
    """
    found: dict[str, Submission] = {}
    for word in words:
        path = Path(word)
        if not path.exists():
            raise PerflabError(f"{word}: no such file or folder; wanted a submission")
        name = path.resolve().name if path.name in ("", "..") else path.name  # a link keeps its own name
        if path.is_file():
            if path.suffix.lower() != ".py" and not _suffix(path):
                raise PerflabError(f"{word}: no submission; wanted a folder, a Python file, a zip or a tar")
            name = name[: -len(_suffix(path) or path.suffix)]
        elif next(python_files(path), None) is None:
            raise PerflabError(f"{word}: no submission in it; wanted a folder with a Python file")
        other = found.get(name.casefold())
        if other is not None:
            both = f"{other.path} and {path}"
            raise PerflabError(f"{name}: two submissions of one name, {both}; wanted one name each")
        found[name.casefold()] = Submission(name, path)
    return list(found.values())


def python_files(folder: Path) -> Iterator[Path]:
    """The Python files in a folder, in order; without links, hidden folders and installed packages."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(
            each for each in folders
            if each not in LEFT_OUT and not each.startswith(".") and not (Path(place) / each).is_symlink()
        )  # fmt: skip
        for name in sorted(files):
            file = Path(place) / name
            if file.suffix == ".py" and not name.startswith(".") and file.is_file() and not file.is_symlink():
                yield file


def is_archive(path: Path) -> bool:
    """Whether a submission is to be unpacked."""
    return path.is_file() and bool(_suffix(path))


def to_load(path: Path) -> dict[Path, list[bytes]]:
    """The files of a submission that may implement something, by the names that they define: file -> names.

    A single file is always one. No other file is run, unless one of these imports it.
    """
    if path.is_file():
        return {path: defined(path)}
    every = ((file, defined(file)) for file in python_files(path))
    promising = ((file, names) for file, names in every if any(map(PROMISING.search, names)))
    return dict(islice(promising, MOST_FILES))


def defined(file: Path) -> list[bytes]:
    """The names of the functions and classes that a file's text defines; it need not be right Python."""
    with file.open("rb") as opened:
        return DEFINED.findall(opened.read(MOST_BYTES))


def _suffix(path: Path) -> str:
    """The suffix of an archive's name; "" where it is none."""
    name = path.name.lower()
    return max((suffix for suffix in ARCHIVES if name.endswith(suffix)), key=len, default="")
