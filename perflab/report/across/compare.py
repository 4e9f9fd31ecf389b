"""Two saved results side by side: how many times faster the newer one is, cell by cell.

Each side is a run's folder, a records.jsonl, or a file in pytest-benchmark's JSON, of perflab or of any other
project. Two runs are not paired: whatever else changed between them is in the ratio too. Therefore results of
environments that differ in what affects speed are refused.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perflab import units
from perflab.contract import PerflabError
from perflab.records.environment import REPORTED, Difference, differences
from perflab.report import words
from perflab.report.across.sides import Side, Timing
from perflab.report.across.unpaired import ratio
from perflab.statistics import Ratio, median_interval, significant

UNDECIDED = ("not enough", "UNMEASURABLE")
METHOD = (
    "A ratio is base time over new time: above 1 the new side is faster. It is the median of all ratios of a"
    " base time to a new time, with its distribution-free 95 % interval, widened by what differs between"
    " processes. The two sides were not measured in turns: whatever else changed between them is in the ratio"
    " too."
)


@dataclass(frozen=True)
class Change:
    """One cell on both sides. `allowed` is the share by which it may be slower; None: no threshold."""

    name: str
    operation: str
    base: Timing
    new: Timing
    ratio: Ratio
    allowed: float | None = None

    @property
    def too_slow(self) -> bool:
        """Whether the whole interval is slower than what is allowed."""
        if self.allowed is None or self.ratio.high is None or self.ratio.verdict != "SLOWER":
            return False
        return self.ratio.high < 1 / (1 + self.allowed)


@dataclass(frozen=True)
class Comparison:
    """Two sides, the cells of both by size of change, and by name why the other cells have no ratio."""

    base: Side
    new: Side
    differences: tuple[Difference, ...]  # these make two environments incomparable
    other_differences: tuple[Difference, ...]  # these are only reported
    changes: tuple[Change, ...]
    missing: Mapping[str, str]
    added: Mapping[str, str]
    unlike: Mapping[str, str]

    @property
    def failed(self) -> tuple[Change, ...]:
        """The cells that are slower than allowed."""
        return tuple(change for change in self.changes if change.too_slow)

    @property
    def unfit(self) -> tuple[str, ...]:
        """Why the machine of either side was unfit to measure."""
        sides = (("BASE", self.base), ("NEW", self.new))
        return tuple(f"{name}: {reason}" for name, side in sides for reason in side.unfit)

    @property
    def counts(self) -> dict[str, int]:
        """How many cells got each verdict."""
        return dict(Counter(change.ratio.verdict for change in self.changes).most_common())


def compare(
    base: Side, new: Side, *, allowed: Mapping[str, float] | None = None, anyway: bool = False
) -> Comparison:
    """Match two sides by cell. `allowed` comes from `thresholds`.

    Raises PerflabError where the environments cannot be compared and `anyway` is false, where no cell was
    measured on both sides, and for a threshold of an operation that is not among them.
    """
    differing = tuple(differences(base.environment, new.environment))
    if differing and not anyway:
        raise PerflabError(f"cannot be compared: {'; '.join(map(str, differing))}; --anyway compares them")
    common = [name for name in base.timings if name in new.timings]
    if not common:
        raise PerflabError(f"no cell was measured on both sides: {_tally(base)} and {_tally(new)}")
    allowed = allowed or {}
    check_operations(allowed, [base.timings[name].operation for name in common])
    changes, unlike = [], {}
    for name in common:
        old, newer = base.timings[name], new.timings[name]
        if None not in (old.problem, newer.problem) and old.problem != newer.problem:
            unlike[name] = "another problem under the same name"
            continue
        share = allowed.get(old.operation, allowed.get(""))
        fit = not base.unfit and not new.unfit
        changes.append(Change(name, old.operation, old, newer, ratio(old, newer, fit), share))
    if not changes:
        name, reason = next(iter(unlike.items()))
        raise PerflabError(f"no cell is the same problem on both sides: {name}: {reason}")
    changes.sort(key=lambda change: -abs(math.log(change.ratio.value)))
    return Comparison(
        base, new, differing, tuple(differences(base.environment, new.environment, REPORTED)), tuple(changes),
        missing={name: new.absent.get(name, "not in it") for name in base.timings if name not in new.timings},
        added={name: base.absent.get(name, "not in it") for name in new.timings if name not in base.timings},
        unlike=unlike,
    )  # fmt: skip


def check_operations(allowed: Mapping[str, float], known: Sequence[str]) -> None:
    """Raise PerflabError where a threshold is for an operation that is not among the known ones."""
    for operation in allowed:
        if operation and operation not in known:
            names = ", ".join(dict.fromkeys(known))
            raise PerflabError(f"--fail-if-slower: {operation!r} is not on both sides; wanted {names}")


def thresholds(arguments: Sequence[str]) -> dict[str, float]:
    """By what share each operation may be slower; the empty name means every other operation.

    A number with a percent sign is percent. A number without it is a share below 1, and percent from 1 on.
    Raises PerflabError for any other text.

    >>> thresholds(["5%", "conv2d=0.1", "rnn=5"])
    {'': 0.05, 'conv2d': 0.1, 'rnn': 0.05}
    """
    allowed = {}
    for argument in arguments:
        operation, equals, share = argument.rpartition("=")
        match = re.fullmatch(r"(\d+\.?\d*|\.\d+)(%?)", share.strip(), re.ASCII)
        if match is None or (equals and not operation):
            form = "a share such as 5%, 5 or 0.05, or OPERATION=SHARE"
            raise PerflabError(f"--fail-if-slower: {argument!r}; wanted {form}")
        number = float(match[1])
        allowed[operation] = number / 100 if match[2] or number >= 1 else number
    return allowed


def _tally(side: Side) -> str:
    """How many cells a side has, with its first cell, or the first that it lacks and why."""
    names = [*side.timings, *(f"{name}: {reason}" for name, reason in side.absent.items())]
    return f"{side.path} has {len(side.timings)}" + (f" (first: {names[0]})" if names else "")


def banner(comparison: Comparison) -> list[str]:
    """Warnings to read before any figure: an unfit machine, environments that differ."""
    lines = [f"unfit to measure: {reason}" for reason in comparison.unfit]
    if comparison.differences:
        lines.append("compared although the environments differ:")
    return lines + [f"  {difference}" for difference in comparison.differences]


MOST_AMBIGUOUS = 10  # how many of them a table shows, the largest changes first, without --all


def table(comparison: Comparison, whole: bool = False) -> words.Table:
    """The cells by size of change. Unless `whole`, without the SAME and with few of the AMBIGUOUS."""
    changes = [change for change in comparison.changes if whole or change.ratio.verdict != "SAME"]
    ambiguous = [change for change in changes if change.ratio.verdict == "AMBIGUOUS"]
    hidden = [] if whole else ambiguous[MOST_AMBIGUOUS:]
    rows = tuple(
        (shown.name, seconds(shown.base), seconds(shown.new), interval(shown), verdict(shown))
        for shown in changes if shown not in hidden
    )  # fmt: skip
    title = f"BASE {comparison.base.path}, NEW {comparison.new.path}"
    return words.Table(title, ("cell", "base", "new", "base / new", "verdict"), rows)


def closing_lines(comparison: Comparison, most: int | None = None) -> list[str]:
    """The lines below the table: counts, cells without a ratio (at most `most` by name), remarks."""
    lines = [counted(comparison), *without_ratio(comparison, " in NEW", most)]
    for name, side in (("BASE", comparison.base), ("NEW", comparison.new)):
        lines += [f"{name}: {note}" for note in side.notes]
    lines += [f"also differs: {difference}" for difference in comparison.other_differences]
    return lines + threshold_lines(comparison)


def counted(comparison: Comparison) -> str:
    """How many cells both sides have, and with which verdicts."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in comparison.counts.items())
    number = len(comparison.changes)
    return f"{number} cell{'s'[: number != 1]} on both sides: {counts}"


