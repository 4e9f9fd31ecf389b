"""Which built-in rungs Numba compiles: their code is read, not imported."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from perflab.catalog.find import OPS, source_file
from perflab.contract import Implementation


@cache
def sizes(op: str, technique: str) -> dict[Path, int]:
    """What there is to compile: the files of a rung's code, beside the shared intrinsics, and their bytes."""
    return {file: file.stat().st_size for file in _code_of(op, technique) if file.parent != OPS}


@cache
def digest(op: str, technique: str) -> str:
    """A digest of a rung's code, with all files of ours that it imports."""
    content = hashlib.blake2b(digest_size=8)
    for file in sorted(_code_of(op, technique)):
        content.update(file.read_bytes())
    return content.hexdigest()


def in_ladder(implementation: Implementation) -> bool:
    """Whether it is of a technique's own file, and not of a file from outside or of another commit."""
    file = source_file(implementation.operation, implementation.technique)
    return implementation.source == str(file)


@cache
def may_compile(op: str, technique: str) -> bool:
    """Whether a rung's code imports Numba."""
    return any(b"numba" in file.read_bytes() for file in _code_of(op, technique))


@cache
def uses_threads(op: str, technique: str) -> bool:
    """Whether a rung's code computes on all threads; on one thread it may need other kernels."""
    own = [file.read_bytes() for file in _code_of(op, technique) if file.parent != OPS]
    return any(word in text for text in own for word in (b"prange", b"threads(", b"shares("))


@cache
def _code_of(op: str, technique: str) -> frozenset[Path]:
    """A rung's file and the files of ours that it imports."""
    waiting, found = [source_file(op, technique)], set[Path]()
    while waiting:
        file = waiting.pop()
        if file not in found and file.is_file():
            found.add(file)
            waiting += _imported_by(file)
    return frozenset(found)


def _imported_by(file: Path) -> Iterator[Path]:
    """The files of the relative imports of a file."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            yield folder.with_suffix(".py")
            yield from (folder / f"{alias.name}.py" for alias in node.names)
