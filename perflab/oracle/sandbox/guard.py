"""What outside code may not do beside a clock: replace what holds it to its word, read the time.

A guard looks; it does not lock. What it finds is told by name, and no figure is made of it.
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

WATCHED = ("numpy", "perflab", "time", "builtins", "math", "statistics", "pytest_benchmark")
CLOCKS = {
    id(held): f"time.{name}"
    for name, held in vars(time).items()
    if callable(held)
    and (name.endswith("_ns") or name in ("time", "monotonic", "perf_counter", "process_time"))
}
DATES = ("now", "utcnow", "today")


class Guard:
    """The functions and classes of NumPy, of the clocks and of perflab, as they were before outside code."""

    def __init__(self) -> None:
        """Remember what every module that is loaded now defines."""
        self._kept: list[tuple[ModuleType, str, Any]] = []
        for name, module in list(sys.modules.items()):
            if isinstance(module, ModuleType) and name.partition(".")[0] in WATCHED:
                self._kept += [(module, key, held) for key, held in vars(module).items() if callable(held)]

    def replaced(self) -> str:
        """What is no longer what it was, in words; empty when nothing is."""
        for module, name, held in self._kept:
            if vars(module).get(name) is not held:
                return f"it replaced {module.__name__}.{name}"
        return ""


@contextmanager
def clocks_read(files: Collection[str]) -> Iterator[list[str]]:
    """What lines of these source files, or of what they call by name, read a clock while the block runs."""
    heard: list[str] = []

    def hear(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and frame.f_code.co_filename in files:
            name, owner = CLOCKS.get(id(called)), getattr(called, "__self__", None)
            if (owner is datetime.datetime or owner is datetime.date) and called.__name__ in DATES:
                name = f"{owner.__name__}.{called.__name__}"
            if name and len(heard) < 1:
                heard.append(f"it reads the clock: line {frame.f_lineno} calls {name}")

    before = sys.getprofile()
    sys.setprofile(hear)
    try:
        yield heard
    finally:
        if sys.getprofile() is not hear and not heard:
            heard.append("it replaced the profiler that looks for clocks")
        sys.setprofile(before)
