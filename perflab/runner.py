"""Drives a plan: one fresh process after another runs the suite in `bench/` and appends to the records."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import selectors
import signal
import subprocess
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perflab import plan as presets
from perflab import records, sources
from perflab.compilation import compile_first, missing
from perflab.contract import NoSpaceLeft, PerflabError
from perflab.grid import operation, prepare_numba_cache
from perflab.machine import cpu_seconds, cpu_ticks, keep_to_cores, steal_share
from perflab.plugin import EVENTS, EXIT_BROKEN, EXIT_NO_SPACE, PARENT, TURNS
from perflab.process import begin, finish, spawn
from perflab.records import Plan, kinds
from perflab.sampling import next_groups

PACKAGE = Path(__file__).parent
GOOD_EXITS = (0, 1, 5)  # all passed, a finding, nothing to do
GRACE_S = 10.0
HANG_S, HANG_BUDGETS = 10.0, 5.0
SETTLE_S = 0.5
GATHER_S = 180.0
FATAL = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGKILL)

Tell = Callable[[Mapping[str, Any]], None]


def suite() -> Path:
    """The benchmark suite: `bench/` beside the package in a checkout, inside the package in a wheel."""
    for folder in (PACKAGE / "_bench", PACKAGE.parent / "bench"):
        if (folder / "test_grid.py").is_file():
            return folder
    raise PerflabError(f"{PACKAGE}: the benchmark suite is missing from this installation")


def run(folder: Path, plan: Plan, lock: int, tell: Tell) -> None:
    """Measure every block of the plan that the folder does not hold yet.

    `lock` is the descriptor of the folder's lock, which the measuring processes inherit. `tell` is called
    with every event. Raises KeyboardInterrupt after the measuring processes have ended, NoSpaceLeft and
    PerflabError with one line; what was measured before is kept in each case.
    """
    plan = records.read(folder).plan  # its names as records tell them
    _keep_sources(folder, plan)
    prepare_numba_cache()  # once for all measuring processes
    names = missing(plan.techniques, plan.dtypes)
    if names:
        began = time.time()
        compile_first(names, tell)
        writer = records.Writer(folder)
        writer.append("compiled", names=names, wall_s=time.time() - began)
        writer.close()
    for threads in plan.threads:
        for process in _processes(folder, plan, threads):
            while homes := _pending(folder, plan, threads, process):
                began, ticks = time.time(), cpu_ticks()
                children = _measure_in_turn(folder, plan, threads, process, list(homes), lock, tell)
                _note_end(folder, process, threads, began, ticks, children, tell)
                for child in children:
                    if not child.died:
                        _raise_for(child.status, folder, child.tail)
                    elif not child.last:
                        raise PerflabError(f"the measuring process came to nothing: {child.cause}")
                if not any(child.died for child in children):
                    break
    if plan.explain and not any(records.read(folder).of_kind(kinds.Evidence)):
        tell({"event": "evidence"})
        _gather(folder, "evidence", 1, lock)
    large = plan.preset != presets.OWN_PRESET and any(
        case in operation(op).contest for op, cases in plan.cases.items() for case in cases
    )
    for threads in plan.threads if large else ():
        if not any(r.contender.threads == threads for r in records.read(folder).of_kind(kinds.PeakMemory)):
            tell({"event": "memory"})
            _gather(folder, "memory", threads, lock)


def _keep_sources(folder: Path, plan: Plan) -> None:
    """Record the code that is about to be measured, unless something was measured already."""
    if not any(isinstance(record, (kinds.Source, kinds.Timed)) for record in records.read(folder).records):
        writer = records.Writer(folder)
        for fields in sources.of_plan(plan):
            writer.append("source", **fields)
        writer.close()


def _gather(folder: Path, kind: str, threads: int, lock: int) -> None:
    """Have a process of its own gather what explains, apart from the clock; a run is whole without it."""
    order = {"folder": str(folder.resolve()), "kind": kind, "threads": threads}
    child = begin("perflab.runner:gather", order, GATHER_S, threads, pass_fds=(lock,), start_new_session=True)
    try:
        with contextlib.suppress(PerflabError):
            finish(child, GATHER_S)
    finally:
        _stop(child)


def gather(folder: str, kind: str, threads: int) -> None:
    """In a process of its own: append the evidence on each technique of a run, or its memory on each case."""
    from perflab import evidence, memory, outside_evidence

    keep_to_cores(threads)
    cache, run = Path(prepare_numba_cache()), records.read(folder)
    found: Iterable[dict[str, Any]] = memory.gather(run, threads) if kind == "memory" else ()
    if kind == "evidence":
        outside = outside_evidence.gather_all(run.plan, run.records)
        found = itertools.chain(evidence.gather_all(run.plan, cache), outside)
    writer = records.Writer(Path(folder))
    for fields in found:
        writer.append(kind, **fields)
    writer.close()


def _processes(folder: Path, plan: Plan, threads: int) -> Iterator[int]:
    """The plan's processes, and then further ones for as long as ratios are not precise enough."""
    yield from range(plan.processes)
    for process in itertools.count(plan.processes):
        run = records.read(folder)
        if run.groups(threads, process) is None:
            groups = next_groups(run, threads)
            if not groups:
                return
            writer = records.Writer(folder)
            writer.append("extension", process=process, threads=threads, groups=groups)
            writer.close()
        yield process


