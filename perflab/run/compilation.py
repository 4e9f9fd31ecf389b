"""What compiling costs: counted, remembered apart from every other time, and done before the clock starts.

A kernel is compiled once and kept in Numba's cache, so how long it took is remembered beside the cache. A
run that finds kernels missing there compiles them first, on all cores, each in a process that ends.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perflab import catalog
from perflab.catalog import inputs
from perflab.catalog.cases import costs
from perflab.catalog.find import prepare_numba_cache
from perflab.contract import Implementation, PerflabError
from perflab.machine import process
from perflab.machine.threads import cores


@dataclass
class Compilations:
    """How many functions Numba compiled, and in how many seconds. Loading from its cache does not count."""

    count: int = 0
    seconds: float = 0.0


@contextlib.contextmanager
def compilations() -> Iterator[Compilations]:
    """Counts Numba's compilations while the `with` block runs; none where Numba is not loaded."""
    seen = Compilations()
    if "numba" not in sys.modules:
        yield seen
        return
    from numba.core import event

    class Listener(event.TimingListener):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            seen.count += 1
            super().on_start(event)

        def on_end(self, event: Any) -> None:
            super().on_end(event)  # compilations nest; the listener times the outermost
            if self.done:
                seen.seconds = self.duration

    with event.install_listener("numba:compile", Listener()):
        yield seen


SMALL_FLOPS = 1e7
COMPILED = "compiled.jsonl"  # beside Numba's own cache, and gone with it


def remember(name: str, seconds: float) -> None:
    """Keep how long a compilation took, since a later process only loads what it gave."""
    line = json.dumps({"name": name, "compile_s": seconds}) + "\n"
    file = Path(prepare_numba_cache()) / COMPILED
    with contextlib.suppress(OSError), file.open("a", encoding="utf-8") as held:
        held.write(line)


def remembered() -> dict[str, float]:
    """The seconds of every compilation that is remembered, by `key`; 0 for what has nothing to compile."""
    held: dict[str, float] = {}
    try:
        for line in (Path(prepare_numba_cache()) / COMPILED).read_text("utf-8").splitlines():
            record = json.loads(line)
            held[record["name"]] = max(held.get(record["name"], 0.0), float(record["compile_s"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # a broken memory only forgets
    return held


def compiles(implementation: Implementation) -> bool:
    """Whether a first call may compile or load a kernel: one of the pair, or what it calls, is Numba's."""
    pair = (implementation.forward, implementation.backward)
    used = [*pair, *(held for function in pair for held in getattr(function, "__globals__", {}).values())]
    return any(hasattr(function, "signatures") for function in used)


def key(operation: str, technique: str, dtype: str) -> str:
    """Under which name a compilation is remembered."""
    return f"{operation}/{technique}/{dtype}"


def missing(techniques: Mapping[str, Sequence[str]], dtypes: Sequence[str]) -> list[str]:
    """The operations' own ones of these, by `key`, never called with this cache: they may compile."""
    held = remembered()
    wanted = [
        key(op, technique, dtype)
        for op, names in techniques.items()
        for technique in names
        if technique in catalog.techniques(op) and technique not in ("naive", *catalog.outsiders(op))
        for dtype in dtypes
    ]
    return [name for name in wanted if name not in held]


def compile_missing(
    techniques: Mapping[str, Sequence[str]], dtypes: Sequence[str], tell: Callable[[str], None]
) -> None:
    """Compile what may be missing on all cores first; one alone compiles where it is called."""
    names = missing(techniques, dtypes)
    if len(names) > 1:
        compile_first(names, lambda event: tell(f"compiling {event['name']}"))


def compile_first(names: Sequence[str], tell: Callable[[Mapping[str, Any]], None]) -> None:
    """Call these once on all cores, a process each, so that kernels are compiled before the clock starts.

    What fails here is left to fail where it is told: when its first block is verified.
    """
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        waiting.put(name)

    def work() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                name = waiting.get_nowait()
                tell({"event": "compile", "name": name, "left": waiting.qsize(), "total": len(names)})
                with contextlib.suppress(PerflabError):
                    order = {"name": name}
                    child = process.begin(
                        "perflab.run.compilation:compile_one", order, None, start_new_session=True
                    )
                    children.append(child)
                    process.finish(child)

    children: list[subprocess.Popen[Any]] = []
    workers = [threading.Thread(target=work, daemon=True) for _ in range(cores())]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    except BaseException:
        while not waiting.empty():
            waiting.get_nowait()
        for child in children:
            child.kill()
        raise


def compile_one(name: str) -> None:
    """In a process of its own: call one technique on its operation's small cases, and remember the seconds.

    Several cases, since a technique may choose its kernel by shape. Raises whatever the technique raises.
    """
    op, technique, dtype = name.split("/")
    described, pair = catalog.operation(op), catalog.raw(op, technique)
    with compilations() as compiled:
        for case in described.cases.values():
            if costs(described, case, dtype)["step"].flops <= SMALL_FLOPS:
                _, cache = pair.forward(*inputs.make(described, case, dtype).values())
                pair.backward(inputs.upstream(described, case, dtype), cache)
    remember(name, compiled.seconds)
