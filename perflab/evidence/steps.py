"""The interpreter's steps of one call, and the memory that each of them asks for."""

from __future__ import annotations

import contextlib
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

NOTED_BYTES = 1024  # smaller allocations are Python's own objects as often as arrays
MOST_STEPS = 2_000_000
MOST_NOTED = 50_000


@dataclass
class Trace:
    """One call, looked at before every bytecode until there were too many."""

    most: int = MOST_STEPS
    memory: bool = True
    steps: int = 0
    allocations: int = 0
    allocated: int = 0
    peak: int = 0
    kept: int = 0
    outputs: int = 0
    before: int = 0
    after: int = 0
    _start: int = 0
    _held: int = 0

    def begin(self) -> None:
        """Count memory from here on."""
        if self.memory:
            tracemalloc.reset_peak()
            self._start = self._held = tracemalloc.get_traced_memory()[0]

    def step(self, frame: FrameType, event: str, _: object) -> Any:
        """What Python calls as it enters a frame, and then before each of its bytecodes."""
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            self.steps += 1
            if self.memory and self.steps <= MOST_NOTED:
                self.note()
            if self.steps > self.most:
                sys.settrace(None)
        return self.step

    def note(self) -> None:
        """What the latest step asked for."""
        held, peak = tracemalloc.get_traced_memory()
        if peak - self._held > NOTED_BYTES:
            self.allocations += 1
            self.allocated += peak - self._held
        self.peak = max(self.peak, peak - self._start)
        tracemalloc.reset_peak()
        self._held = held

    def end(self) -> None:
        """Count memory no further."""
        if self.memory:
            self.note()
            self.kept = self._held - self._start


def watched(trace: Trace, call: Callable[[], Any]) -> Any:
    """What a call returns; afterwards `trace` knows its steps and its memory."""
    tracer, tracing = sys.gettrace(), tracemalloc.is_tracing()
    if trace.memory and not tracing:
        tracemalloc.start()
    try:
        with _one_thread():
            trace.begin()
            sys.settrace(trace.step)
            try:
                result = call()
            finally:
                sys.settrace(tracer)
            trace.end()
    finally:
        if not tracing:
            tracemalloc.stop()
    return result


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep Numba's kernels on this thread: tracemalloc wants Python's lock, which their caller holds."""
    numba = sys.modules.get("numba")
    if numba is None:
        yield
        return
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(threads)
