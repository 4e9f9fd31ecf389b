"""A run's folder: records appended line by line, read back whole, one writer at a time.

`records.jsonl` begins with a line of kind "run" that holds the schema and the plan. After it come the records
in the order in which they happened; `perflab.records.kinds` says what each holds.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from perflab.contract import NoSpaceLeft, PerflabError
from perflab.records import typed
from perflab.records.kinds import (
    KINDS,
    Extension,
    Header,
    Operation,
    Record,
    Source,
    Timed,
    check_belongs,
    read_record,
)
from perflab.records.plan import Block, Plan
from perflab.records.typed import Wrong, parsed, read_object, shown
from perflab.units import finite

SCHEMA, OLDEST_SCHEMA = 2, 1
RECORDS = "records.jsonl"
ENVIRONMENT = "environment.json"
LOCK_WAIT_S = 5.0
WANTED = "wanted JSON lines that `perflab run` wrote"
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Run:
    """A run as it was saved. `torn` is true when the last line was cut short and was left out."""

    folder: Path
    plan: Plan
    operations: Mapping[str, Operation]
    environment: Mapping[str, Any]
    started: float
    records: tuple[Record, ...]
    torn: bool = False

    def of_kind(self, kind: type[R]) -> Iterator[R]:
        """The records of one kind, in order."""
        return (record for record in self.records if isinstance(record, kind))

    def groups(self, threads: int, process: int) -> set[tuple[str, str, str]] | None:
        """The (operation, case, dtype) of a process that measures on; None for one of the plan's own."""
        for record in self.of_kind(Extension):
            if (record.threads, record.process) == (threads, process):
                return set(record.groups)
        return None

    def done(self) -> set[Block]:
        """The blocks that were measured."""
        return {record.block for record in self.of_kind(Timed)}

    @property
    def texts(self) -> dict[str, str]:
        """The code and the derivations that the run kept, by the name of the file."""
        return {record.name: record.text for record in self.of_kind(Source)}


def newest(folder: Path = Path("reports")) -> Path | None:
    """The run under a folder that was written to last; None where there is none."""
    files = sorted(folder.glob(f"*/{RECORDS}"), key=lambda path: path.stat().st_mtime)
    return files[-1].parent if files else None


class Writer:
    """Appends records, one whole line at a time, flushed. Raises NoSpaceLeft when the disk is full."""

    def __init__(self, folder: Path) -> None:
        """Open the run's records for appending."""
        self._path = folder / RECORDS
        self._file = self._path.open("ab", buffering=0)

    def append(self, kind: str, **fields: Any) -> Record:
        """Write one record, and return it as it will be read. Raises PerflabError for what could not be."""
        line = {"kind": kind, **finite(fields)}
        try:
            record = read_record(line)
        except Wrong as wrong:
            raise PerflabError(f"{self._path}: not written: {kind}: {wrong}") from wrong
        self._append(line)
        return record

    def header(self, plan: Plan, operations: Mapping[str, Any]) -> None:
        """Write the first line of a new run."""
        header = {
            "kind": Header.kind, "schema": SCHEMA, "started": time.time(), "plan": plan.to_json(),
            "operations": operations, "kinds": sorted(KINDS),
        }  # fmt: skip
        self._append(finite(header))

    def _append(self, record: Mapping[str, Any]) -> None:
        line = json.dumps(record, allow_nan=False, ensure_ascii=False).encode() + b"\n"
        try:
            written = self._file.write(line)
        except OSError as error:
            raise full_or(error, self._path) from error
        if written != len(line):
            raise NoSpaceLeft(f"{self._path}: no space left; what was measured before is kept")

    def close(self) -> None:
        """Hand the last lines to the disk."""
        try:
            with self._file:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise full_or(error, self._path) from error


