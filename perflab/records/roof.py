"""A machine's ceilings, as they are saved, and the roof that follows for a cell.

A cell's roof is the larger of two times: its operations at the peak rate of arithmetic, and its compulsory
bytes at the best bandwidth for arrays of that size. It is a lower bound for every implementation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from math import log
from typing import Annotated, ClassVar, Literal

from perflab.records.typed import Date, Name, Seconds, Whole, at_least, between

# Each counts compulsory bytes only: inputs once, outputs once, without fetches caused by stores. The best of
# them at a size is the bandwidth there.
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
    """Memory bandwidth for arrays of so many bytes in all; `machine.ceilings` describes the kinds."""

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
    """The measurements on one number of threads."""

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
    """A machine's limits: its arithmetic, and its memory bandwidth by the size of the arrays."""

    kind: ClassVar[str] = "ceilings"
    measured: tuple[Measured, ...]
    caches: Mapping[Name, Whole] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    when: Date = 0.0
    took_s: Seconds = 0.0


NOT_MEASURED = Ceilings(())


@dataclass(frozen=True)
class Roof:
    """The least seconds of a cell, and the limit that sets them (`limb`): arithmetic or memory traffic."""

    seconds: float
    limb: Literal["arithmetic", "memory"]
    arithmetic_s: float
    memory_s: float


def roof(
    ceilings: Ceilings, cost_flops: float, cost_bytes: float, dtype: str, threads: int,
    bytes: float | None = None,
) -> Roof | None:  # fmt: skip
    """The roof of a cell with so many operations and compulsory bytes.

    `bytes` is the size of the arrays in use, `cost_bytes` by default. None if the ceilings were not measured
    for this dtype and number of threads.
    """
    flops_s, bytes_s = peak(ceilings, dtype, threads), bandwidth(ceilings, threads, bytes or cost_bytes)
    if flops_s is None or bytes_s is None:
        return None
    arithmetic_s, memory_s = cost_flops / flops_s, cost_bytes / bytes_s
    limb: Literal["arithmetic", "memory"] = "arithmetic" if arithmetic_s >= memory_s else "memory"
    return Roof(max(arithmetic_s, memory_s), limb, arithmetic_s, memory_s)


def peak(ceilings: Ceilings, dtype: str, threads: int) -> float | None:
    """Peak operations per second: the better of multiply-adds and matrix product; None if not measured."""
    rows = (row for row in _measured(ceilings, threads).arithmetic if row.dtype == dtype)
    rates = [rate.best for row in rows for rate in (row.chains, row.product)]
    return max(rates) * 1e9 if rates else None


def bandwidth(ceilings: Ceilings, threads: int, bytes: float) -> float | None:
    """The best bytes per second for arrays of so many bytes in all; None if not measured.

    At a measured size it is the best of `COUNTED` there and at every larger size, since smaller arrays fit
    better into the caches. Between two sizes it is interpolated linearly over the logarithm of the size;
    outside of them it is that of the nearest.
    """
    from numpy import interp  # not before the thread pools are pinned

    rows = sorted(_measured(ceilings, threads).bandwidth, key=lambda row: row.bytes, reverse=True)
    if not rows:
        return None
    counted = [[rate for kind in COUNTED if (rate := getattr(row, kind)) is not None] for row in rows]
    envelope = [*accumulate((max(rate.best for rate in rates) for rates in counted), max)]
    sizes = [log(row.bytes) for row in rows]
    return float(interp(log(max(bytes, 1)), sizes[::-1], envelope[::-1])) * 1e9


def _measured(ceilings: Ceilings, threads: int) -> Measured:
    there = (measured for measured in ceilings.measured if measured.threads == threads)
    return next(there, Measured(threads))
