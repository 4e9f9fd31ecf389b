"""What the compiler said of a technique line by line, and what its hot loops could do at best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, ClassVar

from perflab.contract import Contender
from perflab.records.evidence import Step
from perflab.records.typed import Name, Share, Whole, between

Line = Annotated[int, between(1, 10**9, "a line")]


@dataclass(frozen=True, slots=True)
class Remark:
    """What LLVM said of one line, in its own words, and how many times: a loop is compiled in several copies.

    `file` is named as in the records of sources ("conv2d/naive.py", "_simd.py").
    """

    file: Name
    line: Line
    words: Name
    times: Whole = 1


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop that was handed to LLVM, by the line of its `for` or `while`."""

    file: Name
    line: Line


@dataclass(frozen=True, slots=True)
class Limits:
    """What one turn of a hot loop takes at least, by its instructions. None where it is not known.

    instructions   of one turn, and `flops`, its floating-point operations, a fused multiply-add as two
    chain          cycles of the longest chain of operations that goes from turn to turn; each waits for the
                   one before. `links` are its operations
    cycles         predicted for one turn, in a long run of turns, with all data in the first cache
    port           the unit of the processor that is busiest, and the cycles that it is busy, `port_cycles`
    loads, stores  instructions that read or write memory; `bytes` of both together
    lines          new cache lines of 64 bytes; with `at_most`, where a stride depends on the sizes
    straight       whether the turn has no branch; else all of its branches are counted as taken
    processor      whose timetable this is; `note` says what is missing, or that it is another one's
    """

    instructions: Whole
    flops: Whole
    chain: Share | None = None
    links: tuple[str, ...] = ()
    cycles: Share | None = None
    port: str = ""
    port_cycles: Share | None = None
    loads: Whole | None = None
    stores: Whole | None = None
    bytes: Whole | None = None
    lines: Share | None = None
    at_most: bool = False
    straight: bool = True
    processor: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Remarks:
    """What the compiler said of one technique in one dtype, compiled for `case`.

    `loops` are those handed to LLVM; `unplaced` counts remarks without a line, `elsewhere` those on files of
    Numba's. `differs` says by direction where the timed code has other instructions than the code with line
    numbers, of which the remarks are. `clock_hz` is the processor's clock while it was gathered. Without
    `remarks`, `reason` says why there are none.
    """

    kind: ClassVar[str] = "remarks"
    operation: Name
    technique: Name
    dtype: Name
    case: str = ""
    remarks: tuple[Remark, ...] = ()
    loops: tuple[Loop, ...] = ()
    unplaced: Whole = 0
    elsewhere: Whole = 0
    differs: Mapping[Step, str] = field(default_factory=dict)
    limits: Mapping[Step, Limits] = field(default_factory=dict)
    clock_hz: Share | None = None
    reason: str = ""

    @property
    def contender(self) -> Contender:
        """The contender, on every case and number of threads."""
        return Contender(self.operation, "", self.dtype, 0, self.technique)

    def plain(self) -> dict[str, Any]:
        """Plain JSON: the fields of a record of kind "remarks"."""
        return asdict(self)
