"""What a file from outside implements: its own `forward` and `backward`, or an assignment's functions."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from perflab.catalog.outside import assignment, importing
from perflab.contract import Implementation, PerflabError
from perflab.errors import first_line

OPS = Path(__file__).parents[2] / "ops"


@dataclass(frozen=True)
class Reading:
    """What a file holds: its implementations, what concerns all of it, and the files that were read."""

    implementations: tuple[Implementation, ...]
    notes: tuple[str, ...]
    files: tuple[Path, ...]


def implementations(
    file: str | os.PathLike[str], operation: str | None = None, known: Collection[str] | None = None
) -> tuple[Implementation, ...]:
    """Everything that a file implements, or what it implements of one operation.

    A file with `forward` and `backward` is one implementation, named by its stem; its operation must be
    given. One in an assignment's style gives one for each pair, named by stem and function: `layers.naive`,
    `layers.affine`. `known` are the operations that there are. The file's text is run. Raises PerflabError
    where it is missing, does not import, or holds nothing known.
    """
    return read(file, operation, known).implementations


def read(
    file: str | os.PathLike[str], operation: str | None = None, known: Collection[str] | None = None
) -> Reading:
    """As `implementations`, with what concerns the whole file."""
    path = Path(file)
    known = known or sorted(folder.parent.name for folder in OPS.glob("*/__init__.py"))
    module = importing.load(path)
    found: tuple[Implementation, ...]
    notes: list[str] = []
    if _of_its_own(module):
        found = (_own_pair(module, path, operation, known),)
    else:
        found, notes = _of_assignment(module, path, operation, known)
    if printed := importing.printed(module):
        notes.append(f"printed when it was imported: {printed}")
    return Reading(found, tuple(notes), files_read(path))


def column(
    file: str | os.PathLike[str],
    operation: str,
    technique: str | None = None,
    known: Collection[str] | None = None,
) -> Implementation:
    """One implementation of a file by its technique; that of a file with a single one may be named anew.

    Raises PerflabError as `implementations`, and where a file with several has none of this name.
    """
    found = implementations(file, operation, known)
    for one in found:
        if one.technique == technique:
            return one
    if len(found) == 1:
        return replace(found[0], technique=technique or found[0].technique)
    names = ", ".join(one.technique for one in found)
    raise PerflabError(f"{file}: {technique or 'which technique'}? there are {names}")


def files_read(file: Path | ModuleType) -> tuple[Path, ...]:
    """The file of a loaded module, then every file beside it that was imported for it, directly or not."""
    return importing.files_read(file)


def _of_its_own(module: ModuleType) -> bool:
    return all(callable(getattr(module, name, None)) for name in ("forward", "backward"))


def _own_pair(module: Any, path: Path, operation: str | None, known: Collection[str]) -> Implementation:
    if operation is None:
        raise PerflabError(
            f"{path}: whose forward and backward are these? wanted an operation as TARGET: {', '.join(known)}"
        )
    return Implementation(
        operation,
        path.stem,
        module.forward,
        module.backward,
        source=str(path.resolve()),
        summary=first_line(module.__doc__ or "", ""),
        unwritten=assignment.still_to_write(module.forward, module.backward),
    )


def _of_assignment(
    module: ModuleType, path: Path, operation: str | None, known: Collection[str]
) -> tuple[tuple[Implementation, ...], list[str]]:
    """The implementations of an assignment's file, and notes of what in it is none."""
    every = assignment.pairs(vars(module))
    if not every:
        lacking = [name for name in ("forward", "backward") if not callable(getattr(module, name, None))]
        others = f", or CS231n's {assignment.WANTED}" if len(lacking) == 2 else ""
        raise PerflabError(f"{path}: no function {' and no function '.join(lacking)}; wanted both{others}")
    chosen = [found for found in every if operation in (None, found.operation)]
    if not chosen:
        held = ", ".join(dict.fromkeys(found.operation for found in every))
        raise PerflabError(f"{path}: nothing of {operation} in it; it has {held}")
    notes = [
        f"{', '.join(found.functions)}: perflab has no operation {found.operation}"
        for found in chosen
        if found.operation not in known
    ]
    if operation is None and (layers := assignment.others(vars(module))):
        notes.append(f"left out: {', '.join(layers)}")
    return tuple(_column(found, module, path) for found in chosen if found.operation in known), notes


def _column(found: assignment.Found, module: ModuleType, path: Path) -> Implementation:
    return Implementation(
        found.operation,
        f"{path.stem}.{found.variant}",
        found.forward,
        found.backward,
        source=str(path.resolve()),
        summary=" and ".join(found.functions),
        unwritten=found.unwritten,
        notes=(*found.notes, *assignment.noted(found, vars(module)), *_imported(found, path)),
        gives=found.gives,
    )


def _imported(found: assignment.Found, path: Path) -> Iterator[str]:
    """Where the functions come from that a file only imports."""
    for name, function in found.functions.items():
        code = getattr(getattr(function, "py_func", function), "__code__", None)
        if code is not None and Path(code.co_filename) != path.resolve():
            yield f"{name} comes from {Path(code.co_filename).name}"
