"""What a file from outside implements: its own `forward` and `backward`, or layers as a course has them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from perflab.catalog.find import operations
from perflab.catalog.implementations import AnyPath, missing_of, pair_of, wanted_of
from perflab.catalog.outside import assignment, channels_last, classes, importing, unread, unwritten
from perflab.catalog.outside.absent import explained
from perflab.catalog.outside.importing import files_read
from perflab.contract import Implementation, PerflabError
from perflab.errors import no_function

__all__ = ["Reading", "column", "explained", "files_read", "read"]


@dataclass(frozen=True)
class Reading:
    """A file's implementations, notes on the whole file, and the files that were read for it.

    `absent` says why modules that they import could not be imported.
    """

    implementations: tuple[Implementation, ...]
    notes: tuple[str, ...]
    files: tuple[Path, ...]
    absent: tuple[str, ...] = ()


def read(file: AnyPath, operation: str | None = None, known: Collection[str] | None = None) -> Reading:
    """Everything that a file implements, or what it implements of one operation.

    A file with `forward` and `backward` is one implementation, named by its stem; its operation must be
    given. One in an assignment's style gives one for each pair, named by stem and function: `layers.naive`,
    `layers.affine`. `known` are the operations to look for, by default all. The file is executed. Raises
    PerflabError where it is missing, does not import, or has nothing known.
    """
    path = Path(file)
    known = known or operations()
    module = importing.load(path)
    notes: list[str] = []
    if missing := missing_of(module, operation):
        columns, notes = _of_assignment(module, path, operation, known, missing)
    elif operation is None:
        wanted = f"an operation as TARGET: {', '.join(known)}"
        raise PerflabError(f"{path}: which operation do forward and backward implement? wanted {wanted}")
    else:
        pair = pair_of(module, operation, path.stem, path.resolve())
        todo = unwritten.still_to_write(pair.forward, pair.backward)
        todo = tuple(name for name in todo if name in wanted_of(operation))
        columns = (replace(pair, unwritten=todo),)
    columns = tuple(replace(column, outside=True) for column in columns)
    notes += [f"not imported: {why}" for why in importing.absent(path)]
    if printed := importing.printed(module):
        notes.append(f"printed when it was imported: {printed}")
    return Reading(columns, tuple(notes), files_read(path), importing.absent(path))


def column(file: AnyPath, operation: str, technique: str | None = None) -> Implementation:
    """One implementation of a file by its technique; where the file has only one, it may get a new name.

    A label before a colon, "7:layers.naive", tells files of one plan apart that have the same names. Raises
    PerflabError as `read`, and where a file with several has none of this name.
    """
    columns = {column.technique: column for column in read(file, operation).implementations}
    for name in (technique or "", (technique or "").partition(":")[2]):
        if name in columns:
            return replace(columns[name], technique=technique or name)
    if len(columns) == 1:
        (only,) = columns.values()
        return replace(only, technique=technique or only.technique)
    raise PerflabError(f"{file}: {technique or 'which technique'}? there are {', '.join(columns)}")


def _of_assignment(
    module: ModuleType, path: Path, operation: str | None, known: Collection[str], missing: list[str]
) -> tuple[tuple[Implementation, ...], list[str]]:
    """The implementations of an assignment's file, and notes on its other functions."""
    names = dict(vars(module))  # as it is before its functions run: a call may add names
    pairs = [
        pair for way in (assignment, channels_last, classes) for pair in way.implementations(names, path)
    ]
    if not pairs and (absent := importing.absent(path)):
        raise PerflabError(f"{path}: cannot be imported: {absent[0]}")
    if not pairs:
        if found := [*classes.others(names, path), *unread.named(names)]:
            raise PerflabError(f"{path}: nothing in it can be read: {', '.join(found)}")
        others = f", or CS231n's {assignment.WANTED}" if len(missing) == 2 else ""
        raise PerflabError(f"{path}: {no_function(missing)}; wanted both{others}")
    chosen = [pair for pair in pairs if operation in (None, pair.operation)]
    if not chosen:
        present = ", ".join(dict.fromkeys(pair.operation for pair in pairs))
        raise PerflabError(f"{path}: nothing of {operation} in it; it has {present}")
    unknown = [pair for pair in chosen if pair.operation not in known]
    notes = [f"{pair.summary}: perflab has no operation {pair.operation}" for pair in unknown]
    layers = (*assignment.others(names), *classes.others(names, path), *unread.named(names))
    if operation is None and layers:
        notes.append(f"left out: {', '.join(layers)}")
    return tuple(pair for pair in chosen if pair.operation in known), notes
