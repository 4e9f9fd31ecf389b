"""What is saved: one folder a run, one line a record, appended as it comes, resumable.

`records.jsonl` begins with a line of kind "run" that holds the schema and the plan. After it come, in the
order in which they happened:

source      the text of one file that was measured, or of a derivation
fitness     what the latest self-check on this machine said
ceilings    what this machine can do at most: arithmetic and memory traffic
compiled    kernels missing in Numba's cache were compiled before the clock started, and in how long
verdict     an implementation was checked on the inputs that were about to be timed
block       one contender's turn in one pass: its rounds, in seconds a call
prediction  a cell was not run because it would have exceeded its budget
failure     a contender gave no valid figure, and why
pools       the thread pools of a measuring process, as they were
extension   a further process measures on where ratios were not precise enough yet, and which cases
process     a measuring process ended, and how long it took
evidence    why a technique is as fast as it is: instructions, memory, interpreter's steps, lines of code
memory      the bytes that a technique holds beyond inputs and outputs on a large case, at its worst moment
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perflab import plan as plans
from perflab.contract import Block, Cell, NoSpaceLeft, PerflabError, Plan
from perflab.units import finite

SCHEMA = 1
RECORDS = "records.jsonl"
ENVIRONMENT = "environment.json"
LOCK_WAIT_S = 5.0

_WHO = {"operation": str, "case": str, "dtype": str, "threads": int, "technique": str, "process": int}
REQUIRED: Mapping[str, Mapping[str, Any]] = {
    "block": _WHO | {"direction": str, "pass": int, "iterations": int, "rounds_s": list, "after": str},
    "verdict": _WHO | {"status": str, "where": str},
    "prediction": _WHO | {"seconds": dict, "basis": str},
    "failure": _WHO | {"reason": str},
    "process": {"process": int, "threads": int, "wall_s": (int, float)},
    "extension": {"process": int, "threads": int, "groups": list},
    "compiled": {"names": list, "wall_s": (int, float)},
    "source": {"operation": str, "technique": str, "name": str, "text": str},
    "fitness": {"state": str, "reasons": list},
    "evidence": {"operation": str, "technique": str, "dtype": str},
    "memory": {"operation": str, "case": str, "dtype": str, "threads": int, "technique": str}
    | {"forward": int, "backward": int},
    "ceilings": {"measured": list},
}


@dataclass(frozen=True)
class Run:
    """A run as it was saved. `torn` is true when the last line was cut short and was left out."""

    folder: Path
    plan: Plan
    operations: Mapping[str, Any]
    environment: Mapping[str, Any]
    started: float
    records: tuple[Mapping[str, Any], ...]
    torn: bool = False

    def of_kind(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """The records of one kind, in order."""
        return (record for record in self.records if record["kind"] == kind)

    def groups(self, threads: int, process: int) -> set[tuple[str, str, str]] | None:
        """The (operation, case, dtype) of a process that measures on; None for one of the plan's own."""
        for record in self.of_kind("extension"):
            if (record["threads"], record["process"]) == (threads, process):
                return {tuple(group) for group in record["groups"]}
        return None

    def done(self) -> set[Block]:
        """The blocks that were measured, or that a prediction or a failure stands for."""
        return {block_of(record) for record in self.of_kind("block")}


def newest(folder: Path = Path("reports")) -> Path | None:
    """The run under a folder that was written to last; None where there is none."""
    found = sorted(folder.glob(f"*/{RECORDS}"), key=lambda path: path.stat().st_mtime)
    return found[-1].parent if found else None


def cell_of(record: Mapping[str, Any]) -> Cell:
    """The cell that a record belongs to; its direction is empty where it belongs to all three."""
    return Cell(
        record["operation"],
        record["case"],
        record["dtype"],
        record["threads"],
        record.get("direction", ""),
        record["technique"],
    )


def block_of(record: Mapping[str, Any]) -> Block:
    """The block that a record of kind "block" measured."""
    return Block(cell_of(record), record["process"], record["pass"])


