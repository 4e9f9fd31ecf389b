"""Measuring processes: start, turns, events, stop."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perflab.contract import PerflabError
from perflab.machine.process import spawn
from perflab.machine.threads import cpu_seconds
from perflab.records import Plan
from perflab.run.contest import EVENTS, PARENT, TURNS

PACKAGE = Path(__file__).parents[1]
GOOD_EXITS = (0, 1, 5)  # all passed, a finding, nothing to do
GRACE_S = 10.0
HANG_S, HANG_BUDGETS = 10.0, 5.0
SETTLE_S = 0.5
FATAL = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGKILL)
Tell = Callable[[Mapping[str, Any]], None]


def suite() -> Path:
    """The benchmark suite: `bench/` beside the package in a checkout, inside the package in a wheel."""
    for folder in (PACKAGE / "_bench", PACKAGE.parent / "bench"):
        if (folder / "test_grid.py").is_file():
            return folder
    raise PerflabError(f"{PACKAGE}: the benchmark suite is missing from this installation")


@dataclass
class Child:
    """One measuring process: its events, its last output, and the place in the plan that it waits for."""

    process: subprocess.Popen[str]
    events: int
    turns: int
    printed: deque[str]
    reader: threading.Thread
    partial_line: bytes = b""
    place: int | None = None
    last: dict[str, Any] = field(default_factory=dict)
    last_event_at: float = field(default_factory=time.monotonic)
    hung: str = ""
    finished: bool = False

    @property
    def died(self) -> bool:
        """Whether it ended by itself before it had measured everything."""
        status = self.process.returncode
        return -status in FATAL or (status in GOOD_EXITS and not self.finished)

    @property
    def cause(self) -> str:
        """How the process died."""
        if self.hung:
            return self.hung
        status = self.process.returncode
        if status >= 0:
            return f"it ended its process with exit status {status}"
        return f"its process died: {signal.Signals(-status).name}"


def measure_in_turn(
    folder: Path, plan: Plan, threads: int, process: int, homes: Sequence[str], lock: int, tell: Tell
) -> list[Child]:
    """Start one process per home; they take turns block by block in the plan's order."""
    children: list[Child] = []
    try:
        for home in homes:
            children.append(_spawn(folder, threads, process, home, lock, alone=len(homes) == 1))
        _take_turns(children, plan, threads, tell)
        for child in children:
            child.process.wait()
            child.reader.join(timeout=5)
    except BaseException:
        for child in children:
            stop(child.process)
        raise
    finally:
        for child in children:
            os.close(child.events)
            os.close(child.turns)
            child.reader.join(timeout=1)
            if child.process.stdout and not child.reader.is_alive():
                child.process.stdout.close()
    return children


def _take_turns(children: Sequence[Child], plan: Plan, threads: int, tell: Tell) -> None:
    """Read events until every child has ended; when all wait, the one with the earliest block measures."""
    running = list(children)
    latest: Child | None = None
    with selectors.DefaultSelector() as listening:
        for child in children:
            listening.register(child.events, selectors.EVENT_READ, child)
        while running:
            for key, _ in listening.select(timeout=1.0):
                child = key.data
                received = os.read(child.events, 65536)
                if not received:
                    listening.unregister(child.events)
                    running.remove(child)
                _read_events(child, received, tell)
            for child in running:
                _stop_if_hung(child, plan)
            if running and all(child.place is not None for child in running):
                turn = min(running, key=lambda child: child.place or 0)
                if threads > 1 and latest not in (None, turn):
                    _settle(latest.process.pid)
                latest, turn.place = turn, None
                os.write(turn.turns, b".")


def _stop_if_hung(child: Child, plan: Plan) -> None:
    """Kill a process whose outside contender is silent for much longer than a cell may take."""
    limit_s = HANG_S + HANG_BUDGETS * plan.budget_s
    silent_s = time.monotonic() - child.last_event_at
    name = f"{child.last.get('operation')}/{child.last.get('technique')}"
    if name in plan.outside and child.place is None and silent_s > limit_s and not child.hung:
        child.hung = f"it gave no answer for {limit_s:.0f} s"
        child.process.kill()


def _read_events(child: Child, received: bytes, tell: Tell) -> None:
    child.last_event_at = time.monotonic()
    *lines, child.partial_line = (child.partial_line + received).split(b"\n")
    for event in map(json.loads, lines):
        if event["event"] == "finished":
            child.finished = True
        elif event["event"] == "ready":
            child.place = event["place"]
        else:
            if event["event"] == "start":
                names = ("operation", "case", "dtype", "threads", "technique", "direction")
                child.last = {name: event[name] for name in names}
            tell(event)


def _settle(pid: int) -> None:
    """Wait until a process's thread pools are idle: its CPU time stops growing."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        before = cpu_seconds(pid)
        time.sleep(0.02)
        if cpu_seconds(pid) == before:
            return


def _spawn(folder: Path, threads: int, process: int, home: str, lock: int, *, alone: bool) -> Child:
    bench = suite()
    reading, writing = os.pipe()
    taking, granting = os.pipe()
    variables = {EVENTS: str(writing), PARENT: str(os.getpid()), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    variables |= {} if alone else {TURNS: str(taking)}
    words = [
        "-m", "pytest", str(bench / "test_grid.py"), "-c", os.devnull, f"--rootdir={bench}", "-q",
        "-p", "pytest_benchmark.plugin", "-p", "no:cacheprovider", "--tb=short", "--no-header",
        f"--benchmark-storage=file://{folder.resolve()}", "--benchmark-disable-gc", "--benchmark-quiet",
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
    return Child(child, reading, granting, printed, reader)


def stop(child: subprocess.Popen[Any]) -> None:
    """End a measuring process: interrupt it, so that its last record is whole; after `GRACE_S`, kill it."""
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGINT)
    try:
        child.wait(timeout=GRACE_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()
        child.wait()
