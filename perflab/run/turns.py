"""Measuring processes: start, turns, events, stop."""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from perflab.contract import PerflabError
from perflab.machine import portable
from perflab.machine.process import connect
from perflab.machine.threads import cpu_seconds
from perflab.records import Plan
from perflab.run.contest import END, GO

PACKAGE = Path(__file__).parents[1]
GOOD_EXITS = (0, 1, 5)  # all passed, a finding, nothing to do
GRACE_S = 10.0
MARGIN_S = 10.0  # a contestant's own process is ended before
SETTLE_S = 0.5
MEASURE = "import sys; from perflab.run.suite import measure; sys.exit(measure(sys.argv[1:]))"
Tell = Callable[[Mapping[str, Any]], None]
Events: TypeAlias = "queue.SimpleQueue[tuple[Child, str]]"  # an empty line ends a child's


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
    printed: deque[str] = field(default_factory=lambda: deque(maxlen=60))
    readers: list[threading.Thread] = field(default_factory=list)
    place: int | None = None
    last: dict[str, Any] = field(default_factory=dict)
    last_event_at: float = field(default_factory=time.monotonic)
    hung: str = ""
    finished: bool = False

    def grant(self, word: str = GO) -> None:
        """Let it measure the block that it waits for, or let it end."""
        self.place = None
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it has just ended
            self.process.stdin.write(word)
            self.process.stdin.flush()

    @property
    def died(self) -> bool:
        """Whether it ended by itself before it had measured everything."""
        status = self.process.returncode
        return portable.crashed(status) or (status in GOOD_EXITS and not self.finished)

    @property
    def cause(self) -> str:
        """How the process died."""
        if self.hung:
            return self.hung
        return portable.death(self.process.returncode)

    def read(self, events: Events) -> None:
        """Put each line of its events into a queue, and an empty one at their end; keep what it prints."""

        def pass_on() -> None:
            for line in self.process.stdout or ():
                events.put((self, line))
            events.put((self, ""))

        def keep() -> None:
            self.printed.extend(self.process.stderr or ())

        self.readers = [threading.Thread(target=target, daemon=True) for target in (pass_on, keep)]
        for reader in self.readers:
            reader.start()

    def close(self) -> None:
        """Close its streams, except one that a process which it started may still write to."""
        with contextlib.suppress(OSError):
            if self.process.stdin:
                self.process.stdin.close()
        for reader, stream in zip(self.readers, (self.process.stdout, self.process.stderr), strict=True):
            reader.join(timeout=1)
            if stream and not reader.is_alive():
                stream.close()


def measure_in_turn(
    folder: Path, plan: Plan, threads: int, process: int, homes: Sequence[str], tell: Tell,
    until: float = math.inf,
) -> list[Child]:  # fmt: skip
    """Start one process per home; they take turns block by block in the plan's order.

    None gets a turn after `until`, a time of the monotonic clock.
    """
    children: list[Child] = []
    events: Events = queue.SimpleQueue()
    try:
        for home in homes:
            children.append(_spawn(folder, threads, process, home))
            children[-1].read(events)
        _take_turns(children, events, plan, threads, tell, until)
        for child in children:
            child.process.wait()
    except BaseException:
        for child in children:
            stop(child.process)
        raise
    finally:
        for child in children:
            child.close()
    return children


def _take_turns(
    children: Sequence[Child], events: Events, plan: Plan, threads: int, tell: Tell, until: float
) -> None:
    """Read events until every child has ended; when all wait, the one with the earliest block measures."""
    running = list(children)
    latest: Child | None = None
    while running:
        with contextlib.suppress(queue.Empty):
            child, line = events.get(timeout=1.0)
            if line:
                _read_event(child, line, tell)
            else:
                running.remove(child)
        for child in running:
            _stop_if_hung(child, plan)
        if running and all(child.place is not None for child in running):
            turn = min(running, key=lambda child: child.place or 0)
            if time.monotonic() > until:
                turn.grant(END)
                continue
            if threads > 1 and latest not in (None, turn):
                _settle(latest.process.pid)
            latest = turn
            turn.grant()


def _stop_if_hung(child: Child, plan: Plan) -> None:
    """Kill a process whose outside contender is silent for much longer than a cell may take."""
    limit_s = plan.patience_s + MARGIN_S
    silent_s = time.monotonic() - child.last_event_at
    name = f"{child.last.get('operation')}/{child.last.get('technique')}"
    if name in plan.outside and child.place is None and silent_s > limit_s and not child.hung:
        child.hung = f"it gave no answer for {limit_s:.0f} s"
        child.process.kill()


def _read_event(child: Child, line: str, tell: Tell) -> None:
    child.last_event_at = time.monotonic()
    event = json.loads(line)
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


def _spawn(folder: Path, threads: int, process: int, home: str) -> Child:
    bench = suite()
    variables = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    words = [
        "-c", MEASURE, str(bench / "test_grid.py"), "-c", os.devnull, f"--rootdir={bench}", "-q",
        "-p", "pytest_benchmark.plugin", "-p", "no:cacheprovider", "--tb=short", "--no-header",
        f"--benchmark-storage=file://{folder.resolve()}", "--benchmark-disable-gc", "--benchmark-quiet",
        f"--perflab-run={folder.resolve()}", f"--perflab-process={process}", f"--perflab-threads={threads}",
        f"--perflab-home={home}",
    ]  # fmt: skip
    return Child(connect(words, threads, variables, text=True, errors="replace"))


def stop(child: subprocess.Popen[Any]) -> None:
    """End a measuring process: interrupt it, so that its last record is whole; after `GRACE_S`, kill it."""
    portable.interrupt(child)
    try:
        child.wait(timeout=GRACE_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()
        child.wait()