def without_ratio(comparison: Comparison, where: str, most: int | None = None) -> list[str]:
    """The cells that have no ratio and why, at most `most` of a kind by name; `where` names the new side."""
    lines = []
    kinds = (f"missing{where}", f"new{where}", "no ratio")
    for kind, cells in zip(kinds, (comparison.missing, comparison.added, comparison.unlike), strict=True):
        lines += [f"{kind}: {name} ({reason})" for name, reason in list(cells.items())[:most]]
        if most is not None and len(cells) > most:
            lines.append(f"{kind}: {len(cells) - most} more; --all names them")
    return lines


def threshold_lines(comparison: Comparison) -> list[str]:
    """The cells that are slower than allowed, and how many have a threshold but no verdict."""
    undecided = [c for c in comparison.changes if c.allowed is not None and c.ratio.verdict in UNDECIDED]
    count, verdicts = len(undecided), " or ".join(UNDECIDED)
    lines = [f"not compared with its threshold: {count} ({verdicts})"] if undecided else []
    return lines + [
        f"slower than allowed: {change.name}: {interval(change)}, allowed {100 * (change.allowed or 0):g} %"
        for change in comparison.failed
    ]


def interval(change: Change) -> str:
    """A ratio with its interval, or with the numbers of times where these were too few for an interval."""
    value, low, high = change.ratio.value, change.ratio.low, change.ratio.high
    if low is None or high is None:
        counts = f"{len(change.base.values)} and {len(change.new.values)} times"
        return f"×{units.rounded(value, 2)} (not enough: {counts})"
    digits = 3 if high / low < 2 else 2
    return "×{} [{}, {}]".format(*(units.rounded(number, digits) for number in (value, low, high)))


