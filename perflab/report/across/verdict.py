"""What a comparison says as a whole: one sentence, one number with its interval, and both by group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from perflab import units
from perflab.records.typed import escaped
from perflab.report import words
from perflab.report.across.compare import UNDECIDED, Change, Comparison
from perflab.report.across.timings import geometric

GROUPS_HEAD = ("cells", "geometric mean", "slower", "faster", "same", "undecided")
MEAN = (
    "The number for all cells is the geometric mean of their ratios. Its interval is from the geometric mean"
    " of the lower ends to that of the upper ends: what disturbs all cells at once does not make it too"
    " narrow."
)


@dataclass(frozen=True)
class Mean:
    """The geometric mean of ratios with its interval, None without one; of so many cells."""

    value: float
    low: float | None
    high: float | None
    cells: int
    left_out: int = 0

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"×{units.rounded(self.value, 2)}"
        digits = 3 if self.high / self.low < 2 else 2
        return "×{} [{}, {}]".format(*(units.rounded(n, digits) for n in (self.value, self.low, self.high)))


def mean(changes: Sequence[Change]) -> Mean | None:
    """The geometric mean of the ratios that have an interval; of all, without one, if none has.

    The interval's ends are the geometric means of the ends: the limits where all cells are disturbed alike,
    which is wider than if they were independent. None without a ratio, and on an unfit machine.
    """
    fit = [change.ratio for change in changes if change.ratio.fit]
    known = [(r.value, r.low, r.high) for r in fit if r.low is not None and r.high is not None]
    if not known:
        values = [ratio.value for ratio in fit]
        return Mean(geometric(values), None, None, len(values)) if values else None
    value, low, high = (geometric([ends[at] for ends in known]) for at in range(3))
    return Mean(value, low, high, len(known), len(changes) - len(known))


def mean_json(number: Mean | None) -> dict[str, Any] | None:
    """A mean as plain JSON."""
    return None if number is None else dict(vars(number))


def sentence(comparison: Comparison) -> str:
    """The verdict in one sentence, the number of all cells included."""
    changes, number = comparison.changes, mean(comparison.changes)
    if comparison.unfit:
        return f"Nothing can be said: {comparison.unfit[0]}."
    cells = _cells(len(changes))
    slower, faster = comparison.of("SLOWER"), comparison.of("FASTER")
    if comparison.failed:
        text = f"Slower than allowed: {len(comparison.failed)} of {cells}, {_most(comparison.failed)}"
        others = len(slower) - len(comparison.failed)
        text += f"; {others} more slower" if others else ""
        text += f"; {len(faster)} faster" if faster else ""
    elif slower:
        text = f"Slower: {len(slower)} of {cells}, {_most(slower)}"
        text += f"; faster: {len(faster)}" if faster else "; none faster"
    elif faster:
        text = f"Faster: {len(faster)} of {cells}, {_most(faster)}; none slower"
    elif len(comparison.of(*UNDECIDED)) == len(changes):
        text = f"No verdict: {cells} with too few times for an interval"
    else:
        same = len(comparison.of("SAME"))
        text = f"No clear change: {same} of {cells} the same within ±1 %, {len(changes) - same} undecided"
    return f"{text}. In all {number}, base time over new: below 1 is slower." if number else f"{text}."


def groups(comparison: Comparison) -> list[words.Table]:
    """The mean and the counts by operation, and by technique; none where a group would be a cell."""
    own = any(change.base.cell for change in comparison.changes)
    ways: list[tuple[str, Callable[[Change], str]]] = [("operation", lambda change: change.operation)]
    if own:
        ways.append(("technique", lambda c: c.base.cell.technique if c.base.cell else c.operation))
    else:
        ways = [("file", _place), ("function", lambda change: change.operation)]
    return [table for head, key in ways if (table := _grouped(comparison, head, key))]


def _grouped(comparison: Comparison, head: str, key: Callable[[Change], str]) -> words.Table | None:
    grouped: dict[str, list[Change]] = defaultdict(list)
    for change in comparison.changes:
        grouped[key(change)].append(change)
    if not 1 < len(grouped) <= len(comparison.changes) / 2:
        return None
    rows = sorted(_rows(grouped), key=lambda row: row[0])
    return words.Table(f"By {head}", (head, *GROUPS_HEAD), tuple(row for _, row in rows))


def _rows(grouped: dict[str, list[Change]]) -> Iterator[tuple[float, tuple[str, ...]]]:
    """A row a group, with its mean, the slowest first."""
    for name, changes in grouped.items():
        verdicts = [change.ratio.verdict for change in changes]
        counts = [verdicts.count(verdict) for verdict in ("SLOWER", "FASTER", "SAME")]
        number = mean(changes)
        counts.append(len(changes) - sum(counts))
        shown = str(number) if number else "–"
        yield (
            number.value if number else 0.0,
            (escaped(name) or "–", str(len(changes)), shown, *map(str, counts)),
        )


def _place(change: Change) -> str:
    return "/".join(change.base.parts.place) if change.base.parts else ""


def _most(changes: Sequence[Change]) -> str:
    from perflab.report.across import wording

    largest = max(changes, key=lambda change: change.size)
    which = "" if len(changes) == 1 else "most of all "
    return f"{which}{largest.label} {wording.interval(largest)}"


def _cells(number: int) -> str:
    return "1 cell" if number == 1 else f"{number} cells"