def _note_end(
    folder: Path,
    process: int,
    threads: int,
    began: float,
    ticks: Mapping[str, int],
    children: Sequence[_Child],
    tell: Tell,
) -> None:
    """Record how long a process took, what the host stole meanwhile, and whom it died of."""
    writer = records.Writer(folder)
    for child in children:
        if child.died and child.last:
            reason = child.cause
            writer.append("failure", **child.last, process=process, reason=reason)
            tell({"event": "failure", **child.last, "reason": reason})
    writer.append(
        "process", process=process, threads=threads, wall_s=time.time() - began, started=began,
        steal=steal_share(ticks, cpu_ticks()),
    )  # fmt: skip
    writer.close()


def outstanding(folder: Path, plan: Plan) -> int:
    """How many blocks are still to be measured."""
    return sum(
        sum(_pending(folder, plan, threads, process).values())
        for threads in plan.threads
        for process in range(plan.processes)
    )


def _pending(folder: Path, plan: Plan, threads: int, process: int) -> Counter[str]:
    """Blocks of one process that no record, prediction or failure stands for, counted by their home."""
    run = records.read(folder)
    plan, done = run.plan, run.done()
    out = {record.contender for record in run.of_kind(kinds.Prediction)}
    out |= {r.contender.across("case") for r in run.of_kind(kinds.Failure) if r.contender.technique}
    return Counter(
        plan.home(block)
        for block in plan.blocks(threads, process, run.groups(threads, process))
        if block not in done and not {block.cell.contender, block.cell.contender.across("case")} & out
    )


@dataclass
class _Child:
    """One measuring process: what it tells, what it printed last, and the place it waits to measure."""

    process: subprocess.Popen[str]
    events: int
    turns: int
    printed: deque[str]
    reader: threading.Thread
    heard: bytes = b""
    place: int | None = None
    last: dict[str, Any] = field(default_factory=dict)
    heard_at: float = field(default_factory=time.monotonic)
    hung: str = ""
    finished: bool = False

    @property
    def status(self) -> int:
        return self.process.returncode

    @property
    def died(self) -> bool:
        return -self.status in FATAL or (self.status in GOOD_EXITS and not self.finished)

    @property
    def cause(self) -> str:
        """Of a process that died: how."""
        if self.hung:
            return self.hung
        if self.status >= 0:
            return f"it ended its process with exit status {self.status}"
        return f"its process died: {signal.Signals(-self.status).name}"

    @property
    def tail(self) -> str:
        return "".join(self.printed)


def _measure_in_turn(
    folder: Path, plan: Plan, threads: int, process: int, homes: Sequence[str], lock: int, tell: Tell
) -> list[_Child]:
    """Fresh processes, one a home, that take turns block by block in the plan's order."""
    children: list[_Child] = []
    try:
        for home in homes:
            children.append(_spawn(folder, threads, process, home, lock, alone=len(homes) == 1))
        _take_turns(children, plan, threads, tell)
        for child in children:
            child.process.wait()
            child.reader.join(timeout=5)
    except BaseException:
        for child in children:
            _stop(child.process)
        raise
    finally:
        for child in children:
            os.close(child.events)
            os.close(child.turns)
            child.reader.join(timeout=1)
            if child.process.stdout and not child.reader.is_alive():
                child.process.stdout.close()
    return children


