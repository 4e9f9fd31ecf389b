"""Compilation: counted, timed separately, and done before timing starts.

A kernel is compiled once and saved in Numba's cache; the seconds are saved beside the cache. A run first
compiles the kernels that are missing there, on all cores, each in a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perflab import catalog
from perflab.catalog import inputs
from perflab.catalog.cases import costs
from perflab.catalog.find import prepare_numba_cache
from perflab.contract import Implementation, PerflabError
from perflab.machine import portable, process
from perflab.machine.threads import cores

SMALL_FLOPS = 1e7
COMPILED = "compiled.jsonl"  # in the folder of Numba's cache, and deleted with it


@dataclass
class Compilations:
    """The number of functions that Numba compiled, and the seconds; loading from the cache is not counted."""

    count: int = 0
    seconds: float = 0.0


@contextlib.contextmanager
def compilations() -> Iterator[Compilations]:
    """Count Numba's compilations while the `with` block runs; none if Numba is not loaded."""
    compiled = Compilations()
    if "numba" not in sys.modules:
        yield compiled
        return
    from numba.core import event

    class Listener(event.TimingListener):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            compiled.count += 1
            super().on_start(event)

        def on_end(self, event: Any) -> None:
            super().on_end(event)  # compilations nest; the listener times the outermost
            if self.done:
                compiled.seconds = self.duration

    with event.install_listener("numba:compile", Listener()):
        yield compiled


def remember(name: str, seconds: float) -> None:
    """Save the seconds of a compilation, as a later process only loads the result."""
    path = Path(prepare_numba_cache()) / COMPILED
    with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"name": name, "compile_s": seconds}) + "\n")


def remembered() -> dict[str, float]:
    """The saved seconds of every compilation, by `key`; 0 for techniques without kernels."""
    seconds: dict[str, float] = {}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # a damaged file is read in part
        for line in (Path(prepare_numba_cache()) / COMPILED).read_text("utf-8").splitlines():
            record = json.loads(line)
            seconds[record["name"]] = max(seconds.get(record["name"], 0.0), float(record["compile_s"]))
    return seconds


def compiles(implementation: Implementation) -> bool:
    """Whether a first call may compile or load a kernel: the pair, or a function it uses, is Numba's."""
    pair = (implementation.forward, implementation.backward)
    used = [*pair, *(value for function in pair for value in getattr(function, "__globals__", {}).values())]
    return any(hasattr(function, "signatures") for function in used)


def key(operation: str, technique: str, dtype: str) -> str:
    """The name under which a compilation is saved."""
    return f"{operation}/{technique}/{dtype}"


def missing(techniques: Mapping[str, Sequence[str]], dtypes: Sequence[str]) -> list[str]:
    """The built-in ones of these, by `key`, that were never called with this cache: they may compile."""
    known = remembered()
    built_in = [
        (op, technique)
        for op, names in techniques.items()
        for technique in names
        if technique in catalog.techniques(op) and technique not in ("naive", *catalog.outsiders(op))
    ]
    keys = (key(*names, dtype) for names in built_in for dtype in dtypes)
    return [name for name in keys if name not in known]


def compile_missing(
    techniques: Mapping[str, Sequence[str]], dtypes: Sequence[str], tell: Callable[[str], None]
) -> None:
    """Compile missing kernels on all cores first; a single one compiles at its first call."""
    names = missing(techniques, dtypes)
    if len(names) > 1:
        compile_first(names, lambda event: tell(f"compiling {event['name']}"))


def compile_first(names: Sequence[str], tell: Callable[[Mapping[str, Any]], None]) -> None:
    """Call these once on all cores, a process each, so that kernels are compiled before timing starts.

    Errors are ignored here: the same error is reported when the first block is verified.
    """
    children: list[subprocess.Popen[Any]] = []

    def compile_next(place: int, name: str) -> None:
        tell({"event": "compile", "name": name, "left": len(names) - 1 - place, "total": len(names)})
        with contextlib.suppress(PerflabError):
            function = "perflab.run.compilation:compile_one"
            child = process.begin(function, {"name": name}, None, **portable.own_group())
            children.append(child)
            process.finish(child)

    pool = ThreadPoolExecutor(cores())
    try:
        list(pool.map(compile_next, range(len(names)), names))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in children:
            child.kill()
        raise


def compile_one(name: str) -> None:
    """In a separate process: call a technique on its operation's small cases, and save the seconds.

    Several cases, since a technique may choose its kernel by shape. Raises what the technique raises.
    """
    op, technique, dtype = name.split("/")
    described, pair = catalog.operation(op), catalog.raw(op, technique)
    with compilations() as compiled:
        for case in described.cases.values():
            if costs(described, case, dtype)["step"].flops <= SMALL_FLOPS:
                _, cache = pair.forward(*inputs.make(described, case, dtype).values())
                pair.backward(inputs.upstream(described, case, dtype), cache)
    remember(name, compiled.seconds)
