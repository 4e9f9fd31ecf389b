"""The interpreter's steps of one call, and the bytes that each of them allocates."""

from __future__ import annotations

import contextlib
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from perflab.machine.interpreter import each_instruction

NOTED_BYTES = 1024  # smaller allocations are Python's own objects as often as arrays
MOST_STEPS = 2_000_000
MOST_NOTED = 50_000


@dataclass
class Trace:
    """The steps and bytes of one call, noted before every instruction up to a limit."""

    most: int = MOST_STEPS
    memory: bool = True
    steps: int = 0
    allocations: int = 0
    allocated: int = 0
    peak: int = 0
    retained: int = 0
    outputs: int = 0
    before: int = 0
    after: int = 0
    _start: int = 0
    _latest: int = 0

    def begin(self) -> None:
        """Count memory from here on."""
        if self.memory:
            tracemalloc.reset_peak()
            self._start = self._latest = tracemalloc.get_traced_memory()[0]

    def step(self) -> bool:
        """Count an instruction that is about to run, and what the one before it allocated."""
        self.steps += 1
        if self.memory and self.steps <= MOST_NOTED:
            self.note()
        return self.steps <= self.most

    def note(self) -> None:
        """Note the bytes that the latest step allocated."""
        latest, peak = tracemalloc.get_traced_memory()
        if peak - self._latest > NOTED_BYTES:
            self.allocations += 1
            self.allocated += peak - self._latest
        self.peak = max(self.peak, peak - self._start)
        tracemalloc.reset_peak()
        self._latest = latest

    def end(self) -> None:
        """Count memory no further."""
        if self.memory:
            self.note()
            self.retained = self._latest - self._start


def watched(trace: Trace, call: Callable[[], Any]) -> Any:
    """What a call returns; afterwards `trace` knows its steps and its memory."""
    tracing = tracemalloc.is_tracing()
    if trace.memory and not tracing:
        tracemalloc.start()
    try:
        with _one_thread():
            trace.begin()
            result = each_instruction(call, trace.step)
            trace.end()
    finally:
        if not tracing:
            tracemalloc.stop()
    return result


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep Numba's kernels on this thread: tracemalloc needs Python's lock, which their caller has."""
    numba = sys.modules.get("numba")
    threads = numba.get_num_threads() if numba else 1
    if numba:
        numba.set_num_threads(1)
    try:
        yield
    finally:
        if numba:
            numba.set_num_threads(threads)
