"""Calls in turns: each turn times all of them, in another order, so that drift reaches them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping

from perflab.statistics import CONFIDENCE, Ratio, median_interval, paired_ratio

TURNS, FEWEST_TURNS = 21, 13
BLOCK_S, BLOCKS = 6e-4, 3  # of a turn the shortest of some blocks counts: a disturbed one is longer
BUDGET_S = 8.0  # for all turns of one function
FINE_S = 1e-6  # the resolution of a clock that can time a block
Call = Callable[[], object]
Clock = Callable[[], float]


def clock_of(threads: int) -> Clock:
    """The processor's time of this process, where one thread computes: what others take does not count.

    Wall time where several compute, since they wait for each other, and where that clock is too coarse.
    """
    fine = time.get_clock_info("process_time").resolution <= FINE_S
    return time.process_time if threads == 1 and fine else time.perf_counter


def turns_of(calls: Mapping[str, Call], clock: Clock, budget_s: float = BUDGET_S) -> dict[str, list[float]]:
    """Seconds of one call by this clock, by name and turn. Everything was called before."""
    counts, whole = {}, 0.0
    for name, call in calls.items():
        once = min(_timed(call, 1, clock) for _ in range(2))
        counts[name] = max(1, round(BLOCK_S / once)) if once else 1
        whole += (BLOCKS + 1) * counts[name] * once
    turns = int(max(FEWEST_TURNS, min(TURNS, budget_s / max(whole, 1e-9))))
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    names = [*calls]
    collecting = gc.isenabled()
    gc.disable()
    try:
        for turn in range(turns):
            at = turn % len(names)
            for name in [*names[at:], *names[:at]]:
                call, count = calls[name], counts[name]
                _timed(call, count, clock)  # its data and code are in the caches again
                seconds[name].append(min(_timed(call, count, clock) for _ in range(BLOCKS)))
    finally:
        if collecting:
            gc.enable()
    return seconds


def _timed(call: Call, count: int, clock: Clock) -> float:
    began = clock()
    for _ in range(count):
        call()
    return max(clock() - began, 1e-9) / count


def compared(original: list[float], changed: list[float], tests: int) -> Ratio:
    """How many times faster the changed one is, with an interval that holds for so many tests at once.

    Each of them has 95 % divided among all (Bonferroni; Miller, *Simultaneous Statistical Inference*, §1.1).
    """
    ratio = paired_ratio(original, changed)
    each = 1 - (1 - CONFIDENCE) / max(tests, 1)
    interval = median_interval([a / b for a, b in zip(original, changed, strict=True)], each)
    low, high = interval or (None, None)
    return Ratio(ratio.value, low, high, ratio.pairs)
