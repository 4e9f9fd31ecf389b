"""The text of what a run measures: each technique's file, the files it imports, the derivation.

A run saves it in its records, so that a later report shows the code that was measured. A file is named by
its operation and its path in the operation's folder ("conv2d/jit.py"), a file beside that folder by its own
name ("_simd.py"), an outside file by its operation and column ("conv2d/mine.py").
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from perflab.catalog import find
from perflab.records import Plan, Run
from perflab.records.texts import DERIVATION, candidates

MOST_TEXT = 200_000  # characters of one file: a longer file is left out


def of_plan(plan: Plan) -> Iterator[dict[str, str]]:
    """The files behind a plan's columns but the peers', each once, as fields of records.

    `technique` is "" for a derivation and for a file that is only imported; `operation` is "" for a file
    beside the operations.
    """
    texts = installed(_files(plan))
    for column, outside in plan.outside.items():
        if (text := _text(Path(outside))) is not None:
            texts[f"{column}.py"] = text
    for name, text in texts.items():
        operation, _, file = name.rpartition("/")
        column = file.removesuffix(".py")
        technique = column if column in plan.techniques.get(operation, ()) else ""
        yield {"operation": operation, "technique": technique, "name": name, "text": text}


def of_today(run: Run) -> dict[str, str]:
    """The installed files behind a run without code in its records; none for a run with code."""
    return {} if run.texts else installed(_files(run.plan))


def _files(plan: Plan) -> list[str]:
    """The derivations of a plan's operations, the files of its built-in techniques, and own descriptions."""
    rungs = [(op, name) for op, names in plan.techniques.items() for name in names]
    files = [f"{op}/{name}.py" for op, name in rungs if plan.is_built_in(op, name)]
    described = [f"{op}/__init__.py" for op in plan.own]
    return [*(f"{op}/{DERIVATION}" for op in plan.techniques), *files, *described]


def installed(names: list[str]) -> dict[str, str]:
    """Text by name, of those of these files of operations that exist and of all files that they import."""
    texts: dict[str, str] = {}
    known = find.operations()
    pending = [(name, name.partition("/")[0]) for name in reversed(names)]
    while pending:
        name, op = pending.pop()
        text = None if name in texts or op not in known else _text(_path(name, op))
        if text is not None:
            texts[name] = text
            imports = {path.as_posix() for path in candidates(PurePosixPath(name), text)}
            pending += [(other, op) for other in sorted(imports, reverse=True) if _path(other, op).is_file()]
    return texts


def _path(name: str, operation: str) -> Path:
    """The path of a file that an operation's files import: in the operation's folder, or beside it."""
    folder = find.folder(operation)
    first, _, rest = name.partition("/")
    return folder / rest if rest and first == operation else folder.parent / name


def name_of(file: Path) -> str:
    """The name of an operation's file, as above; of any other file the last three parts of its path."""
    folders = {op: find.folder(op) for op in find.operations()}
    for op, folder in folders.items():
        if file.is_relative_to(folder):
            return f"{op}/{file.relative_to(folder).as_posix()}"
    beside = file.parent in {folder.parent for folder in folders.values()}
    return file.name if beside else "/".join(file.parts[-3:])


def _text(path: Path) -> str | None:
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return None
    return text if len(text) <= MOST_TEXT else None
