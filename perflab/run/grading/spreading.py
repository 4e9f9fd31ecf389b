"""Spreads the judging of submissions over processes; answers come in any order.

A way of spreading is a function from orders, plain JSON, to pairs of an order's place and its answer. This is
the one on this machine.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from perflab.contract import PerflabError
from perflab.machine import portable, process

JUDGE = "from perflab.run.grading.judging import serve; serve()"
Orders: TypeAlias = Sequence[Mapping[str, Any]]
Answer: TypeAlias = "dict[str, Any] | PerflabError"


def here(orders: Orders, workers: int, limit_s: float) -> Iterator[tuple[int, Answer]]:
    """Judge the orders in so many processes, each order in at most `limit_s` seconds.

    An answer is the fields of a grade, or the error of a process that gave none; the next order then gets a
    new process. Where the caller stops, the processes are ended.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[int, Answer]] = queue.SimpleQueue()
    for place in range(len(orders)):
        waiting.put(place)
    judges = [_Judge(limit_s) for _ in range(min(workers, len(orders)))]

    def work(judge: _Judge) -> None:
        with contextlib.suppress(queue.Empty):
            while not judge.closed:
                place = waiting.get_nowait()
                answers.put((place, judge.ask(orders[place])))

    for judge in judges:
        threading.Thread(target=work, args=(judge,), daemon=True).start()
    try:
        for _ in orders:
            yield answers.get()
    finally:
        for judge in judges:
            judge.close()


class _Judge:
    """A process that judges one submission after another: what it compares them with is computed once."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._child: subprocess.Popen[Any] | None = None
        self._other: Any = None
        self.closed = False

    def ask(self, order: Mapping[str, Any]) -> Answer:
        """The answer to an order; an error where the process ends, or gives none within the limit."""
        try:
            child = self._started()
        except OSError as error:
            return PerflabError(f"no process could be started: {error.strerror}")
        with process.within(child, self._limit_s) as late:
            try:
                self._other.send(json.dumps(order).encode())
                answer: dict[str, Any] = json.loads(self._other.receive())
            except (EOFError, OSError, ValueError):
                self._end()
                hung = f"it gave no answer for {self._limit_s:g} s" if late.is_set() else ""
                return PerflabError(hung or portable.death(child.wait()))
        return PerflabError(answer["reason"]) if "reason" in answer else answer

    def close(self) -> None:
        """End the process, also while it judges."""
        self.closed = True
        self._end()

    def _started(self) -> subprocess.Popen[Any]:
        if self._child is None:
            child: Any = process.connect(["-c", JUDGE], 1, stderr=subprocess.DEVNULL)
            self._child, self._other = child, process.Messages(child.stdout, child.stdin)
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            portable.kill_group(child)
            child.wait()
            with contextlib.suppress(ValueError):  # the other thread reads from it
                self._other.close()
