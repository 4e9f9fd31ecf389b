"""A run's folder: records are appended line by line by one writer and read as a whole.

The first line of `records.jsonl` is of kind "run", with the schema and the plan. The records follow in order
of time; `perflab.records.kinds` describes their fields.
"""

from __future__ import annotations

import errno
import json
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from perflab.contract import Contender, NoSpaceLeft, PerflabError
from perflab.records import kinds, typed
from perflab.records.kinds import KINDS, Header, Record, Timed
from perflab.records.plan import Block, Part, Plan
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
    """A saved run. `torn` is true if the last line was incomplete and was ignored."""

    folder: Path
    plan: Plan
    operations: Mapping[str, kinds.Operation]
    environment: Mapping[str, Any]
    started: float
    records: tuple[Record, ...]
    torn: bool = False

    def of_kind(self, kind: type[R]) -> Iterator[R]:
        """The records of one kind, in order."""
        return (record for record in self.records if isinstance(record, kind))

    def parts(self, threads: int) -> dict[int, Part | None]:
        """What each process measures, by its number; None for all of the plan."""
        of_plan = {} if self.plan.phases else dict.fromkeys(range(self.plan.processes))
        recorded = (r for r in self.records if isinstance(r, (kinds.Assigned, kinds.Extension)))
        return of_plan | {r.process: r.part for r in recorded if r.threads == threads}

    def called(self) -> dict[str, tuple[str, ...]]:
        """What outside files call of perflab's own techniques and of libraries, by OP/TECHNIQUE."""
        names: dict[str, dict[str, None]] = {}
        for verdict in self.of_kind(kinds.Judgement):
            if verdict.calls:
                names.setdefault(verdict.contender.name, {}).update(dict.fromkeys(verdict.calls))
        return {name: tuple(others) for name, others in names.items()}

    def predicted(self) -> set[Contender]:
        """The contenders that are predicted and not run, unless more time was granted since and suffices."""
        return {
            record.contender
            for record in self.of_kind(kinds.Prediction)
            if (record.seconds.get("step") or math.inf) * self.plan.turns > self.cell_s
        }

    @property
    def granted_s(self) -> float:
        """The seconds that the run was given, or 0 for as many as it needs."""
        granted = sum(record.for_s for record in self.of_kind(kinds.Granted))
        return self.plan.for_s + granted if self.plan.for_s else 0.0

    @property
    def spent_s(self) -> float:
        """The seconds that compiling and measuring took so far."""
        return sum(r.wall_s for r in self.records if isinstance(r, (kinds.Process, kinds.Compiled)))

    @property
    def cell_s(self) -> float:
        """The most seconds for one cell: the plan's, in proportion to the time that was granted."""
        return self.plan.budget_s * (self.granted_s / self.plan.for_s if self.plan.for_s else 1.0)

    def done(self) -> set[Block]:
        """The blocks that were measured."""
        return {record.block for record in self.of_kind(Timed)}

    @property
    def texts(self) -> dict[str, str]:
        """The saved code and derivations by file name."""
        return {record.name: record.text for record in self.of_kind(kinds.Source)}


def newest(folder: Path = Path("reports")) -> Path | None:
    """The run under a folder that was written last; None if there is none."""
    files = sorted(folder.glob(f"*/{RECORDS}"), key=lambda path: path.stat().st_mtime)
    return files[-1].parent if files else None


class NotWritten(PerflabError):
    """A record that was refused, since one of its fields is wrong: nothing was written."""


