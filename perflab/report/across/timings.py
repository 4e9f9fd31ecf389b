"""The nouns of a comparison: a cell's times in one saved result, and the result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Any

from perflab.contract import Cell
from perflab.records.typed import escaped, shown
from perflab.statistics import FEWEST, SAME_WITHIN, Turn

BATCHES = 30  # rounds of one process follow one another closely: more than these count as batches
MOST_GROUPS = 60  # processes of one cell; of more, neighbours count as one
LONGEST_S = 1e9  # anything longer, infinity and NaN are not the time of a call
ON_GRID = 5e-4  # of a time: how near to a multiple of the clock's step it is
MOST_READ = 10_000  # a coarse clock shows itself in fewer times
LOST = "its statistics are lost"


@dataclass(frozen=True)
class Parts:
    """A benchmark's name in parts, by which a moved or a renamed one is guessed.

    `place` is the path to it, folders, file and classes; `parameters` are as they are written in the name.
    """

    place: tuple[str, ...]
    function: str
    parameters: str = ""


@dataclass(frozen=True)
class Timing:
    """One cell's times on one side, in seconds a call.

    `groups` are the times by process, empty where a file holds none; `problem` is what the cell's name stood
    for, where that is known. `step_s` is the step of a clock that is coarse for these times. `cell` is
    perflab's own, whose times by turn are `turns`; `parts` are another project's name.
    """

    operation: str
    median_s: float
    groups: tuple[tuple[float, ...], ...] = ()
    problem: Any = None
    step_s: float = 0.0
    cell: Cell | None = None
    turns: Mapping[Turn, float] = field(default_factory=dict)
    parts: Parts | None = None

    @property
    def values(self) -> list[float]:
        """The times of all processes."""
        return [value for group in self.groups for value in group]


@dataclass(frozen=True)
class Side:
    """One saved result: its times by cell, and why others have none.

    Names are raw: two that differ in one character are two cells. `absent` are planned cells without a time,
    `faults` are cells whose times say nothing. `unfit` says why the machine was. `when` is in seconds since
    1970, None where it is not known; `commit` is that of the code under test, and `clean` is false where its
    files differed from it; `trees` names the code of further commits that a run measured.
    """

    path: str
    kind: str
    environment: Mapping[str, Any]
    timings: Mapping[str, Timing]
    absent: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    unfit: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    when: float | None = None
    commit: str = ""
    clean: bool = True
    trees: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def names(self) -> dict[str, None]:
        """Every name in it, with times or without."""
        return dict.fromkeys((*self.timings, *self.faults, *self.absent))


class Gathered:
    """The cells of a file as they are read. What is wrong with one costs that one."""

    def __init__(self) -> None:
        self.timings: dict[str, Timing] = {}
        self.faults: dict[str, str] = {}
        self._seen: dict[str, int] = {}

    def add(
        self, name: str, groups: Sequence[Sequence[Any]], middle: Any = None, operation: str = "",
        **known: Any,
    ) -> None:  # fmt: skip
        """One benchmark: its times by process, or only its median where it holds no times.

        A second one of the same name takes the ratio of both away: nobody can say which is meant.
        """
        seen = self._seen[name] = self._seen.get(name, 0) + 1
        if seen > 1:
            self.timings.pop(name, None)
            count = "two" if seen == 2 else str(seen)
            self.faults[name] = f"{count} benchmarks of this name"
            return
        values = [value for group in groups for value in group]
        reason = wrong(values) if values else LOST if middle is None else wrong([middle])
        if reason:
            self.faults[name] = reason
            return
        batches = _batched([group for group in groups if len(group)])
        middle_s = median(value for group in batches for value in group) if values else float(middle)
        step_s = clock_step(values, middle_s)
        self.timings[name] = Timing(operation or name, middle_s, batches, step_s=step_s, **known)

    def fault(self, name: str, reason: str) -> None:
        """A benchmark whose times say nothing, and why."""
        self.add(name, [])
        if name in self.faults and self._seen[name] == 1:
            self.faults[name] = reason

    def side(self, path: str, kind: str, environment: Mapping[str, Any], **known: Any) -> Side:
        """What was read, with remarks on how much its times can say."""
        notes = (*known.pop("notes", ()), *self._remarks())
        return Side(escaped(path), kind, environment, self.timings, {}, self.faults, notes=notes, **known)

    def _remarks(self) -> Iterator[str]:
        timings = self.timings.values()
        if any(len(timing.groups) == 1 and len(timing.values) > 1 for timing in timings):
            yield ("all rounds of a benchmark count as one process: no interval includes differences between"
                   " processes")  # fmt: skip
        if single := sum(len(timing.values) < 2 for timing in timings):
            yield f"{single} of its benchmarks have one time or only a median: these give no interval"
        if coarse := sum(timing.step_s > 0 for timing in timings):
            yield f"its clock is coarse for {coarse} of its benchmarks: their intervals are wider"
        many = [timing.values for timing in timings if len(timing.values) >= FEWEST]
        if equal := sum(len(set(values)) == 1 for values in many):
            yield f"all times of {equal} of its benchmarks are equal: a coarse clock, or rounded times"


def wrong(values: Sequence[Any]) -> str:
    """Why values are not the times of calls, in seconds; empty where they are.

    >>> wrong([0.25, 0.0]), wrong([0.25, float("nan")]), wrong([True]), wrong([0.25])
    ('0.0 is not a time: 1 of 2', 'nan is not a time: 1 of 2', 'True is not a time', '')
    """
    bad = [value for value in values if type(value) not in (float, int) or not 0 < value < LONGEST_S]
    if not bad:
        return ""
    some = f": {len(bad)} of {len(values)}" if len(values) > 1 else ""
    value = bad[0] if isinstance(bad[0], (float, int)) and abs(bad[0]) < 1e300 else shown(bad[0])
    return f"{value} is not a time{some}"


def clock_step(values: Sequence[float], middle_s: float) -> float:
    """The step of the clock in seconds, where all times are multiples of it and it is over 1 % of them, or 0.

    The greatest common divisor of the times, by Euclid's algorithm, as far as they agree.

    >>> round(clock_step([0.007, 0.009, 0.003, 0.011, 0.002], 0.007), 6)
    0.001
    >>> clock_step([0.0071, 0.00832, 0.01127, 0.00754, 0.00799], 0.0079)
    0.0
    """
    distinct = sorted(set(values[:MOST_READ]))
    if len(values) < 5 or len(distinct) < 2:  # equal times tell no step
        return 0.0
    near = ON_GRID * middle_s
    step = distinct[0]
    for value in distinct[1:]:
        rest = value
        while rest > near:
            step, rest = rest, step % rest
            rest = 0.0 if step - rest < near else rest
        if step <= (1 + near) * SAME_WITHIN * middle_s:
            return 0.0
    return step


def _batched(groups: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    """Groups of times, many of one as medians of consecutive ones; many groups joined with neighbours."""
    if len(groups) > MOST_GROUPS:
        ends = [len(groups) * i // MOST_GROUPS for i in range(MOST_GROUPS + 1)]
        groups = [[v for group in groups[a:b] for v in group] for a, b in pairwise(ends)]
    most = max(1, min(BATCHES, 8 * BATCHES // max(1, len(groups))))
    return tuple(tuple(_of_consecutive(group, most)) for group in groups)


def _of_consecutive(values: Sequence[float], most: int) -> list[float]:
    if len(values) <= most:
        return [float(value) for value in values]
    ends = [len(values) * i // most for i in range(most + 1)]
    return [median(values[start:end]) for start, end in pairwise(ends)]


def renamed(side: Side, names: Mapping[str, str]) -> Side:
    """A side whose cells have these other names; what `names` lacks keeps its own."""
    return replace(
        side,
        timings={names.get(name, name): timing for name, timing in side.timings.items()},
        faults={names.get(name, name): reason for name, reason in side.faults.items()},
        absent={names.get(name, name): reason for name, reason in side.absent.items()},
    )


def labels(names: Sequence[str]) -> dict[str, str]:
    r"""Each raw name as it is shown: control characters as escapes, and no two alike.

    >>> labels(["a\x00", "a\\x00"])
    {'a\x00': 'a\\x00', 'a\\x00': 'a\\\\x00'}
    """
    shown_as = {name: escaped(name) for name in names}
    taken = {label for name, label in shown_as.items() if name != label}
    return {
        name: label.replace("\\", "\\\\") if label in taken and name == label else label
        for name, label in shown_as.items()
    }


def geometric(values: Sequence[float]) -> float:
    """The geometric mean.

    >>> geometric([2.0, 8.0])
    4.0
    """
    return math.exp(math.fsum(map(math.log, values)) / len(values))
