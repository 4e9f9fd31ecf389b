"""What a Dask worker runs: a process of its own answers an order, and ends when nobody waits for the answer.

The worker itself measures and judges nothing: it loads neither NumPy nor code from outside.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from perflab.contract import PerflabError
from perflab.machine import scratch, threads
from perflab.machine.answerer import Answerer
from perflab.run.grading.spreading import JUDGE

MEASURE = "from perflab.run.workers.measuring import serve; serve()"
WATCH_S = 0.5
IDLE_S = 60.0  # after so many seconds without an order a judge's process is ended
WANTED = ("executing", "long-running")  # a task of which somebody still wants the result
RUNNING = ("running", "paused")  # a worker that still has its scheduler

_waiting: dict[Answerer, threading.Timer] = {}  # judges without an order, and what will end them


def unseen(paths: Sequence[str]) -> list[str]:
    """Which of these files and folders this machine does not have."""
    return [path for path in paths if not Path(path).exists()]


def judge(order: Mapping[str, Any], limit_s: float) -> dict[str, Any]:
    """The fields of a grade, or the "reason" of a process that gave none within so many seconds."""
    answerer = Answerer(JUDGE)
    with contextlib.suppress(KeyError):  # none waits
        answerer, idle = _waiting.popitem()
        idle.cancel()
    with scratch.folder("grade") as folder:
        answer = _answer(answerer, {**order, "scratch": str(folder / "code")}, limit_s)
    if not answerer.closed:
        idle = _waiting[answerer] = threading.Timer(IDLE_S, _end_idle, [answerer])
        idle.daemon = True
        idle.start()
    return answer


def measure(order: Mapping[str, Any], topic: str) -> dict[str, Any]:
    """Measure a run, as `measuring.serve` does; its parts become events of a topic.

    An answer without "reason" says that the run is whole.
    """
    from distributed import get_worker

    worker = get_worker()
    with scratch.folder("run") as folder:
        asked = {**order, "folder": str(folder / "run"), "variables": _variables()}
        answerer = Answerer(MEASURE)
        try:
            return _answer(answerer, asked, math.inf, lambda part: worker.log_event(topic, part))
        finally:
            answerer.close()


def _variables() -> dict[str, str | None]:
    """The variables of the environment for a measurement, as the host's user has them; None for not at all.

    Dask's nanny sets some for its workers, among them MALLOC_TRIM_THRESHOLD_, the allocator's.
    """
    import dask

    of_nanny = dask.config.get("distributed.nanny.pre-spawn-environ", {})
    ours = *threads.POOLS, *threads.SLEEPY, *threads.ALLOCATOR
    set_here = {name: os.environ.get(name) for name in (*ours, *of_nanny)}
    return {k: None if k in of_nanny and v == str(of_nanny[k]) else v for k, v in set_here.items()}


def _answer(
    answerer: Answerer, order: Mapping[str, Any], limit_s: float, tell: Callable[[Any], None] | None = None
) -> dict[str, Any]:
    try:
        with _ended_when_unwanted(answerer):
            return answerer.ask(order, limit_s, tell)
    except PerflabError as error:
        return {"reason": str(error)}


@contextlib.contextmanager
def _ended_when_unwanted(answerer: Answerer) -> Iterator[None]:
    """End the process when the task is cancelled, its client has gone, or the worker loses its scheduler.

    Dask leaves the thread of such a task running.
    """
    from distributed import get_worker

    worker = get_worker()
    key, done = worker.get_current_task(), threading.Event()

    def watch() -> None:
        while not done.wait(WATCH_S):
            task = worker.state.tasks.get(key)
            if worker.status.name not in RUNNING or task is None or task.state not in WANTED:
                answerer.close()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _end_idle(answerer: Answerer) -> None:
    if _waiting.pop(answerer, None) is not None:
        answerer.close()
