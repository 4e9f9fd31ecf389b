"""What a race shows of a contestant beside its time; each finding is a sentence, said of the file.

A finding is made where a distribution-free interval of paired measurements leaves no other explanation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from perflab.contract import CANNOT_RUN, NOT_SHOWN, WRONG
from perflab.statistics import median_interval
from perflab.units import in_bytes

SEEN_TAKES = 0.65  # of the time on new contents: what caches and branch predictors save is less than the rest
MORE_CORES = 1.15
READ_S, READ_TAKES = 3e-5, 1.3  # the first time that a result is read, against the second
KEPT_BYTES, KEPT_IN_ALL = 1024, 32 << 20
MOST_ENDED, MOST_RUNNING, MOST_MORE = 16, 32, 64  # processes; of threads and files more than at first
UNASKED_S = 5e-5  # processor time while nothing is asked


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


@dataclass(frozen=True)
class Left:
    """What a process has left behind: processes that ended or run, threads, open files.

    `strays` are processes that are out of its group, so that they do not stand still with it.
    """

    ended: int = 0
    running: int = 0
    threads: int = 0
    files: int = 0
    strays: int = 0

    def finding(self, at_first: Left) -> str:
        """What is too much, as a sentence; empty where nothing is."""
        if self.strays:
            return "it runs a process that is out of its group, and does not stand still with it"
        if self.ended > MOST_ENDED:
            return f"it leaves {self.ended} ended processes behind"
        if self.running > MOST_RUNNING:
            return f"it leaves {self.running} running processes behind"
        threads, files = self.threads - at_first.threads, self.files - at_first.files
        if threads > MOST_MORE:
            return f"it leaves {threads} threads behind"
        return f"it leaves {files} files open" if files > MOST_MORE else ""


@dataclass
class Shown:
    """What the rounds of a contestant in one direction show, so far.

    `cores`: processor time over time. `seen`: the time of a call on contents seen before over that of one on
    new contents; `known`: that of one on the inputs of the case, whose seed is public. `read_s`: the time of
    the processor for reading a result for the first and for the second time.
    `kept`: by how many bytes a call the process grew between two rounds. `grown` is the sum of the bytes.
    `idle_s`: the processor time of a while without a request, when new contents are there.
    `taken` is how many cores a thread of it may use, where one was given; `left` what it leaves behind.
    """

    threads: int = 1
    cores: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    known: list[float] = field(default_factory=list)
    read_s: list[tuple[float, float]] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)
    grown: int = 0
    idle_s: list[float] = field(default_factory=list)
    taken: int = 0
    left: str = ""

    def note_seen(self, new_s: float, seen_s: float) -> None:
        """The time of calls on new contents, and of the same calls again."""
        if new_s > 0:
            self.seen.append(seen_s / new_s)

    def note_known(self, new_s: float, known_s: float) -> None:
        """The time of calls on new contents, and of the same calls on the public ones."""
        if new_s > 0:
            self.known.append(known_s / new_s)

    def note_growth(self, more: int, calls: int) -> None:
        """The process grew by so many bytes in so many calls."""
        self.kept.append(more / calls)
        self.grown += more

    def finding(self, direction: str) -> str:
        """What is shown, as a sentence; empty where nothing is."""
        found = (self.left, self._takes_cores(), self._looks_up(direction), self._on_more_cores())
        later = (self._computes_when_read(), self._computes_unasked(), self._keeps())
        return next(filter(None, (*found, *later)), "")

    def _takes_cores(self) -> str:
        if self.threads > 1 or self.taken < 2:
            return ""
        return f"it takes {self.taken} cores where 1 thread was given"

    def _computes_unasked(self) -> str:
        interval = median_interval(self.idle_s)
        if self.threads > 1 or interval is None or interval[0] <= UNASKED_S:  # idle pools of threads spin
            return ""
        return "it computes while nothing is asked of it"

    def _looks_up(self, direction: str) -> str:
        if times := _slower(self.seen):
            return f"it looks answers up: {direction} on new contents takes {times} as long as on seen ones"
        if times := _slower(self.known):
            return f"it knows the inputs of the case: {direction} on others takes {times} as long"
        return ""

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


def _slower(ratios: Sequence[float]) -> str:
    """How much longer new contents take, of ratios of known over new; empty where that is not shown."""
    interval = median_interval(ratios)
    if interval is None or interval[1] >= SEEN_TAKES:
        return ""
    share = median(ratios)
    return f"{1 / share:.2g} times" if share > 0.02 else "more than 50 times"


def kept_until(error: str, grown: int) -> str:
    """What to say of a process that raised this after it grew so much."""
    if "MemoryError" not in error or grown < KEPT_IN_ALL:
        return error
    return f"it keeps memory from call to call until none is left: {in_bytes(grown)} more than at first"
