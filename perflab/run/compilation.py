"""Compilation: counted, timed separately, and done before timing starts.

A kernel is compiled once and saved in Numba's cache; the seconds are saved beside the cache. Before a run
measures a phase, it compiles on all cores the kernels that the phase needs and that are missing there. On
several threads a technique may use other kernels than on one.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from perflab import catalog
from perflab.catalog import compilers as through
from perflab.catalog import inputs
from perflab.catalog.cases import costs
from perflab.catalog.find import compilers, prepare_numba_cache
from perflab.catalog.kernels import in_ladder, may_compile, sizes, uses_threads
from perflab.contract import Implementation
from perflab.evidence.compiled import dispatchers_of
from perflab.machine import extensions, portable, process
from perflab.machine.threads import cores

SMALL_FLOPS = 1e7
USUAL_RATE = 2.5e-4  # seconds for each byte of code, until this machine's is known
TIMES = 2.0  # as long as it took, when it was given up, a compilation may need
WORK = "from perflab.run.compilation import work; work()"
Code = tuple[Path, str]  # a file, compiled for a dtype
IMPORTS_KERNELS = re.compile(rb"^\s*(?:from|import)\s+(?:numba|perflab)\b", re.MULTILINE)
COMPILED = "compiled.jsonl"  # in the folder of Numba's cache, and deleted with it


@dataclass
class Compilations:
    """The number of functions and modules that were compiled, and the seconds; loading is not counted.

    `loaded_s` are the seconds that modules which were loaded took when they were compiled.
    """

    count: int = 0
    seconds: float = 0.0
    loaded_s: float = 0.0


@contextlib.contextmanager
def compilations() -> Iterator[Compilations]:
    """Count what Numba, if it is loaded, and the compilers of extension modules do in the `with` block."""
    compiled, built = Compilations(), extensions.so_far
    before = replace(built)
    with _of_numba(compiled):
        yield compiled
    compiled.count += built.count - before.count
    compiled.seconds += built.seconds - before.seconds
    compiled.loaded_s = built.loaded_s - before.loaded_s


@contextlib.contextmanager
def _of_numba(compiled: Compilations) -> Iterator[None]:
    """Count Numba's compilations; none if it is not loaded."""
    if "numba" not in sys.modules:
        yield
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
        yield


def numba_threads() -> int:
    """The threads that Numba uses in this process, or would use if it were loaded."""
    if "numba" in sys.modules:
        return int(sys.modules["numba"].get_num_threads())
    wanted = os.environ.get("NUMBA_NUM_THREADS", "")
    return int(wanted) if wanted.isdecimal() else cores()


def remember(name: str, seconds: float) -> None:
    """Save the seconds of a compilation, as a later process only loads the result."""
    path, record = Path(prepare_numba_cache()) / COMPILED, {"name": name, "compile_s": seconds}
    with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record | {"several": numba_threads() > 1, "target": _target()}) + "\n")


