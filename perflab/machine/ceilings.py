"""What this machine can do at most: its arithmetic, and its memory traffic by the size of the arrays.

Arithmetic is measured by independent multiply-adds of full vectors and by one large matrix product, traffic
by loops that read, combine and copy arrays; each on a number of threads, in a fresh process whose pools are
pinned like a measuring process's. They are plain JSON with the fields of `perflab.records.roof.Ceilings`,
which that module applies to a cell. `MEANING` explains each kind of traffic; "bytes" is the size of all
arrays of all threads. Small sizes lack the last three kinds; very large sizes lack "fresh".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil, log
from statistics import median
from threading import Barrier
from typing import Any

import numpy as np

from perflab.contract import DTYPES, Array, PerflabError
from perflab.machine import numba_cache, process
from perflab.machine.description import environment
from perflab.machine.saved import load_saved, save
from perflab.machine.system import memory_available
from perflab.records.roof import Ceilings, roof
from perflab.records.typed import read
from perflab.units import in_bytes

MEANING: Mapping[str, str] = {
    "read": "the sum of an array",
    "triad": "a = b + s·c: two arrays read, one written",
    "streamed": "the triad with a written past the caches, so that nothing is fetched for it",
    "copy": "a = b in a compiled loop",
    "triad_allocate": "the triad, with a's lines counted once more: a store fetches what it overwrites",
    "library_copy": "a = b by NumPy, which the C library copies",
    "fresh": "a new array by numpy.empty, written once: page faults and all",
}
LARGEST_BYTES, LARGEST_QUICK_BYTES = 384 << 20, 192 << 20
CALL_MATTERS_BYTES = 1 << 20  # a thread; below it, the calls take a large part of the time
FRESH_BYTES = 256 << 20  # above it, page faults would take longer than all other kinds together
WIDEST_GAP = 12.0  # between two sizes
CACHES = {"L1": 32 << 10, "L2": 512 << 10, "L3": 8 << 20}  # where the system does not report them
ROUND_S = 0.0015
PAGE = 1024  # numbers of four bytes
TIMEOUT_S = 120
SAVED_FOR_S = 7 * 24 * 3600


def measure(threads: Sequence[int], quick: bool = False) -> dict[str, Any]:
    """Measure the ceilings for these numbers of threads, in some seconds, `quick` in half as many.

    Raises PerflabError where that fails.
    """
    numba_cache.prepare()
    caches = environment()["caches"] or CACHES
    most = int(min(LARGEST_QUICK_BYTES if quick else LARGEST_BYTES, memory_available() / 4))
    measured = []
    for count in dict.fromkeys(threads):
        arguments = {"threads": count, "quick": quick, "sizes": sizes(caches, count, most)}
        try:
            measured.append(process.call("perflab.machine.ceilings:_here", arguments, TIMEOUT_S, count))
        except PerflabError as error:
            raise PerflabError(f"the ceilings on {count} threads could not be measured: {error}") from error
    return _whole(measured, caches)


def sizes(caches: Mapping[str, int], threads: int, most: int) -> list[int]:
    """The sizes to measure, of all arrays and threads together: in each cache, between, and in memory.

    A first and second level is each core's own. The largest is three arrays of four times the last cache,
    or `most` where that is less.
    """
    private = [threads * caches[level] for level in ("L1", "L2") if level in caches]
    last = max(caches.values())
    largest = min(12 * last, most)
    marks = {size for cache in private for size in (cache // 2, 2 * cache)} | {last // 2, 2 * last}
    first, *others = [*sorted(mark for mark in marks if mark <= largest / 1.5), largest]
    chosen = [first]
    for mark in others:
        start = chosen[-1]
        steps = ceil(log(mark / start) / log(WIDEST_GAP))
        chosen += [round(start * (mark / start) ** (step / steps)) for step in range(1, steps + 1)]
    return chosen


def _whole(measured: Sequence[dict[str, Any]], caches: Mapping[str, int]) -> dict[str, Any]:
    """The ceilings of several numbers of threads together, with notes on their limits."""
    last, largest = max(caches.values()), min(row["largest_bytes"] for row in measured)
    note = (
        f"the largest arrays, {in_bytes(largest / 3)} each, are smaller than four times the last"
        f" cache ({in_bytes(last)}): memory itself may be slower than the last line says"
    )
    return {
        "when": max(row["when"] for row in measured),
        "took_s": sum(row["took_s"] for row in measured),
        "caches": dict(caches),
        "notes": [note] if largest // 3 < 4 * last else [],
        "measured": sorted(measured, key=lambda row: row["threads"]),
    }


def keep(ceilings: Mapping[str, Any]) -> None:
    """Save the ceilings for later runs on this machine; nothing is saved where the home is read-only."""
    save("ceilings", ceilings)


def saved() -> dict[str, Any] | None:
    """The ceilings that were measured on this machine in the last week; None where there are none."""
    ceilings = load_saved("ceilings") or {}
    try:
        typed = read(Ceilings, ceilings)
        recent = [row for row in ceilings["measured"] if time.time() - row["when"] < SAVED_FOR_S]
    except (KeyError, PerflabError):  # nothing is saved, or not by `keep`
        return None
    whole = all(roof(typed, 1.0, 1.0, DTYPES[0], row.threads) for row in typed.measured)
    return ceilings | {"measured": recent} if recent and whole else None


def for_run(threads: Sequence[int], measure_missing: bool = True) -> dict[str, Any] | None:
    """The ceilings for a run's records: the saved ones, completed by a quick measurement.

    None where there are none, and none are to be measured or can be: a run goes on without them.
    """
    ceilings = saved()
    known = ceilings["measured"] if ceilings else []
    missing = [count for count in threads if count not in [row["threads"] for row in known]]
    if not missing or not measure_missing:
        return ceilings
    try:
        new = measure(missing, quick=True)
    except PerflabError:
        return ceilings
    whole = _whole([*known, *new["measured"]], new["caches"])
    keep(whole)
    return whole


class _Team:
    """Threads that begin together, their kernels, and the time for each figure."""

    def __init__(self, threads: int, quick: bool) -> None:
        from perflab.ops import _peak  # it loads Numba

        self.threads = threads
        self.kernels: Any = _peak
        self._budget_s = 0.01 if quick else 0.025
        self._pool = ThreadPoolExecutor(threads)
        self._start = Barrier(threads)

    def seconds(self, calls: Sequence[Callable[[], object]]) -> float:
        """The seconds from the first call's start to the last one's end."""

        def span(call: Callable[[], object]) -> tuple[float, float]:
            self._start.wait()
            began = time.perf_counter()
            call()
            return began, time.perf_counter()

        starts, ends = zip(*self._pool.map(span, calls), strict=True)
        return float(max(ends) - min(starts))

    def rate(self, once: Callable[[int, int], object], work: float) -> dict[str, float]:
        """The rate of `work` in 10⁹ a second; a pass does `work`, `once(thread, passes)` makes the passes."""

        def pass_s(passes: int) -> float:
            calls = [partial(once, thread, passes) for thread in range(self.threads)]
            return self.seconds(calls) / passes

        pass_s(1)  # it may compile
        passes = 1
        while (took := min(pass_s(passes), pass_s(passes)) * passes) < ROUND_S:
            passes *= 2 if took > ROUND_S / 16 else 8
        return _figure(lambda: pass_s(passes), work, self._budget_s / passes)

    def chains(self, dtype: str) -> dict[str, float]:
        """The rate of multiply-adds in independent chains of full vectors."""
        numbers = self.kernels.CHAINS * self.kernels.lanes(dtype)
        half = np.full(1, 0.5, dtype)
        outs = [np.zeros(numbers, dtype) for _ in range(self.threads)]
        passes = 10_000  # one is too short to time
        work = 2.0 * numbers * passes * self.threads
        return self.rate(lambda t, again: self.kernels.chains(half, outs[t], again * passes), work)

    def traffic(self, memory: Array, size: int) -> Iterator[tuple[str, dict[str, float]]]:
        """Every kind of traffic through arrays of `size` bytes in all, each thread through its share."""

        def rate(count: int, call: Callable[..., object], *more: object) -> dict[str, float]:
            """`call` on `count` arrays a thread; the figure counts the bytes of all arrays once."""
            length = max(1, size // (4 * count * self.threads * self.kernels.STEP)) * self.kernels.STEP
            apart = length + PAGE - length % PAGE + PAGE // 3 // 16 * 16  # never at the same offset in a page
            starts = [[(t * count + i) * apart for i in range(count)] for t in range(self.threads)]
            arrays = [[memory[start : start + length] for start in own] for own in starts]
            work = 4.0 * length * count * self.threads
            return self.rate(lambda t, again: call(*arrays[t], *more, again), work)

        scale = np.float32(0.5)
        yield "read", rate(1, self.kernels.read)
        yield "triad", (triad := rate(3, self.kernels.triad, scale))
        yield "streamed", rate(3, self.kernels.streamed, scale)
        yield "copy", rate(2, self.kernels.copy)
        if size < CALL_MATTERS_BYTES * self.threads:
            return
        yield "triad_allocate", {name: value * 4 / 3 for name, value in triad.items()}

        def library_copy(a: Array, b: Array, again: int) -> None:
            for _ in range(again):
                np.copyto(a, b)

        yield "library_copy", rate(2, library_copy)
        if size <= FRESH_BYTES:
            yield "fresh", self._fresh(size)

    def _fresh(self, size: int) -> dict[str, float]:
        """New arrays, each written once by all threads; the previous array is freed in the same time."""
        share = size // (4 * self.threads * self.kernels.STEP) * self.kernels.STEP
        out = None

        def timed() -> float:
            nonlocal out
            began = time.perf_counter()
            out = np.empty(share * self.threads, np.float32)
            allocate_s = time.perf_counter() - began
            parts = out.reshape(self.threads, share)
            return allocate_s + self.seconds([partial(self.kernels.fill, part) for part in parts])

        self.kernels.fill(np.empty(self.kernels.STEP, np.float32))  # it may compile
        return _figure(timed, 4.0 * share * self.threads, self._budget_s)


def _figure(timed: Callable[[], float], work: float, budget_s: float) -> dict[str, float]:
    """The best and the median of several rounds: at least three, for as long as the budget lasts."""
    rounds: list[float] = []
    while len(rounds) < 3 or (sum(rounds) < budget_s and len(rounds) < 50):
        rounds.append(timed())
    return {"best": work / min(rounds) / 1e9, "median": work / median(rounds) / 1e9}


def _here(threads: int, quick: bool, sizes: Sequence[int]) -> dict[str, Any]:
    """Measure in this process, whose pools have so many threads."""
    from perflab.ops import _simd

    numba_cache.seal()
    began, team = time.perf_counter(), _Team(threads, quick)
    memory = np.empty(max(sizes) // 4 + (6 * threads + 1) * PAGE, np.float32)
    memory = memory[-memory.ctypes.data % (4 * PAGE) // 4 :]
    memory[:] = 0
    return {
        "threads": threads,
        "quick": quick,
        "arithmetic": [
            {"dtype": dtype, "chains": team.chains(dtype), **_product(dtype, quick)} for dtype in DTYPES
        ],
        "bandwidth": [{"bytes": size, **dict(team.traffic(memory, size))} for size in sizes],
        "largest_bytes": max(sizes),
        "vector_bytes": _simd.BYTES,
        "when": time.time(),
        "took_s": time.perf_counter() - began,
    }


def _product(dtype: str, quick: bool) -> dict[str, Any]:
    """One matrix product by NumPy, as large as fits into some tenths of a second."""

    def timed(size: int) -> Callable[[], float]:
        a, b, out = (np.full((size, size), value, dtype) for value in (0.5, 0.25, 0.0))

        def once() -> float:
            began = time.perf_counter()
            np.matmul(a, b, out)
            return time.perf_counter() - began

        return once

    largest = 1024 if quick else 2048 if dtype == "float32" else 1536
    small = timed(512)
    small()
    seconds = small()
    size = next((n for n in (largest, 1024) if seconds * (n / 512) ** 3 < 0.4), 512)
    product = _figure(timed(size), 2.0 * size**3, 0.1 if quick else 0.3)
    return {"product": product, "product_size": size}
