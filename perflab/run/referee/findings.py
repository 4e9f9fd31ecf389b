"""What a race shows of a contestant beside its time; each finding is a sentence, said of the file.

A finding is made where a distribution-free interval of paired measurements leaves no other explanation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from perflab.contract import CANNOT_RUN, NOT_SHOWN, WRONG
from perflab.statistics import median_interval
from perflab.units import in_bytes

SEEN_TAKES = 0.7  # of the time on new contents: what caches and branch predictors save is less than the rest
MORE_CORES = 1.15
READ_S, READ_TAKES = 3e-5, 1.3  # the first time that a result is read, against the second
KEPT_BYTES, KEPT_IN_ALL = 1024, 32 << 20
MOST_ENDED = 16  # processes that have ended and that nobody waited for


class Rejected(Exception):
    """A contender must not be timed, or its time must not be shown; the message is its status and why."""

    status = NOT_SHOWN

    def __init__(self, why: str) -> None:
        super().__init__(f"{self.status}: {why}")
        self.why = why


class WrongNumbers(Rejected):
    """Its numbers are wrong."""

    status = WRONG


class CannotRun(Rejected):
    """It, or the machine, lacks something."""

    status = CANNOT_RUN


def rejected(status: str, why: str) -> Rejected:
    """A rejection with this status; one without it for any other word."""
    kinds = {kind.status: kind for kind in (WrongNumbers, CannotRun)}
    return kinds.get(status, Rejected)(why)


@dataclass
class Shown:
    """What the rounds of a contestant in one direction show, so far.

    `cores`: processor time over time. `seen`: the time of a call on contents seen before over that of one on
    new contents. `read_s`: the processor time of reading a result for the first and for the second time.
    `kept`: by how many bytes a call the process grew between two rounds. `grown` is the sum of the bytes,
    `ended` the number of processes left that have ended.
    """

    threads: int = 1
    cores: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    read_s: list[tuple[float, float]] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)
    grown: int = 0
    ended: int = 0

    def note_seen(self, new_s: float, seen_s: float) -> None:
        """The time of calls on new contents, and of the same calls again."""
        if new_s > 0:
            self.seen.append(seen_s / new_s)

    def note_growth(self, more: int, calls: int) -> None:
        """The process grew by so many bytes in so many calls."""
        self.kept.append(more / calls)
        self.grown += more

    def finding(self, direction: str) -> str:
        """What is shown, as a sentence; empty where nothing is."""
        found = (self._looks_up(direction), self._on_more_cores(), self._computes_when_read(), self._keeps())
        return next(filter(None, (*found, self._leaves())), "")

    def _looks_up(self, direction: str) -> str:
        interval = median_interval(self.seen)
        if interval is None or interval[1] >= SEEN_TAKES:
            return ""
        share = median(self.seen)
        times = f"{1 / share:.2g}" if share > 0.02 else "more than 50"
        return f"it looks answers up: {direction} on new contents takes {times} times as long as on seen ones"

    def _on_more_cores(self) -> str:
        interval = median_interval(self.cores)
        if interval is None or interval[0] <= self.threads * MORE_CORES:
            return ""
        given = "1 thread was" if self.threads == 1 else f"{self.threads} threads were"
        return f"it computes on {median(self.cores):.2g} cores at once where {given} given"

    def _computes_when_read(self) -> str:
        more = median_interval([first - READ_TAKES * second for first, second in self.read_s])
        if more is None or more[0] <= READ_S:
            return ""
        first, second = (median(each) for each in zip(*self.read_s, strict=True))
        times = f"{first / second:.2g} times as long as the second"
        return f"it computes when its results are read: the first reading takes {times}"

    def _keeps(self) -> str:
        interval = median_interval(self.kept)
        if interval is None or interval[0] <= KEPT_BYTES or self.grown < KEPT_IN_ALL:
            return ""
        return f"it keeps {in_bytes(median(self.kept))} a call"

    def _leaves(self) -> str:
        return f"it leaves {self.ended} ended processes behind" if self.ended > MOST_ENDED else ""


def kept_until(error: str, grown: int) -> str:
    """What to say of a process that raised this after it grew so much."""
    if "MemoryError" not in error or grown < KEPT_IN_ALL:
        return error
    return f"it keeps memory from call to call until none is left: {in_bytes(grown)} more than at first"