def save(folder: Path, kind: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append records of one kind, each as soon as `rows` gives its fields. Raises what `Writer` raises."""
    with closing(Writer(folder)) as writer:
        for fields in rows:
            writer.append(kind, **fields)


def begin(
    folder: Path,
    plan: Plan,
    operations: Mapping[str, Any],
    environment: Mapping[str, Any],
    fitness: Mapping[str, Any] | None = None,
    ceilings: Mapping[str, Any] | None = None,
) -> None:
    """Make the folder of a new run; `operations` describes what the plan's names meant.

    `fitness` is what the latest self-check on this machine said, `ceilings` what the machine can do at most.
    Raises PerflabError where the folder holds a run already or cannot be written.
    """
    records = folder / RECORDS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if records.exists() and records.stat().st_size:
            raise PerflabError(
                f"{folder}: holds a run already; wanted a new folder with --out, or --resume to go on with it"
            )
        text = json.dumps(finite(environment), allow_nan=False, ensure_ascii=False, indent=1)
        (folder / ENVIRONMENT).write_text(text, "utf-8")
        writer = Writer(folder)
        writer.header(plan, operations)
        if fitness is not None:
            writer.append("fitness", **fitness)
        if ceilings is not None:
            writer.append("ceilings", **ceilings)
        writer.close()
    except OSError as error:
        raise full_or(error, folder) from error


def read(folder: str | os.PathLike[str]) -> Run:
    """A saved run of schema 1 or 2. A last line that was cut short is left out and said.

    Raises PerflabError, with the file, the line and the field, for a folder without records, a file of
    another tool or schema, and a record that does not hold what its kind must hold.
    """
    path = Path(folder)
    file = path / RECORDS if path.is_dir() else path
    if not file.is_file():
        raise PerflabError(f"{path}: no run here; wanted a folder with {RECORDS}")
    first, *lines = _content(file).split(b"\n")
    if not lines:
        raise PerflabError(f"{file}: no whole line in it; wanted the records of a run")
    header = _header(file, first)
    records: list[Record] = []
    blocks: set[Block] = set()
    unknown = [kind for kind in header.kinds if kind not in KINDS]
    for number, line in enumerate(lines[:-1], 2):
        try:
            value = parsed(line)
            if not isinstance(value, dict):
                raise ValueError("no JSON object")
            if value.get("kind") in unknown:
                continue  # a newer perflab writes it, of which this one makes nothing
            record = read_record(value)
            check_belongs(record, header.plan)
            if isinstance(record, Timed):
                if record.block in blocks:
                    raise Wrong("each block once", record.pass_, ".pass")
                blocks.add(record.block)
        except Wrong as wrong:
            raise PerflabError(f"{file}: line {number}: {wrong}") from wrong
        except ValueError as error:
            raise PerflabError(f"{file}: line {number} is not a record; {WANTED}") from error
        records.append(record)
    return Run(
        folder=file.parent,
        plan=header.plan,
        operations=header.operations,
        environment=_environment(file.parent / ENVIRONMENT),
        started=header.started,
        records=tuple(records),
        torn=bool(lines[-1]),
    )


def mend(folder: Path) -> None:
    """Cut off a last line that a crash cut short, so that the next record begins on a line of its own."""
    file = folder / RECORDS
    content = file.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with file.open("r+b") as opened:
            opened.truncate(whole)


@contextmanager
def lock(folder: Path) -> Iterator[int]:
    """Hold the folder for one run at a time; yields a descriptor that a child process may inherit.

    Raises PerflabError where another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise full_or(error, folder) from error
    try:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise PerflabError(f"{folder}: another perflab is running into this folder") from None
                time.sleep(0.1)
        yield held
    finally:
        os.close(held)


def full_or(error: OSError, path: Path) -> PerflabError:
    """An operating system's error as one line: a full disk told apart from everything else."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpaceLeft(f"{path}: no space left; what was measured before is kept")
    return PerflabError(f"{path}: cannot be written: {error.strerror}")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise PerflabError(f"{file}: cannot be read: {error.strerror}") from error


def _header(file: Path, line: bytes) -> Header:
    try:
        value = parsed(line)
    except ValueError:
        value = None
    if not isinstance(value, dict) or value.get("kind") != Header.kind or "schema" not in value:
        raise PerflabError(f"{file}: not a perflab run: line 1 does not begin one; {WANTED}")
    schema = value["schema"]
    if type(schema) is not int or not OLDEST_SCHEMA <= schema <= SCHEMA:
        wanted = f"{OLDEST_SCHEMA} to {SCHEMA}, which this perflab reads"
        raise PerflabError(f"{file}: line 1: schema {shown(schema)}; wanted {wanted}")
    try:
        return typed.read(Header, value)
    except Wrong as wrong:
        raise PerflabError(f"{file}: line 1: {wrong}") from wrong


def _environment(file: Path) -> Mapping[str, Any]:
    """What the folder tells of the machine; nothing where that file is missing."""
    if not file.exists():
        return {}
    try:
        return read_object(parsed(_content(file)))
    except Wrong as wrong:
        raise PerflabError(f"{file}: {wrong}") from wrong
    except ValueError as error:
        raise PerflabError(
            f"{file}: not JSON, or cut short; wanted an object that describes a machine"
        ) from error