def markdown(comparison: Comparison, whole: bool = False) -> str:
    """The comparison for a pull request."""
    shown = table(comparison, whole)
    text = markdown_of(banner(comparison), shown.title, [shown], closing_lines(comparison))
    return text.replace("| --- | --- | --- | --- |", "| --- | ---: | ---: | ---: |", 1)  # align numbers right


def markdown_of(
    warnings: Sequence[str], title: str, tables: Sequence[words.Table | None], closing: Sequence[str]
) -> str:
    """Warnings, a title, the tables that have rows, and a list of closing lines in Markdown."""
    lines = [f"> **{words.markdown_text(line.strip())}**  " for line in warnings]
    lines += [""] * bool(lines) + [f"### perflab compare: {words.markdown_text(title)}", ""]
    for shown in tables:
        if shown is not None and shown.rows:
            lines += [words.markdown(shown), ""]
    lines += [f"- {words.markdown_text(line)}" for line in closing]
    return "\n".join([*lines, "", METHOD, ""])


def to_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain JSON; the warnings come first."""
    return {
        "banner": banner(comparison), "unfit": list(comparison.unfit), "base": side_json(comparison.base),
        "new": side_json(comparison.new), **cells_json(comparison),
    }  # fmt: skip


def cells_json(comparison: Comparison) -> dict[str, Any]:
    """What differs and every cell as plain JSON, without the sides."""
    return {
        "differences": list(map(vars, comparison.differences)),
        "told": list(map(vars, comparison.other_differences)),
        "counts": comparison.counts,
        "changes": list(map(_change_json, comparison.changes)),
        **{name: dict(getattr(comparison, name)) for name in ("missing", "added", "unlike")},
    }


def _change_json(change: Change) -> dict[str, Any]:
    base, new, ratio = change.base, change.new, change.ratio
    return {
        "name": change.name, "operation": change.operation, "base_s": base.median_s, "new_s": new.median_s,
        "base_values": len(base.values), "new_values": len(new.values), "ratio": ratio.value,
        "low": ratio.low, "high": ratio.high, "verdict": ratio.verdict, "allowed": change.allowed,
        "too_slow": change.too_slow,
    }  # fmt: skip


def side_json(side: Side) -> dict[str, Any]:
    """A side as plain JSON, without its times."""
    return {"path": side.path, "kind": side.kind, "cells": len(side.timings), "notes": list(side.notes)}


def verdict(change: Change) -> str:
    """The verdict of the ratio, and whether the cell is slower than allowed."""
    return change.ratio.verdict + (", more than allowed" if change.too_slow else "")


def seconds(timing: Timing) -> str:
    """A side's median time of a cell, in as many digits as its interval supports."""
    low, high = median_interval(timing.values) or (None, None)
    return units.seconds(timing.median_s, significant(timing.median_s, low, high))