def _target() -> str:
    """The processor that the variables name in place of this one, for which Numba would compile anew."""
    return " ".join(os.environ.get(name, "") for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")).strip()


def remembered(several: bool) -> dict[str, float]:
    """The saved seconds of every compilation, for one thread or several, by `key`; 0 without kernels."""
    seconds: dict[str, float] = {}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # a damaged file is read in part
        for line in (Path(prepare_numba_cache()) / COMPILED).read_text("utf-8").splitlines():
            record = json.loads(line)
            if record.get("several", False) == several and record.get("target", "") == _target():
                seconds[record["name"]] = max(seconds.get(record["name"], 0.0), float(record["compile_s"]))
    return seconds


def compiles(implementation: Implementation) -> bool:
    """Whether a first call may compile or load a kernel.

    One of perflab's own does where its code, or what that imports of the operation, imports Numba; a peer's
    where it says so. A file from outside does where a function that it reaches is Numba's, and may where it
    imports Numba or perflab: whether a module of these has kernels is not looked up.
    """
    if implementation.native and implementation.native.compilations:
        return True
    if in_ladder(implementation):
        return may_compile(implementation.operation, implementation.technique)
    if any(dispatchers_of(function) for function in (implementation.forward, implementation.backward)):
        return True
    source = Path(implementation.source)
    return source.is_file() and bool(IMPORTS_KERNELS.search(source.read_bytes()))


def key(operation: str, technique: str, dtype: str) -> str:
    """The name under which a compilation is saved."""
    return f"{operation}/{technique}/{dtype}"


def missing(techniques: Mapping[str, Sequence[str]], dtypes: Sequence[str], threads: int = 1) -> list[str]:
    """The built-in ones of these, by `key`, that compile and were never called with this cache.

    Among the peers those are the ones whose compilers build a module; the others compile at their first call.
    """
    on_one, on_several = remembered(False), remembered(True)
    on_any = on_one | on_several
    built_in = [
        (op, technique)
        for op, names in techniques.items()
        for technique in names
        if technique in compilers()
        or (
            technique in catalog.techniques(op)
            and technique not in catalog.outsiders(op)
            and may_compile(op, technique)
        )
    ]
    lacking = []
    for op, technique in built_in:
        known = on_any if not uses_threads(op, technique) else on_several if threads > 1 else on_one
        lacking += [name for dtype in dtypes if (name := key(op, technique, dtype)) not in known]
    return lacking


def compile_missing(
    techniques: Mapping[str, Sequence[str]], dtypes: Sequence[str], tell: Callable[[str], None],
    threads: int = 1,
) -> dict[str, str]:  # fmt: skip
    """Compile missing kernels in other processes, on all cores; how a process died, by `key`.

    What was never called is called there first, so that code that crashes ends no process of the user's.
    """
    died: dict[str, str] = {}
    if names := missing(techniques, dtypes, threads):
        compile_first(names, lambda event: tell(f"compiling {event['name']}"), threads=threads, died=died)
    return died


def compile_first(
    names: Sequence[str], tell: Callable[[Mapping[str, Any]], None], limit_s: float = math.inf,
    threads: int = 1, died: dict[str, str] | None = None, left: dict[str, float] | None = None,
) -> list[str]:  # fmt: skip
    """Call these once, a process on each core, so that kernels are compiled before timing starts.

    In each process Numba has so many `threads`.
    The cheapest first; none is begun that would not be compiled within `limit_s`, as far as the earlier ones
    let that be predicted, and what is not compiled then is given up. Returns those that were called. Errors
    are ignored here: the same error is reported when the first block is verified. `died` is given the names
    at which a process died, and how; `left` those that were not compiled, and about the seconds they need.
    """
    order = sorted(names, key=_size_of)
    began, places = time.monotonic(), iter(enumerate(order, 1))
    lock, ended, called = threading.Lock(), threading.Event(), list[str]()
    workers: list[subprocess.Popen[str]] = []
    rates = [USUAL_RATE]  # seconds for each byte of code
    shared = set[Code]()  # what an earlier one of them has compiled
    begun = dict[str, float]()

    def compile_in_turn() -> None:
        worker: subprocess.Popen[str] | None = None
        while True:
            with lock:
                place, name = next(places, (0, ""))
                if ended.is_set() or not name:
                    break
                size = _size_of(name, shared)
                shared.update(_code_of(name))
                if time.monotonic() - began + size * median(rates) > limit_s:
                    break
                tell({"event": "compile", "name": name, "place": place, "total": len(order)})
                if worker is None:
                    worker = process.connect(["-c", WORK], threads, text=True)
                    workers.append(worker)
            begun[name] = time.monotonic()
            if not _called_in(worker, name):
                if ended.is_set():  # it was given up
                    break
                if died is not None:
                    died[name] = portable.death(worker.wait())
                worker = None  # it would die again
            rates.append((time.monotonic() - begun[name]) / size)
            called.append(name)

    callers = [threading.Thread(target=compile_in_turn, daemon=True) for _ in range(min(cores(), len(order)))]
    try:
        for thread in callers:
            thread.start()
        for thread in callers:
            thread.join(max(limit_s - (time.monotonic() - began), 0.0) if limit_s < math.inf else None)
    finally:
        ended.set()
        for worker in workers:
            portable.kill_group(worker)  # with a compiler that it has called
        for thread in callers:
            thread.join()
        for worker in workers:
            worker.communicate()
    if left is not None:
        now, rate = time.monotonic(), median(rates)
        needed = {name: (_size_of(name) * rate, TIMES * (now - begun.get(name, now))) for name in order}
        left |= {name: max(seconds) for name, seconds in needed.items() if name not in called}
    return called


def _called_in(worker: subprocess.Popen[str], name: str) -> bool:
    """Have a worker call a rung; whether it lives on."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        worker.stdin.write(f"{name}\n")
        worker.stdin.flush()
        return bool(worker.stdout.readline())
    except OSError:
        return False


def work() -> None:
    """In a process of `compile_first`: call each rung that is named on a line, and answer with a line."""
    incoming, outgoing = process.private_streams()
    prepare_numba_cache()
    with os.fdopen(incoming) as names, os.fdopen(outgoing, "w") as answers:
        for name in names:
            with contextlib.suppress(Exception):
                compile_one(name.strip())
            answers.write("\n")
            answers.flush()


def _size_of(name: str, compiled: Collection[Code] = ()) -> int:
    """The bytes of code that there are to compile for a name, beside what is compiled; at least 1."""
    return max(1, sum(size for code, size in _code_of(name).items() if code not in compiled))


def _code_of(name: str) -> dict[Code, int]:
    """What there is to compile for a name, and its bytes."""
    op, technique, dtype = name.split("/")
    if technique in compilers():
        return through.work(op, technique, dtype)
    return {(file, dtype): size for file, size in sizes(op, technique).items()}


def compile_one(name: str) -> None:
    """Call a technique on its operation's small cases, and save the seconds that compiling took.

    Several cases, since a technique may choose its kernel by shape. Raises what the technique raises.
    """
    op, technique, dtype = name.split("/")
    described, pair = catalog.operation(op), catalog.raw(op, technique)
    with compilations() as compiled:
        for case in described.cases.values():
            if costs(described, case, dtype)["step"].flops <= SMALL_FLOPS:
                _, cache = pair.forward(*inputs.make(described, case, dtype).values())
                pair.backward(inputs.upstream(described, case, dtype), cache)
                if technique in compilers():
                    break  # one module serves all shapes
    remember(name, compiled.seconds or compiled.loaded_s)
