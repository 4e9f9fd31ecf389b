"""What timed code from outside may not do: replace functions of NumPy or perflab, read a clock.

A guard detects; it prevents nothing. What it detects is reported by name, and the file gets no figures.
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

from perflab.units import in_bytes

WATCHED = ("numpy", "perflab", "time", "builtins", "math", "statistics", "pytest_benchmark")
CLOCKS = {
    id(function): f"time.{name}"
    for name, function in vars(time).items()
    if callable(function)
    and (name.endswith("_ns") or name in ("time", "monotonic", "perf_counter", "process_time"))
}
MOST_PRINTED = 1 << 20  # bytes
DATES = ("now", "utcnow", "today")


class Guard:
    """The functions and classes of NumPy, the clocks and perflab, as they are before outside code runs."""

    def __init__(self) -> None:
        self._originals: list[tuple[ModuleType, str, Any]] = []
        for package, module in list(sys.modules.items()):
            if isinstance(module, ModuleType) and package.partition(".")[0] in WATCHED:
                self._originals += [
                    (module, name, value) for name, value in vars(module).items() if callable(value)
                ]

    def replaced(self) -> str:
        """The first function or class that was replaced, as a sentence; empty where none was."""
        for module, name, original in self._originals:
            if vars(module).get(name) is not original:
                return f"it replaced {module.__name__}.{name}"
        return ""


def printed(count: int) -> str:
    """What to say of so many printed bytes; empty if they are few."""
    return f"it printed {in_bytes(count)}" if count > MOST_PRINTED else ""


@contextmanager
def clocks_read(files: Collection[str]) -> Iterator[list[str]]:
    """A list of the first clock read by a line of these source files while the block runs."""
    reads: list[str] = []

    def on_event(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and not reads and frame.f_code.co_filename in files:
            name, owner = CLOCKS.get(id(called)), getattr(called, "__self__", None)
            if (owner is datetime.datetime or owner is datetime.date) and called.__name__ in DATES:
                name = f"{owner.__name__}.{called.__name__}"
            if name:
                reads.append(f"it reads the clock: line {frame.f_lineno} calls {name}")

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        yield reads
    finally:
        if sys.getprofile() is not on_event and not reads:
            reads.append("it replaced the profiler that looks for clocks")
        sys.setprofile(before)
