"""The text of what a run measures: each technique's file, the files it imports, the derivation.

A run keeps it in its records, so that a report made later shows the code that was measured. A file is known
by its operation and its path in the operation's folder ("conv2d/jit.py"), one beside that folder by its name
("_simd.py"), one from elsewhere by its operation and column ("conv2d/mine.py").
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from perflab.catalog import find
from perflab.records import Plan, Run
from perflab.records.texts import DERIVATION, candidates

MOST_TEXT = 200_000  # characters of one file: a longer one is left out


def of_plan(plan: Plan) -> Iterator[dict[str, str]]:
    """The files behind a plan's columns but the peers', each once, as fields of records.

    `technique` is "" for a derivation and for a file that is imported only; `operation` is "" for one that
    lies beside the operations.
    """
    held: dict[str, str] = {}
    for op, techniques in plan.techniques.items():
        wanted = [f"{op}/{name}.py" for name in techniques if plan.is_built_in(op, name)]
        held |= installed([f"{op}/{DERIVATION}", *wanted])
        for name in techniques:
            if outside := plan.outside.get(f"{op}/{name}"):
                text = _text(Path(outside))
                if text is not None:
                    held[f"{op}/{name}.py"] = text
    for name, text in held.items():
        operation, _, file = name.rpartition("/")
        column = file.removesuffix(".py")
        measured = column in plan.techniques.get(operation, ())
        yield {"operation": operation, "technique": column if measured else "", "name": name, "text": text}


def of_today(run: Run) -> dict[str, str]:
    """The installed files behind a run that kept no code in its records; none for one that did."""
    if run.texts:
        return {}
    rungs = ((op, name) for op, names in run.plan.techniques.items() for name in names)
    files = [f"{op}/{name}.py" for op, name in rungs if run.plan.is_built_in(op, name)]
    return installed([*(f"{op}/{DERIVATION}" for op in run.plan.techniques), *files])


def installed(names: list[str]) -> dict[str, str]:
    """Text by name, of these files of operations and of all that they import, as far as they are there."""
    held: dict[str, str] = {}
    known = find.operations()
    work = [(name, name.partition("/")[0]) for name in reversed(names)]
    while work:
        name, op = work.pop()
        text = None if name in held or op not in known else _text(_place(name, op))
        if text is not None:
            held[name] = text
            reached = {path.as_posix() for path in candidates(PurePosixPath(name), text)}
            found = sorted(other for other in reached if _place(other, op).is_file())
            work += [(other, op) for other in reversed(found)]
    return held


def _place(name: str, operation: str) -> Path:
    """Where a file lies that an operation's files import: in the operation's folder, or beside it."""
    folder = find.folder(operation)
    first, _, rest = name.partition("/")
    return folder / rest if rest and first == operation else folder.parent / name


def name_of(file: Path) -> str:
    """A file by its name here, where it belongs to an operation; another one by its last three parts."""
    folders = {op: find.folder(op) for op in find.operations()}
    for op, folder in folders.items():
        if file.is_relative_to(folder):
            return f"{op}/{file.relative_to(folder).as_posix()}"
    return file.name if file.parent in {one.parent for one in folders.values()} else "/".join(file.parts[-3:])


def _text(path: Path) -> str | None:
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return None
    return text if len(text) <= MOST_TEXT else None
