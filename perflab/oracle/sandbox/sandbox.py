"""A process of its own for outside code, with a limit on its time and its memory; its judge stays outside.

Whatever the code does there (hang, crash, exit, print without end) becomes a sentence about it. What comes
back is plain data: no pickle is read from that process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from perflab import catalog, machine
from perflab.contract import DTYPES, Array, Case, Implementation, PerflabError, Verdict
from perflab.machine import process
from perflab.oracle.observation import Observation
from perflab.oracle.sandbox.worker import ARRAYS
from perflab.oracle.verdict import verdict_on
from perflab.units import in_bytes

LIMIT_S = 60.0  # for one case, compilation included
MOST_PRINTED = 1 << 20  # bytes
DRAWN = 2  # cases from a seed that nobody knows
MEMORY = 1 << 30  # bytes; check cases are small
SIGNS = {"columns", "error", "counts", "wrong"}  # one of these is in every answer of the worker


class Sandbox:
    """One file's code in a process of its own. Use as a context manager.

    `columns` are the implementations that the file holds, without their functions; `files` what was read
    for them. Raises PerflabError where the file cannot be loaded.
    """

    def __init__(
        self, file: Path, operation: str | None = None, limit_s: float = LIMIT_S, technique: str | None = None
    ) -> None:
        """Load a file, or one technique of it; `limit_s` is what one case may take, in seconds."""
        self.file, self.operation, self.technique, self.limit_s = file, operation, technique, limit_s
        self.columns: list[Implementation] = []
        self.files: tuple[Path, ...] = (file,)
        self.notes: tuple[str, ...] = ()
        self.forbidden = ""
        self.dead = ""
        self._start()

    def observe(self, column: Implementation, case: Case, dtype: str) -> Observation:
        """What a column does on a case; a process that dies of it has `raised` it."""
        if self.dead:
            return Observation(case.name, dtype, raised=self.dead)
        plain, arrays = self._ask("observe", self.columns.index(column), case, dtype)
        if self.dead or plain is None:
            return Observation(case.name, dtype, raised=self.dead)
        counts, forbidden = plain.pop("counts"), self.forbidden or plain.pop("forbidden")
        plain.pop("arrays")
        plain["views"] = tuple(plain["views"])
        kept = iter(arrays)
        for name in ARRAYS:
            plain[name] = tuple(next(kept) for _ in range(counts[name]))
        printed = f"it printed {in_bytes(self.printed)}" if self.printed > MOST_PRINTED else ""
        return Observation(**plain | {"forbidden": forbidden or printed})

    def answer(self, column: Implementation, case: Case) -> tuple[Array, ...] | None:
        """Out and gradients of a column on a case in float64; None where it has no right form."""
        if self.dead:
            return None
        plain, arrays = self._ask("answer", self.columns.index(column), case)
        return tuple(arrays) if plain and not plain["wrong"] else None

    def restart(self) -> None:
        """A fresh process after one that died, for the file's other columns."""
        self.close()
        self._start()

    def close(self) -> None:
        """End the process."""
        self._child.kill()
        self._child.wait()
        self._requests.close()
        self._answers.close()
        self._reader.join(timeout=1)
        if self._child.stdout and not self._reader.is_alive():
            self._child.stdout.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- the process

    def _start(self) -> None:
        self.dead, self.printed = "", 0
        asked, asking = os.pipe()
        answering, answered = os.pipe()
        memory = int(min(machine.memory_available() / 2, MEMORY))
        code = f"from perflab.oracle.sandbox.worker import serve; serve({asked}, {answered})"
        self._child = process.spawn(
            ["-c", code], 1, pass_fds=(asked, answered), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        os.close(asked)
        os.close(answered)
        self._requests = Connection(asking, readable=False)
        self._answers = Connection(answering, writable=False)
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()
        plain, _ = self._ask("load", str(self.file.resolve()), self.operation, self.technique, memory)
        if plain is None or "error" in plain:
            self.close()
            told = plain["error"] if plain else f"{self.file}: while it was loaded, {self.dead}"
            raise PerflabError(told.replace(str(self.file.resolve()), str(self.file)))
        self.columns = [_column(told) for told in plain["columns"]]
        self.files = tuple(map(Path, plain["files"]))
        self.notes, self.forbidden = tuple(plain["notes"]), plain["forbidden"]

    def _drain(self) -> None:
        out = self._child.stdout
        assert out is not None
        while chunk := out.read1(65536):  # type: ignore[attr-defined]
            self.printed += len(chunk)

    def _ask(self, *request: Any) -> tuple[dict[str, Any] | None, list[Array]]:
        """The answer to a request; None, and the reason in `dead`, where none came."""
        limit_s = self.limit_s
        late = threading.Event()

        def end() -> None:
            late.set()
            self._child.kill()

        watchdog = threading.Timer(limit_s, end)
        watchdog.start()
        try:
            self._requests.send(request)
            plain = json.loads(self._answers.recv_bytes())
            if not isinstance(plain, dict) or not plain.keys() & SIGNS:
                raise ValueError(plain)
            return plain, [self._array(*form) for form in plain.get("arrays", ())]
        except (EOFError, OSError):
            self.dead = f"it gave no answer for {limit_s:g} s" if late.is_set() else self._end()
        except (ValueError, KeyError, TypeError):
            self.dead = "it wrote into the pipe of its own results"
            self._child.kill()
        finally:
            watchdog.cancel()
        return None, []

    def _array(self, dtype: str, shape: Sequence[int]) -> Array:
        if dtype not in DTYPES:
            raise ValueError(dtype)
        return np.frombuffer(self._answers.recv_bytes(), dtype).reshape([int(size) for size in shape])

    def _end(self) -> str:
        """How the process ended, in words."""
        try:
            status = self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return "it closed the pipe of its results"
        if status < 0:
            return f"it crashed the interpreter: {signal.Signals(-status).name}"
        return f"it ended its process with exit status {status}"


def _column(told: dict[str, Any]) -> Implementation:
    """A column as the judge knows it: names, and no function that could be called here."""

    def elsewhere(*_: Any) -> Any:
        raise AssertionError("outside code runs in its sandbox")

    told["unwritten"], told["notes"] = tuple(told["unwritten"]), tuple(told["notes"])
    told["gives"] = None if told["gives"] is None else tuple(told["gives"])
    return Implementation(forward=elsewhere, backward=elsewhere, **told)


def verify(
    box: Sandbox, column: Implementation, dtype: str, cases: Sequence[str] = (), seed: int | None = None
) -> Verdict:
    """The oracle's verdict on a column, on the named check cases or all; with another seed if one is given.

    Without either, cases drawn from a seed that nobody can know beforehand are added: answers that were
    written down for the known ones are wrong there.
    """
    if box.dead:
        box.restart()
    described = catalog.operation(column.operation)
    chosen = [described.checks[name] for name in cases or described.checks]
    if seed is not None:
        chosen = [replace(case, seed=seed) for case in chosen]
    if "forward" in column.unwritten:
        chosen = []
    unknown = None if cases or seed is not None else 1000 + int.from_bytes(os.urandom(3), "big")
    return verdict_on(described, column, dtype, _observations(box, column, chosen, dtype, unknown))


def _observations(
    box: Sandbox, column: Implementation, cases: Sequence[Case], dtype: str, unknown: int | None
) -> Iterator[tuple[Case, Observation]]:
    """One after another until the process dies; then two of them again, drawn from the unknown seed."""
    drawn = []
    for case in cases:
        seen = box.observe(column, case, dtype)
        yield case, seen
        if box.dead:
            return
        if case.inputs == "normal" and case.sizes.get("N", 1) and not seen.not_applicable:
            drawn.append(replace(case, seed=unknown or 0, name=f"{case.name} (seed {unknown})"))
    for case in drawn[: 0 if unknown is None else DRAWN]:
        yield case, box.observe(column, case, dtype)
        if box.dead:
            return