class Writer:
    """Appends records, one whole line at a time, flushed. Raises NoSpaceLeft when the disk is full."""

    def __init__(self, folder: Path) -> None:
        """Open the run's records for appending."""
        self._path = folder / RECORDS
        self._file = self._path.open("ab", buffering=0)

    def append(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Write one record and return it as it was written."""
        record = {"kind": kind, **finite(fields)}
        line = json.dumps(record, allow_nan=False, ensure_ascii=False).encode() + b"\n"
        try:
            written = self._file.write(line)
        except OSError as error:
            raise full_or(error, self._path) from error
        if written != len(line):
            raise NoSpaceLeft(f"{self._path}: no space left; what was measured before is kept")
        return record

    def close(self) -> None:
        """Hand the last lines to the disk."""
        try:
            with self._file:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise full_or(error, self._path) from error


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
        _write_json(folder / ENVIRONMENT, environment)
        writer = Writer(folder)
        writer.append(
            "run", schema=SCHEMA, started=time.time(), plan=plans.to_json(plan), operations=operations
        )
        if fitness is not None:
            writer.append("fitness", **fitness)
        if ceilings is not None:
            writer.append("ceilings", **ceilings)
        writer.close()
    except OSError as error:
        raise full_or(error, folder) from error


def read(folder: str | os.PathLike[str]) -> Run:
    """A saved run. A last line that was cut short is left out and said.

    Raises PerflabError for a folder without records, a file of another tool or schema, a broken line.
    """
    path = Path(folder)
    file = path / RECORDS if path.is_dir() else path
    if not file.is_file():
        raise PerflabError(f"{path}: no run here; wanted a folder with {RECORDS}")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise PerflabError(f"{file}: cannot be read: {error.strerror}") from error
    *lines, rest = content.split(b"\n")
    records: list[Mapping[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict) or not isinstance(record["kind"], str):
                raise ValueError
        except (ValueError, KeyError) as error:
            what = "not a perflab run" if number == 1 else f"line {number} is not a record"
            raise PerflabError(f"{file}: {what}; wanted JSON lines that `perflab run` wrote") from error
        if number == 1:
            _check_header(file, record)
        records.append(record)
    if not records:
        raise PerflabError(f"{file}: no whole line in it; wanted the records of a run")
    try:
        plan = plans.from_json(records[0]["plan"])
        operations, started = dict(records[0]["operations"]), float(records[0]["started"])
        for record in records[1:]:
            _check_fields(record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PerflabError(f"{file}: a record lacks what it must hold; was the file edited?") from error
    return Run(
        folder=file.parent,
        plan=plan,
        operations=operations,
        environment=_environment(file.parent),
        started=started,
        records=tuple(records[1:]),
        torn=bool(rest),
    )


def mend(folder: Path) -> None:
    """Cut off a last line that a crash cut short, so that the next record begins on a line of its own."""
    file = folder / RECORDS
    content = file.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with file.open("r+b") as held:
            held.truncate(whole)


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


def _check_header(file: Path, header: Mapping[str, Any]) -> None:
    if header["kind"] != "run" or "schema" not in header:
        raise PerflabError(f"{file}: not a perflab run; wanted JSON lines that `perflab run` wrote")
    if header["schema"] != SCHEMA:
        raise PerflabError(f"{file}: schema {header['schema']}; this perflab reads schema {SCHEMA}")


def _check_fields(record: Mapping[str, Any]) -> None:
    """Raise KeyError, TypeError or ValueError where a record lacks what its kind must hold."""
    for name, kinds in REQUIRED.get(record["kind"], {}).items():
        if not isinstance(record[name], kinds):
            raise TypeError(name)
    if record["kind"] == "block":
        block_of(record)
        if not record["rounds_s"] or not all(s > 0 for s in record["rounds_s"]):
            raise ValueError("rounds_s")


def _environment(folder: Path) -> Mapping[str, Any]:
    try:
        held = json.loads((folder / ENVIRONMENT).read_text("utf-8"))
        return held if isinstance(held, dict) else {}
    except (OSError, ValueError):
        return {}


def _write_json(path: Path, held: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(finite(held), allow_nan=False, ensure_ascii=False, indent=1), "utf-8")
