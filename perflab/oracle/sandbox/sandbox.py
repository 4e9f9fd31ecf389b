"""A process of its own for outside code, with limits on time and memory; its results are judged here.

A hang, a crash, an exit or endless printing becomes a sentence in the verdict. Results come back as plain
data: no pickle is read from that process.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, starmap
from pathlib import Path
from typing import Any

import numpy as np

from perflab import catalog, machine
from perflab.contract import DTYPES, Array, Case, Implementation, PerflabError, Verdict
from perflab.machine import portable, process
from perflab.oracle.observation import Observation
from perflab.oracle.sandbox import answers, flood, guard
from perflab.oracle.verdict import verdict_on

LIMIT_S = 60.0  # for one case, compilation included
DRAWN = 2  # cases from a seed that is random and so unknown to the code
MOST_BYTES = 1 << 30  # that the process may allocate; check cases are small


class Sandbox:
    """One file's code in a process of its own. Close it after use.

    `columns` are the file's implementations, without their functions; `files` were read to load them;
    `limit_s` is the time that one case may take, in seconds. With a `technique`, that one alone is loaded.
    Raises PerflabError where the file cannot be loaded.
    """

    def __init__(
        self, file: Path, operation: str | None = None, limit_s: float = LIMIT_S, technique: str | None = None
    ) -> None:
        self.file, self.operation, self.technique, self.limit_s = file, operation, technique, limit_s
        self.columns: list[Implementation] = []
        self.files: tuple[Path, ...] = (file,)
        self.notes: tuple[str, ...] = ()
        self.forbidden = ""
        self.dead = ""
        self._start()

    def observe(self, column: Implementation, case: Case, dtype: str) -> Observation:
        """What a column does on a case. Where the process ends, `raised` says how."""
        fields = self._ask("observe", self.columns.index(column), case, dtype)
        told = None if fields is None else answers.observation(fields, column, case, dtype)
        if told is None:
            ended = self.dead or self._garbled()
            return Observation(case.name, dtype, ended=ended, forbidden=self.forbidden)
        told.forbidden = self.forbidden or told.forbidden or guard.printed(self.printed)
        return told

    def answer(self, column: Implementation, case: Case) -> tuple[Array, ...] | None:
        """Out and gradients of a column on a case in float64; None where their number or dtype is wrong."""
        fields = self._ask("answer", self.columns.index(column), case)
        arrays = fields.get("answer") if fields else None
        count = len(answers.wanted(column, case, "float64").names)
        return arrays if arrays and [a.dtype.name for a in arrays] == count * ["float64"] else None

    def restart(self) -> None:
        """Start a new process after one that ended, for the file's other columns."""
        self.close()
        self._start()

    def close(self) -> None:
        """End the process."""
        self._flood.close()
        portable.kill_group(self._child)
        self._child.wait()
        self._other.close()
        self._reader.join(timeout=1)
        if self._child.stderr and not self._reader.is_alive():
            self._child.stderr.close()

    def _start(self) -> None:
        self.dead, self.printed = "", 0
        most_bytes = int(min(machine.memory_available() / 2, MOST_BYTES))
        child: Any = process.connect(["-c", "from perflab.oracle.sandbox.worker import serve; serve()"], 1)
        self._child, self._other = child, process.Messages(child.stdout, child.stdin)
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()
        end = partial(portable.kill_group, child)
        self._flood = flood.Flood(child.pid, lambda: self.printed, end)
        path = str(self.file.resolve())
        fields = self._ask("load", path, self.operation, self.technique, most_bytes)
        content = None if fields is None else answers.content(fields)
        if content is None or content.error:
            dead = self.dead or self._garbled()
            self.close()
            message = content.error if content else f"{self.file}: while it was loaded, {dead}"
            raise PerflabError(message.replace(path, str(self.file)))
        self.columns = [answers.column(described) for described in content.columns]
        self.files = tuple(map(Path, content.files))
        self.notes, self.forbidden = content.notes, content.forbidden
        if self.forbidden:  # what it replaced may have been used to see what is written
            self.columns = [replace(column, unwritten=()) for column in self.columns]

    def _drain(self) -> None:
        while chunk := self._child.stderr.read1(65536):
            self.printed += len(chunk)

    def _ask(self, *request: Any) -> dict[str, Any] | None:
        """The fields of the answer to a request; None, and why in `dead`, where the process gives none."""
        if self.dead:
            return None
        with process.within(self._child, self.limit_s) as late:
            try:
                self._other.send(pickle.dumps(request))
                fields: dict[str, Any] = json.loads(self._other.receive())
                forms = fields.pop("arrays")  # every answer of the worker has it
                return fields | {name: tuple(starmap(self._array, forms[name])) for name in forms}
            except (EOFError, OSError):
                hung = f"it gave no answer for {self.limit_s:g} s" if late.is_set() else ""
                self.dead = self._flood.found or hung or self._end()
            except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
                self._garbled()
        return None

    def _garbled(self) -> str:
        """End the process after an answer that our worker does not give; what to say of it."""
        self.dead = "it wrote into the pipe of its own results"
        portable.kill_group(self._child)
        return self.dead

    def _array(self, dtype: str, shape: Sequence[int]) -> Array:
        if dtype not in DTYPES:
            raise ValueError(dtype)
        return np.frombuffer(self._other.receive(), dtype).reshape([int(size) for size in shape])

    def _end(self) -> str:
        """How the process ended, as a sentence."""
        try:
            status = self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            portable.kill_group(self._child)
            return "it closed the pipe of its results"
        return portable.death(status, "it crashed the interpreter")


def verify(
    box: Sandbox, column: Implementation, dtype: str, cases: Sequence[Case] = (), seed: int | None = None
) -> Verdict:
    """The oracle's verdict on a column, on these cases or all check cases; with another seed if one is given.

    Without either, cases from a random seed are added: stored answers for the known cases are wrong there.
    """
    if box.dead:
        box.restart()
    described = catalog.operation(column.operation)
    written = "forward" not in column.unwritten
    chosen = [case for case in cases or described.checks.values() if written]
    if seed is not None:
        chosen = [replace(case, seed=seed) for case in chosen]
    unknown = 0 if cases or seed is not None else 1000 + int.from_bytes(os.urandom(3), "big")
    return verdict_on(described, column, dtype, _observations(box, column, chosen, dtype, unknown))


def _observations(
    box: Sandbox, column: Implementation, cases: Sequence[Case], dtype: str, unknown: int
) -> Iterator[tuple[Case, Observation]]:
    """One after another until the process ends; then some of them again with the unknown seed, if any."""
    drawn: list[Case] = []  # filled while the others run
    for case in chain(cases, drawn):
        observation = box.observe(column, case, dtype)
        yield case, observation
        if box.dead:
            return
        more = unknown not in (0, case.seed) and len(drawn) < DRAWN and not observation.not_applicable
        if more and case.inputs == "normal" and case.sizes.get("N", 1):
            drawn.append(replace(case, seed=unknown, name=f"{case.name} (seed {unknown})"))
