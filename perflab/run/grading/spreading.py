"""Spreads the judging of submissions over processes; answers come in any order.

A way of spreading is a function from orders, plain JSON, to pairs of an order's place and its answer. This is
the one on this machine; `run/workers/judges.py` has that of a cluster. What a judge compares submissions with
is computed once, at the first order of its process.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from perflab.contract import PerflabError
from perflab.machine.answerer import Answerer

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
    judges = [Answerer(JUDGE) for _ in range(min(workers, len(orders)))]

    def work(judge: Answerer) -> None:
        with contextlib.suppress(queue.Empty):
            while not judge.closed:
                place = waiting.get_nowait()
                try:
                    answers.put((place, judge.ask(orders[place], limit_s)))
                except PerflabError as error:
                    answers.put((place, error))

    for judge in judges:
        threading.Thread(target=work, args=(judge,), daemon=True).start()
    try:
        for _ in orders:
            yield answers.get()
    finally:
        for judge in judges:
            judge.close()