def _take_turns(children: Sequence[_Child], plan: Plan, threads: int, tell: Tell) -> None:
    """Listen to every child until all have ended; where all wait, the earliest block's turn has come."""
    running = list(children)
    latest: _Child | None = None
    with selectors.DefaultSelector() as listening:
        for child in children:
            listening.register(child.events, selectors.EVENT_READ, child)
        while running:
            for key, _ in listening.select(timeout=1.0):
                child = key.data
                heard = os.read(child.events, 65536)
                if not heard:
                    listening.unregister(child.events)
                    running.remove(child)
                _listen(child, heard, tell)
            for child in running:
                _stop_if_hung(child, plan)
            if running and all(child.place is not None for child in running):
                turn = min(running, key=lambda child: child.place or 0)
                if threads > 1 and latest not in (None, turn):
                    _settle(latest.process.pid)
                latest, turn.place = turn, None
                os.write(turn.turns, b".")


def _stop_if_hung(child: _Child, plan: Plan) -> None:
    """End a process whose outside contender gives no answer for far longer than a cell may take."""
    limit_s = HANG_S + HANG_BUDGETS * plan.budget_s
    silent_s = time.monotonic() - child.heard_at
    name = f"{child.last.get('operation')}/{child.last.get('technique')}"
    if name in plan.outside and child.place is None and silent_s > limit_s and not child.hung:
        child.hung = f"it gave no answer for {limit_s:.0f} s"
        child.process.kill()


def _listen(child: _Child, heard: bytes, tell: Tell) -> None:
    child.heard_at = time.monotonic()
    *lines, child.heard = (child.heard + heard).split(b"\n")
    for line in lines:
        event = json.loads(line)
        if event["event"] == "finished":
            child.finished = True
            continue
        if event["event"] == "ready":
            child.place = event["place"]
            continue
        if event["event"] == "start":
            names = ("operation", "case", "dtype", "threads", "technique", "direction")
            child.last = {name: event[name] for name in names}
        tell(event)


def _settle(pid: int) -> None:
    """Wait until a process's pools are idle: its CPU time, as the system counts it, stands still."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        before = cpu_seconds(pid)
        time.sleep(0.02)
        if cpu_seconds(pid) == before:
            return


def _spawn(folder: Path, threads: int, process: int, home: str, lock: int, *, alone: bool) -> _Child:
    """Start one measuring process."""
    bench = suite()
    reading, writing = os.pipe()
    taking, granting = os.pipe()
    variables = {EVENTS: str(writing), PARENT: str(os.getpid()), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    if not alone:
        variables[TURNS] = str(taking)
    words = [
        "-m", "pytest", str(bench / "test_grid.py"), "-c", os.devnull,
        f"--rootdir={bench}", "-q", "-p", "pytest_benchmark.plugin", "-p", "no:cacheprovider",
        f"--benchmark-storage=file://{folder.resolve()}", "--benchmark-disable-gc", "--benchmark-quiet",
        "--tb=short", "--no-header",
        f"--perflab-run={folder.resolve()}", f"--perflab-process={process}", f"--perflab-threads={threads}",
        f"--perflab-home={home}",
    ]  # fmt: skip
    child = spawn(
        words, threads, variables, pass_fds=(writing, taking, lock), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    os.close(writing)
    os.close(taking)
    printed: deque[str] = deque(maxlen=60)
    reader = threading.Thread(target=lambda: printed.extend(child.stdout or ()), daemon=True)
    reader.start()
    return _Child(child, reading, granting, printed, reader)


def _stop(child: subprocess.Popen[Any]) -> None:
    """End a measuring process: asked first, so that its last record is whole; then made to."""
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGINT)
    try:
        child.wait(timeout=GRACE_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()
        child.wait()


def _raise_for(status: int, folder: Path, tail: str) -> None:
    if status in GOOD_EXITS:
        return
    if status == EXIT_NO_SPACE:
        raise NoSpaceLeft(f"{folder}: no space left; what was measured before is kept, go on with --resume")
    if status == EXIT_BROKEN:
        told = [line.partition("!!")[2].strip(" !") or line for line in tail.splitlines() if "Exit:" in line]
        why = told[-1].partition("Exit:")[2].strip() if told else "the measuring process could not go on"
        raise PerflabError(f"{why}; what was measured before is kept in {folder}")
    if status in (2, -signal.SIGINT):
        raise KeyboardInterrupt
    told = [line for line in tail.splitlines() if line.strip()]
    why = next((line for line in reversed(told) if "Error" in line or "error" in line), "no message")
    raise PerflabError(f"the measuring process ended with status {status}: {why.strip()}")
