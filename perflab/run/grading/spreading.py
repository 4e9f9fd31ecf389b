"""Spreads the judging of submissions over processes; answers come in any order.

A way of spreading is a function from orders, plain JSON, to pairs of an order's place and its answer. This is
the one on this machine.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from perflab.contract import PerflabError
from perflab.machine import portable, process

JUDGE = "perflab.run.grading.judging:judge"


def here(
    orders: Sequence[Mapping[str, Any]], workers: int, limit_s: float
) -> Iterator[tuple[int, dict[str, Any] | PerflabError]]:
    """Judge each order in a process of its own, so many at a time, each in at most `limit_s` seconds.

    An answer is the fields of a grade, or the error of a process that gave none. Where the caller stops, the
    processes are ended.
    """
    children: dict[int, subprocess.Popen[Any]] = {}
    stopped = False

    def ask(place: int) -> dict[str, Any] | PerflabError:
        if stopped:
            return PerflabError("not asked")
        try:
            children[place] = child = process.begin(JUDGE, orders[place], limit_s, **portable.own_group())
            with child:
                try:
                    answer: dict[str, Any] = process.finish(child, limit_s)
                    return answer
                finally:
                    portable.kill_group(child)
        except PerflabError as error:
            return error

    with ThreadPoolExecutor(workers) as pool:
        pending: dict[Future[Any], int] = {pool.submit(ask, place): place for place in range(len(orders))}
        try:
            while pending:
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield pending.pop(future), future.result()
        finally:
            stopped = True
            for future in pending:
                future.cancel()
            for child in [*children.values()]:
                if child.returncode is None:
                    portable.kill_group(child)
