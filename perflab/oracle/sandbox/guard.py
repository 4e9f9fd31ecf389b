"""What timed code from outside may not do: replace functions, read a clock, look at its callers.

A guard detects; it prevents nothing. What it detects is reported by name, and the file gets no figures.
"""

from __future__ import annotations

import datetime
import gc
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

import numpy.random  # noqa: F401 - NumPy loads it late, and inputs are drawn with it

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
JUDGES = ("perflab", "pytest_benchmark")  # of these, methods and the code of functions are watched too
PRIVATE = {
    id(sys._getframe): "it looks at its callers: line {} calls sys._getframe",
    id(gc.get_objects): "it searches the memory of its process: line {} calls gc.get_objects",
    id(gc.get_referrers): "it searches the memory of its process: line {} calls gc.get_referrers",
}


class Guard:
    """The functions and classes of NumPy, the clocks and perflab, as they are before outside code runs."""

    def __init__(self) -> None:
        modules = [
            module
            for package, module in list(sys.modules.items())
            if isinstance(module, ModuleType) and package.partition(".")[0] in WATCHED
        ]
        self._originals = [
            (owner, name, value, _code(value))
            for owner in (*modules, *_classes())
            for name, value in vars(owner).items()
            if callable(value)
        ]

    def replaced(self, files: Collection[str] = ()) -> str:
        """The first function, class or method that was replaced, as a sentence; empty where none was.

        In a judge's modules that were loaded later, it is one whose code is in these source files.
        """
        for owner, name, original, code in self._originals:
            value = vars(owner).get(name)
            if value is not original or _code(value) is not code:
                return f"it replaced {_full_name(owner)}.{name}"
        for owner in _classes():
            for name, value in vars(owner).items():
                if getattr(_code(value), "co_filename", None) in files:
                    return f"it replaced {_full_name(owner)}.{name}"
        return ""


def _classes() -> Iterator[type]:
    """The classes of the judges."""
    for package, module in list(sys.modules.items()):
        if package.partition(".")[0] in JUDGES and isinstance(module, ModuleType):
            for value in list(vars(module).values()):
                if isinstance(value, type) and value.__module__ == package:
                    yield value


def _code(value: Any) -> Any:
    return getattr(value, "__code__", None)


def _full_name(owner: Any) -> str:
    return f"{owner.__module__}.{owner.__name__}" if isinstance(owner, type) else str(owner.__name__)


def printed(count: int) -> str:
    """What to say of so many printed bytes; empty if they are few."""
    return f"it printed {in_bytes(count)}" if count > MOST_PRINTED else ""


@contextmanager
def looks(files: Collection[str]) -> Iterator[list[str]]:
    """A list of the first clock read, or look at callers, by a line of these source files in the block."""
    reads: list[str] = []

    def on_event(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and not reads and frame.f_code.co_filename in files:
            name, owner = CLOCKS.get(id(called)), getattr(called, "__self__", None)
            if (owner is datetime.datetime or owner is datetime.date) and called.__name__ in DATES:
                name = f"{owner.__name__}.{called.__name__}"
            if name:
                reads.append(f"it reads the clock: line {frame.f_lineno} calls {name}")
            elif id(called) in PRIVATE:
                reads.append(PRIVATE[id(called)].format(frame.f_lineno))

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        yield reads
    finally:
        if sys.getprofile() is not on_event:
            reads[:] = ["it replaced the profiler that looks for clocks"]
        sys.setprofile(before)
