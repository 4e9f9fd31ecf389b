"""The process that outside code lives in: it loads a file, and does with it what the sandbox asks.

It answers through a pipe, in JSON and raw bytes, which the other side reads without trusting them. What the
code prints goes to a pipe of its own.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from perflab import catalog, machine
from perflab.catalog import outside
from perflab.contract import Case, NotApplicable, PerflabError
from perflab.oracle import observation
from perflab.oracle.sandbox import guard

ARRAYS = ("first", "repeated", "second", "ints")


def serve(asked: int, answered: int) -> None:
    """Answer requests until the other side hangs up."""
    requests, answers = Connection(asked, writable=False), Connection(answered, readable=False)
    worker: _Worker | None = None
    while True:
        try:
            request = requests.recv()
        except EOFError:
            return
        if request[0] == "load":
            try:
                worker = _Worker(*request[1:])
                _send(answers, worker.described())
            except PerflabError as wrong:
                _send(answers, {"error": str(wrong)})
        elif worker is not None and request[0] == "observe":
            _send(answers, *worker.observe(*request[1:]))
        elif worker is not None and request[0] == "answer":
            _send(answers, *worker.answer(*request[1:]))


class _Worker:
    """A loaded file and the guard that was set before it was loaded; `memory` bytes are what it may take."""

    def __init__(self, file: str, operation: str | None, technique: str | None, memory: int) -> None:
        catalog.prepare_numba_cache()
        self.guard = guard.Guard()
        machine.limit_memory(memory)
        held = outside.read(file, operation, catalog.operations())
        self.columns, self.notes = held.implementations, held.notes
        if technique is not None and operation is not None:
            self.columns = (outside.column(file, operation, technique, catalog.operations()),)
        self.files = {str(path) for path in held.files} | {file}

    def described(self) -> dict[str, Any]:
        told = ("operation", "technique", "source", "summary", "unwritten", "notes", "gives")
        return {
            "columns": [{name: getattr(column, name) for name in told} for column in self.columns],
            "files": sorted(self.files),
            "notes": list(self.notes),
            "forbidden": self.guard.replaced(),
        }

    def observe(self, at: int, case: Case, dtype: str) -> tuple[dict[str, Any], list[Any]]:
        """An observation without its arrays, and these, in the order of ARRAYS."""
        column = self.columns[at]
        with guard.clocks_read(self.files) as clocks:
            seen = observation.observe(catalog.operation(column.operation), column, case, dtype)
        seen.forbidden = self.guard.replaced() or next(iter(clocks), "")
        plain = {name: held for name, held in asdict(seen).items() if name not in ARRAYS}
        counts = {name: len(getattr(seen, name)) for name in ARRAYS}
        return {**plain, "counts": counts}, [held for name in ARRAYS for held in getattr(seen, name)]

    def answer(self, at: int, case: Case) -> tuple[dict[str, Any], list[Any]]:
        """Out and gradients in float64 where their form is right."""
        column = self.columns[at]
        problem = observation.Problem(catalog.operation(column.operation), case, "float64")
        try:
            with observation.quiet():
                args, dout = problem.arguments()
                wanted = observation.expected(problem.operation, column, args, dout, "float64")
                got = problem.run(column, backward=len(wanted.names) > 1)
            wrong = wanted.wrong(got)
        except (Exception, SystemExit, NotApplicable) as error:
            return {"wrong": observation.told(error)}, []
        return {"wrong": wrong}, [] if wrong else list(observation.copies(got))


def _send(answers: Connection, plain: dict[str, Any], arrays: list[Any] | None = None) -> None:
    held = [np.ascontiguousarray(array) for array in arrays or ()]
    forms = [(array.dtype.name, np.shape(array)) for array in arrays or ()]
    answers.send_bytes(json.dumps({**plain, "arrays": forms}).encode())
    for array in held:
        answers.send_bytes(array.tobytes())
