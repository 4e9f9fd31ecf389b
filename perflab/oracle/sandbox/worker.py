"""The process that runs outside code: it loads a file and answers the sandbox's requests.

It answers through a pipe, in JSON and raw bytes, which the other side reads without trusting them. What the
code prints goes to a pipe of its own.
"""

from __future__ import annotations

import json
import os
import pickle
import re
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from perflab import catalog, machine
from perflab.catalog import outside
from perflab.contract import Array, Case, PerflabError
from perflab.errors import reason
from perflab.machine import lacking, numba_cache, portable, process
from perflab.oracle.observation import answer_of, observe
from perflab.oracle.sandbox import flood, guard

Arrays = Mapping[str, Sequence[Array]]
ARRAYS = ("first", "repeated", "second", "ints")
IMPORTS_NUMBA = re.compile(rb"^\s*(import|from)\s+numba\b", re.MULTILINE)
UNLIMITED = "its memory is not limited on this system"
DESCRIBED = ("operation", "technique", "source", "summary", "unwritten", "notes", "gives")


def serve() -> None:
    """Answer requests from the standard input on the standard output, until the other side closes it."""
    requests, answers = process.private_streams()
    other = process.Messages(os.fdopen(requests, "rb"), os.fdopen(answers, "wb"))
    worker: _Worker | None = None
    while True:
        try:
            kind, *request = pickle.loads(other.receive())
        except EOFError:
            return
        if kind == "load":
            try:
                worker = _Worker(*request)
                _send(other, worker.description())
            except PerflabError as error:
                _send(other, {"error": str(error)})
            except Exception as error:
                _send(other, {"error": f"{request[0]}: perflab's own part failed: {reason(error)}"})
        elif worker is not None:
            try:
                answer = getattr(worker, kind)(*request)
            except Exception as error:  # of ours: what the file raises is in the answer
                answer = ({"failed": reason(error)},)
            _send(other, *answer)


class _Worker:
    """A loaded file, and the guard that was set before it was loaded; it may allocate `most_bytes`."""

    def __init__(self, file: str, operation: str | None, technique: str | None, most_bytes: int) -> None:
        catalog.prepare_numba_cache()
        self.guard = guard.Guard()
        limited = machine.limit_memory(most_bytes)
        portable.limit_files(flood.LARGEST_FILE)
        content = outside.read(file, operation)
        numba_cache.seal()
        if any(IMPORTS_NUMBA.search(path.read_bytes()) for path in content.files):
            lacking.check_compiler(file)
        self.columns = content.implementations
        self.notes = content.notes if limited else (*content.notes, UNLIMITED)
        if technique is not None and operation is not None:
            self.columns = (outside.column(file, operation, technique),)
        self.files = {str(path) for path in content.files} | {file}
        self.absent = content.absent

    def description(self) -> dict[str, Any]:
        return {
            "columns": [{name: getattr(column, name) for name in DESCRIBED} for column in self.columns],
            "files": sorted(self.files),
            "notes": list(self.notes),
            "forbidden": self.guard.replaced(self.files),
        }

    def observe(self, at: int, case: Case, dtype: str) -> tuple[dict[str, Any], Arrays]:
        """The fields of an observation that are no arrays, and those that are."""
        column = self.columns[at]
        with guard.looks(self.files) as looks:
            observation = observe(catalog.operation(column.operation), column, case, dtype, BaseException)
        observation.forbidden = self.guard.replaced(self.files) or next(iter(looks), "")
        if observation.raised:
            observation.raised = outside.explained(observation.raised, map(Path, self.files), self.absent)
        fields = dict(vars(observation))
        arrays = {name: fields.pop(name) for name in ARRAYS}
        return fields, arrays

    def answer(self, at: int, case: Case) -> tuple[dict[str, Any], Arrays]:
        """Out and gradients in float64 where their form is right."""
        column = self.columns[at]
        return {}, {"answer": answer_of(catalog.operation(column.operation), case, column) or ()}


def _send(other: process.Messages, plain: dict[str, Any], arrays: Arrays = MappingProxyType({})) -> None:
    forms = {name: [(a.dtype.name, a.shape) for a in tensors] for name, tensors in arrays.items()}
    other.send(json.dumps({**plain, "arrays": forms}).encode())
    for array in chain(*arrays.values()):
        other.send(array.tobytes())