class Writer:
    """Appends records, one whole line at a time, flushed. Raises NoSpaceLeft when the disk is full."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / RECORDS
        self._file = self._path.open("ab", buffering=0)

    def append(self, kind: str, **fields: Any) -> Record:
        """Write one record; return it as it will be read. Raises NotWritten for a wrong field."""
        line = {"kind": kind, **finite(fields)}
        try:
            record = kinds.read_record(line)
        except Wrong as wrong:
            raise NotWritten(f"{self._path}: not written: {kind}: {wrong}") from wrong
        self._append(line)
        return record

    def header(self, plan: Plan, operations: Mapping[str, Any]) -> None:
        """Write the first line of a new run."""
        header = {"kind": Header.kind, "schema": SCHEMA, "started": time.time(), "plan": asdict(plan)}
        self._append(finite(header | {"operations": operations, "kinds": sorted(KINDS)}))

    def copy(self, lines: str) -> None:
        """Write whole lines of a run that another perflab measures, as they are."""
        self._write(lines.encode())

    def _append(self, record: Mapping[str, Any]) -> None:
        self._write(json.dumps(record, allow_nan=False, ensure_ascii=False).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        try:
            self._follow()
            written = self._file.write(line)
        except OSError as error:
            raise full_or(error, self._path) from error
        if written != len(line):
            raise NoSpaceLeft(f"{self._path}: no space left; what was measured before is kept")

    def _follow(self) -> None:
        """Go on in the file that has the path now: code from outside may have put another one there."""
        opened = os.fstat(self._file.fileno())
        if not (self._path.is_file() and os.path.samestat(opened, self._path.stat())):
            self._file.close()
            self._file = self._path.open("ab", buffering=0)

    def close(self) -> None:
        """Write everything to the disk and close."""
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
    folder: Path, plan: Plan, operations: Mapping[str, Any], environment: Mapping[str, Any],
    fitness: Mapping[str, Any] | None = None, ceilings: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Make the folder of a new run; `operations` describes the plan's names.

    `fitness` is the latest self-check of this machine, `ceilings` are its limits. Raises PerflabError if the
    folder has a run already or cannot be written.
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
        with closing(Writer(folder)) as writer:
            writer.header(plan, operations)
            for kind, fields in (("fitness", fitness), ("ceilings", ceilings)):
                if fields is not None:
                    writer.append(kind, **fields)
    except OSError as error:
        raise full_or(error, folder) from error


def read(folder: str | os.PathLike[str]) -> Run:
    """A saved run of schema 1 or 2. An incomplete last line is ignored and sets `torn`.

    Raises PerflabError, with the file, the line and the field, for a folder without records, a file of
    another tool or schema, and a record with a missing or wrong field.
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
    blocks: set[tuple[Any, ...]] = set()
    belonging: set[tuple[Any, ...]] = set()  # contenders and directions of blocks that are in the plan
    unknown = [kind for kind in header.kinds if kind not in KINDS]
    for number, line in enumerate(lines[:-1], 2):
        try:
            value = parsed(line)
            if not isinstance(value, dict):
                raise ValueError("no JSON object")
            if value.get("kind") in unknown:
                continue  # written by a newer perflab
            record = kinds.read_record(value)
            which = (record.contender, record.direction) if isinstance(record, Timed) else ()
            if which not in belonging:
                kinds.check_belongs(record, header.plan)
            if isinstance(record, Timed):
                belonging.add(which)
                if (*which, *record.turn) in blocks:
                    raise Wrong("each block once", record.pass_, ".pass")
                blocks.add((*which, *record.turn))
        except Wrong as wrong:
            raise PerflabError(f"{file}: line {number}: {wrong}") from wrong
        except ValueError as error:
            raise PerflabError(f"{file}: line {number} is not a record; {WANTED}") from error
        records.append(record)
    environment = _environment(file.parent / ENVIRONMENT)
    torn = bool(lines[-1])
    return Run(file.parent, header.plan, header.operations, environment, header.started, tuple(records), torn)


def mend(folder: Path) -> None:
    """Remove an incomplete last line, so that the next record starts on a new line."""
    file = folder / RECORDS
    content = file.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with file.open("r+b") as opened:
            opened.truncate(whole)


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Lock the folder for one run. Raises PerflabError if another process has the lock."""
    own = FileLock(folder / ".lock", LOCK_WAIT_S)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        own.acquire(poll_interval=0.1)
    except Timeout:
        raise PerflabError(f"{folder}: another perflab is running into this folder") from None
    except NotImplementedError:
        raise PerflabError(f"{folder}: cannot be locked; wanted a file system with locks") from None
    except OSError as error:
        raise full_or(error, folder) from error
    try:
        yield
    finally:
        own.release()


def full_or(error: OSError, path: Path) -> PerflabError:
    """An operating system's error as one line; NoSpaceLeft for a full disk."""
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
    """The saved description of the machine; empty if the file is missing."""
    if not file.exists():
        return {}
    try:
        return read_object(parsed(_content(file)))
    except Wrong as wrong:
        raise PerflabError(f"{file}: {wrong}") from wrong
    except ValueError as error:
        raise PerflabError(f"{file}: not complete JSON; wanted an object that describes a machine") from error
