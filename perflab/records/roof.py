"""What a machine can do at most, as it is saved, and the roof that this is over a cell.

A cell's roof is the larger of two times: its operations at the best arithmetic, its compulsory bytes at the
best traffic of arrays of that size. No implementation that does this arithmetic and moves these bytes can be
faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import log
from typing import Annotated, ClassVar, Literal

from perflab.records.typed import Date, Name, Seconds, Whole, at_least, between

# Each counts the bytes that an operation must move too: inputs once, outputs once. The best of them at a size
# is the bandwidth there; a fetch that a store causes is no traffic that an operation must have.
COUNTED = ("read", "triad", "streamed", "copy", "library_copy")
Giga = Annotated[float, between(1e-6, 1e12, "a rate in units of 10⁹ a second")]


@dataclass(frozen=True, slots=True)
class Rate:
    """GFLOP/s or GB/s: the best and the median of several rounds."""

    best: Giga
    median: Giga | None = None


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The arithmetic of one dtype: chains of multiply-adds, and a matrix product."""

    dtype: Name
    chains: Rate
    product: Rate
    product_size: Whole = 0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What memory delivers for arrays of so many bytes in all; kinds as `machine.ceilings` names them."""

    bytes: Annotated[int, at_least(1, "a whole number")]
    read: Rate
    triad: Rate | None = None
    streamed: Rate | None = None
    copy: Rate | None = None
    triad_allocate: Rate | None = None
    library_copy: Rate | None = None
    fresh: Rate | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on one number of threads."""

    threads: Whole
    arithmetic: tuple[Arithmetic, ...] = ()
    bandwidth: tuple[Traffic, ...] = ()
    quick: bool = False
    largest_bytes: Whole = 0
    vector_bytes: Whole = 0
    when: Date = 0.0
    took_s: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What a machine can do at most: its arithmetic, and its memory traffic by the size of the arrays."""

    kind: ClassVar[str] = "ceilings"
    measured: tuple[Measured, ...]
    caches: Mapping[Name, Whole] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    when: Date = 0.0
    took_s: Seconds = 0.0


NOT_MEASURED = Ceilings(())


@dataclass(frozen=True)
class Roof:
    """The least seconds that a cell can take, and which limb binds: its arithmetic or its memory traffic."""

    seconds: float
    limb: Literal["arithmetic", "memory"]
    arithmetic_s: float
    memory_s: float


def roof(
    ceilings: Ceilings,
    cost_flops: float,
    cost_bytes: float,
    dtype: str,
    threads: int,
    bytes: float | None = None,
) -> Roof | None:
    """The roof of a cell that does so many operations and must move so many bytes.

    `bytes` is the memory that is gone through again and again, `cost_bytes` by default. None where the
    ceilings were not measured for this dtype and number of threads.
    """
    flops_s, bytes_s = peak(ceilings, dtype, threads), bandwidth(ceilings, threads, bytes or cost_bytes)
    if flops_s is None or bytes_s is None:
        return None
    arithmetic_s, memory_s = cost_flops / flops_s, cost_bytes / bytes_s
    limb: Literal["arithmetic", "memory"] = "arithmetic" if arithmetic_s >= memory_s else "memory"
    return Roof(max(arithmetic_s, memory_s), limb, arithmetic_s, memory_s)


def peak(ceilings: Ceilings, dtype: str, threads: int) -> float | None:
    """The most operations a second: the better of multiply-adds and matrix product; None if not measured."""
    rows = (row for row in _measured(ceilings, threads).arithmetic if row.dtype == dtype)
    rates = [rate.best for row in rows for rate in (row.chains, row.product)]
    return max(rates) * 1e9 if rates else None


def bandwidth(ceilings: Ceilings, threads: int, bytes: float) -> float | None:
    """The most bytes a second of arrays that are so large in all; None if not measured.

    At a measured size it is the best of `COUNTED` there and at every larger size, since what fits better
    into the caches is no slower. Between two sizes it lies on the straight line over the logarithm of the
    size, outside of them it is that of the nearest.
    """
    envelope: list[tuple[int, float]] = []
    for row in sorted(_measured(ceilings, threads).bandwidth, key=lambda row: -row.bytes):
        best = max(rate.best for kind in COUNTED if (rate := getattr(row, kind)) is not None)
        envelope.append((row.bytes, max(best, envelope[-1][1] if envelope else 0.0)))
    envelope.reverse()
    if not envelope:
        return None
    if bytes <= envelope[0][0]:
        return envelope[0][1] * 1e9
    for (small, fast), (large, slow) in pairwise(envelope):
        if bytes <= large:
            return (fast + (slow - fast) * log(bytes / small) / log(large / small)) * 1e9
    return envelope[-1][1] * 1e9


def _measured(ceilings: Ceilings, threads: int) -> Measured:
    there = (measured for measured in ceilings.measured if measured.threads == threads)
    return next(there, Measured(threads))
