"""LLVM's remarks as it writes them to the standard error, read back: place, words, how many times.

One is "remark: /path/naive.py:17:1: loop not vectorized: call instruction cannot be vectorized".
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PASSES = ("loop-vectorize", "slp-vectorizer", "loop-unroll", "inline", "licm")
REMARK = re.compile(r"remark: (?P<file>.*?):(?P<line>\d+):\d+: (?P<words>.*)")
FURTHER = re.compile(r".*(?:dependence\b|Memory location is the same as accessed at .*)")  # a second line
PATH_IN_WORDS = re.compile(r" at (/[^:]+|[A-Z]:[^:]+):(\d+):\d+")
MANGLED = re.compile(r"(?:cfunc\.)?_ZN\w+")
MOST_WORDS = 300


@dataclass(frozen=True)
class Heard:
    """One remark: the file's whole path ("<unknown>" for none), its line (0 for none) and LLVM's words."""

    file: str
    line: int
    words: str


def ask() -> None:
    """Have LLVM give its remarks from here on, before the first compilation of this process.

    Ends the process where LLVM does not know the options; raises AttributeError where llvmlite has no door.
    """
    import llvmlite.binding as llvm

    for kind in ("", "-missed", "-analysis"):
        llvm.set_option("perflab", f"--pass-remarks{kind}=^({'|'.join(PASSES)})$")


@contextlib.contextmanager
def listening() -> Iterator[list[str]]:
    """A list that has, at the end, the lines that were written to this process's standard error meanwhile."""
    lines: list[str] = []
    with tempfile.TemporaryFile() as caught:
        kept = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            lines += caught.read().decode("utf-8", "replace").splitlines()


def parsed(lines: list[str]) -> Counter[Heard]:
    """The remarks among these lines, counted; anything else is left out."""
    found: list[Heard] = []
    for line in lines:
        if match := REMARK.match(line):
            found.append(Heard(match["file"], int(match["line"]), plain_words(match["words"])))
        elif found and FURTHER.fullmatch(line):
            last = found.pop()
            found.append(
                Heard(last.file, last.line, f"{last.words.rstrip('.')}. {plain_words(line)}"[:MOST_WORDS])
            )
    return Counter(found)


def plain_words(words: str) -> str:
    """LLVM's words with functions and files by their names, without the addresses of calls and hints for C.

    >>> plain_words("'_ZN4mine4rowsB2v1B8x' inlined into 'NRT_decref' (cost=5) at callsite _ZN4mineE:3:1;")
    "'mine.rows' inlined into 'NRT_decref' (cost=5)"
    """
    words = re.sub(r" at callsite .*|[.;]? (?:Use|Enable) [^.]*#pragma .*", "", " ".join(words.split()))
    words = PATH_IN_WORDS.sub(lambda match: f" at {Path(match[1]).name}:{match[2]}", words)
    return MANGLED.sub(lambda match: demangled(match[0]), words)[:MOST_WORDS]


def demangled(name: str) -> str:
    """The last two parts of a mangled name: module and function."""
    rest, parts = name.removeprefix("cfunc.").removeprefix("_ZN"), []
    while length := re.match(r"\d+", rest):
        end = length.end() + int(length[0])
        parts.append(rest[length.end() : end])
        rest = rest[end:]
    plain = (part for part in parts if not re.search(r"_3c\w+_3e", part))
    return ".".join([*plain][-2:]) or name
