"""Spreads the judging of submissions over the workers of a cluster; answers come in any order."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from perflab.contract import PerflabError
from perflab.run.grading.spreading import Answer, Orders
from perflab.run.workers import serving
from perflab.run.workers.cluster import PATIENCE_S, POLL_S, Cluster, Lost, connected

MOST_LOST = 3  # workers that one submission may lose before it is held to be the reason


def on(address: str) -> Callable[[Orders, int, float], Iterator[tuple[int, Answer]]]:
    """The way of spreading over the workers of a cluster, as many as it has.

    Each judges one order at a time, and at the end the cluster is left. A submission whose worker is lost
    goes to another one; workers that come later are asked too. Raises PerflabError where `connected` does,
    where a worker does not see a file, and where no worker is left for `PATIENCE_S`.
    """

    def spread(orders: Orders, _: int, limit_s: float) -> Iterator[tuple[int, Answer]]:
        if orders:
            with connected(address) as cluster:
                _check_files(cluster, [str(order["path"]) for order in orders])
                yield from _Class(cluster, orders, limit_s).answers()

    return spread


def _check_files(cluster: Cluster, paths: Sequence[str]) -> None:
    for worker, missing in sorted(cluster.call(serving.unseen, paths).items()):
        if isinstance(missing, list) and missing:
            raise PerflabError(
                f"--dask: worker {worker} does not see {missing[0]}; wanted files that all workers share"
            )


class _Class:
    """The orders of a class, and the threads that ask a worker each."""

    def __init__(self, cluster: Cluster, orders: Orders, limit_s: float) -> None:
        self._cluster, self._orders, self._limit_s = cluster, orders, limit_s
        self._waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[int, Answer]] = queue.SimpleQueue()
        self._lost = [0] * len(orders)
        self._asking: dict[str, threading.Thread] = {}
        for place in range(len(orders)):
            self._waiting.put(place)

    def answers(self) -> Iterator[tuple[int, Answer]]:
        """Every order's answer."""
        left, seen_at = len(self._orders), time.monotonic()
        while left:
            workers = self._cluster.workers()
            for worker in workers:
                self._start(worker)
            if workers:
                seen_at = time.monotonic()
            elif time.monotonic() - seen_at > PATIENCE_S:
                raise PerflabError(
                    f"--dask: {self._cluster.address}: no worker is left; what was judged is saved, the same"
                    " command goes on"
                )
            try:
                answer = self._answers.get(timeout=POLL_S)
            except queue.Empty:
                continue
            left -= 1
            yield answer

    def _start(self, worker: str) -> None:
        """Let a thread ask a worker, unless one does or nothing waits."""
        thread = self._asking.get(worker)
        if (thread is None or not thread.is_alive()) and not self._waiting.empty():
            self._asking[worker] = threading.Thread(target=self._ask, args=(worker,), daemon=True)
            self._asking[worker].start()

    def _ask(self, worker: str) -> None:
        """Ask one worker for one answer after another, until nothing waits or it is lost."""
        while not self._cluster.closing.is_set():
            try:
                place = self._waiting.get_nowait()
            except queue.Empty:
                return
            try:
                fields = self._cluster.ask(worker, serving.judge, self._orders[place], self._limit_s)
            except PerflabError as error:
                self._lost[place] += 1
                if self._lost[place] < MOST_LOST:
                    self._waiting.put(place)
                else:
                    self._answers.put((place, error))
                if isinstance(error, Lost):
                    return
            else:
                self._answers.put((place, PerflabError(fields["reason"]) if "reason" in fields else fields))
