"""Drives a plan: one fresh process after another runs the suite in `bench/` and appends to the records."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from perflab import plan as plans
from perflab import records
from perflab.contract import NoSpaceLeft, PerflabError, Plan
from perflab.grid import prepare_numba_cache
from perflab.machine import pinned
from perflab.plugin import EVENTS, EXIT_BROKEN, EXIT_NO_SPACE, PARENT

PACKAGE = Path(__file__).parent
GOOD_EXITS = (0, 1, 5)  # all passed, a finding, nothing to do
GRACE_S = 10.0
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
    with every event. Raises KeyboardInterrupt after the measuring process has ended, NoSpaceLeft and
    PerflabError with one line; what was measured before is kept in each case.
    """
    prepare_numba_cache()  # once for all measuring processes
    for threads in plan.threads:
        for process in range(plan.processes):
            while _pending(folder, plan, threads, process):
                began = time.time()
                status, last, tail = _spawn(folder, threads, process, lock, tell)
                writer = records.Writer(folder)
                died = -status in FATAL
                if died and last:
                    name = signal.Signals(-status).name
                    writer.append("failure", **last, process=process, reason=f"its process died: {name}")
                    tell({"event": "failure", **last, "reason": f"its process died: {name}"})
                writer.append("process", process=process, threads=threads, wall_s=time.time() - began,
                              started=began)  # fmt: skip
                writer.close()
                if not died:
                    _raise_for(status, folder, tail)
                    break
                if not last:
                    raise PerflabError(f"the measuring process died before its first block: signal {-status}")


def outstanding(folder: Path, plan: Plan) -> int:
    """How many blocks are still to be measured."""
    return sum(
        _pending(folder, plan, threads, process)
        for threads in plan.threads
        for process in range(plan.processes)
    )


def _pending(folder: Path, plan: Plan, threads: int, process: int) -> int:
    """Blocks of one process that neither a record, nor a prediction, nor a failure stands for."""
    run = records.read(folder)
    done = run.done()
    out: set[tuple[Any, ...]] = set()
    for record in run.records:
        if record["kind"] == "prediction":
            out.add(
                (record["operation"], record["case"], record["dtype"], record["threads"], record["technique"])
            )
        elif record["kind"] == "failure" and record["technique"]:
            out.add((record["operation"], record["dtype"], record["threads"], record["technique"]))
    return sum(
        block not in done
        and (block.cell.operation, block.cell.dtype, threads, block.cell.technique) not in out
        and (block.cell.operation, block.cell.case, block.cell.dtype, threads, block.cell.technique)
        not in out
        for block in plans.blocks(plan, threads, process)
    )


def _spawn(
    folder: Path, threads: int, process: int, lock: int, tell: Tell
) -> tuple[int, dict[str, Any], str]:
    """One measuring process: its exit status, the contender it had last begun, the end of what it printed."""
    home = suite()
    reading, writing = os.pipe()
    environment = {k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"} | pinned(threads)
    environment |= {EVENTS: str(writing), PARENT: str(os.getpid()), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    if home.parent == PACKAGE.parent:  # a checkout, perhaps not installed
        held = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = str(home.parent) + (os.pathsep + held if held else "")
    command = [
        sys.executable, "-P", "-m", "pytest", str(home / "test_grid.py"), "-c", os.devnull,
        f"--rootdir={home}", "-q", "-p", "pytest_benchmark.plugin", "-p", "no:cacheprovider",
        f"--benchmark-storage=file://{folder.resolve()}", "--benchmark-disable-gc", "--benchmark-quiet",
        "--tb=short", "--no-header",
        f"--perflab-run={folder.resolve()}", f"--perflab-process={process}", f"--perflab-threads={threads}",
    ]  # fmt: skip
    child = subprocess.Popen(
        command, env=environment, pass_fds=(writing, lock), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    )  # fmt: skip
    os.close(writing)
    printed: deque[str] = deque(maxlen=60)
    reader = threading.Thread(target=lambda: printed.extend(child.stdout or ()), daemon=True)
    reader.start()
    last: dict[str, Any] = {}
    try:
        with os.fdopen(reading, encoding="utf-8") as events:
            for line in events:
                event = json.loads(line)
                if event["event"] == "start":
                    last = {
                        k: event[k]
                        for k in ("operation", "case", "dtype", "threads", "technique", "direction")
                    }
                tell(event)
        child.wait()
    except BaseException:
        _stop(child)
        raise
    reader.join(timeout=5)
    return child.returncode, last, "".join(printed)


def _stop(child: subprocess.Popen[str]) -> None:
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
