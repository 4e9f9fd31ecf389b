"""Two saved results side by side: how many times faster the newer one is, cell by cell.

Each side is a run's folder, a records.jsonl, or a file in pytest-benchmark's JSON, of perflab or of any other
project. Two runs are not paired, so whatever else changed between them is in the ratio too; that is why
environments that differ in what counts are refused.
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
from perflab.records.environment import TOLD, Difference, differences
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
    """One cell on both sides. `allowed` is the share by which it may be slower, None where it is not held."""

    name: str
    operation: str
    base: Timing
    new: Timing
    ratio: Ratio
    allowed: float | None = None

    @property
    def too_slow(self) -> bool:
        """Whether the whole interval is slower than what is allowed."""
        held = self.allowed is not None and self.ratio.verdict == "SLOWER"
        return held and self.ratio.high is not None and self.ratio.high < 1 / (1 + (self.allowed or 0))


@dataclass(frozen=True)
class Comparison:
    """Two sides, the cells of both by size of change, and what has no ratio, by name and reason."""

    base: Side
    new: Side
    differences: tuple[Difference, ...]
    told: tuple[Difference, ...]
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
        """Why figures cannot be trusted: what each side says of its machine."""
        return tuple(
            f"{name}: {why}" for name, side in (("BASE", self.base), ("NEW", self.new)) for why in side.unfit
        )

    @property
    def counts(self) -> dict[str, int]:
        """How many cells got each verdict."""
        return dict(Counter(change.ratio.verdict for change in self.changes).most_common())


# ------------------------------------------------------------------------------------------ the comparison


def compare(
    base: Side, new: Side, *, allowed: Mapping[str, float] | None = None, anyway: bool = False
) -> Comparison:
    """Match two sides by cell. `allowed` is what `thresholds` made.

    Raises PerflabError where the environments cannot be compared and `anyway` is false, where no cell was
    measured on both sides, and for a threshold of an operation that is not among them.
    """
    differing = tuple(differences(base.environment, new.environment))
    if differing and not anyway:
        raise PerflabError(f"cannot be compared: {'; '.join(map(str, differing))}; --anyway compares them")
    common = [name for name in base.timings if name in new.timings]
    if not common:
        sides = " and ".join(_tally(side) for side in (base, new))
        raise PerflabError(f"no cell was measured on both sides: {sides}")
    allowed = allowed or {}
    check_operations(allowed, [base.timings[name].operation for name in common])
    changes, unlike = [], {}
    fit = not base.unfit and not new.unfit
    for name in common:
        a, b = base.timings[name], new.timings[name]
        if a.problem is not None and b.problem is not None and a.problem != b.problem:
            unlike[name] = "another problem under the same name"
            continue
        held = allowed.get(a.operation, allowed.get(""))
        changes.append(Change(name, a.operation, a, b, ratio(a, b, fit), held))
    if not changes:
        first = next(iter(unlike))
        raise PerflabError(f"no cell stands for the same problem on both sides: {first}: {unlike[first]}")
    changes.sort(key=lambda change: -abs(math.log(change.ratio.value)))
    return Comparison(
        base=base,
        new=new,
        differences=differing,
        told=tuple(differences(base.environment, new.environment, TOLD)),
        changes=tuple(changes),
        missing={n: new.absent.get(n, "not in it") for n in base.timings if n not in new.timings},
        added={n: base.absent.get(n, "not in it") for n in new.timings if n not in base.timings},
        unlike=unlike,
    )


def check_operations(allowed: Mapping[str, float], known: Sequence[str]) -> None:
    """Raise PerflabError where a threshold is of an operation that is not known to be on both sides."""
    for operation in allowed:
        if operation and operation not in known:
            named = ", ".join(dict.fromkeys(known))
            raise PerflabError(f"--fail-if-slower: {operation!r} is no operation of both; wanted {named}")


def thresholds(told: Sequence[str]) -> dict[str, float]:
    """By what share each operation may be slower; the empty name stands for every other one.

    With a percent sign a number is percent; without, it is a share below 1 and percent from 1 on. Raises
    PerflabError for anything else.

    >>> thresholds(["5%", "conv2d=0.1", "rnn=5"])
    {'': 0.05, 'conv2d': 0.1, 'rnn': 0.05}
    """
    allowed = {}
    for word in told:
        operation, equals, share = word.rpartition("=")
        found = re.fullmatch(r"(\d+\.?\d*|\.\d+)(%?)", share.strip(), re.ASCII)
        if found is None or (equals and not operation):
            raise PerflabError(
                f"--fail-if-slower: {word!r}; wanted a share such as 5%, 5 or 0.05, or OPERATION=SHARE"
            )
        number = float(found[1])
        allowed[operation] = number / 100 if found[2] or number >= 1 else number
    return allowed


def _tally(side: Side) -> str:
    first = next(iter(side.timings), None) or next((f"{n}: {why}" for n, why in side.absent.items()), None)
    return f"{side.path} has {len(side.timings)}" + (f" (first: {first})" if first else "")


# ---------------------------------------------------------------------------------------------- in words


def banner(comparison: Comparison) -> list[str]:
    """What a reader must know before any figure: an unfit machine, environments that differ."""
    lines = [f"unfit to measure: {why}" for why in comparison.unfit]
    if comparison.differences:
        lines.append("compared although the environments differ:")
        lines += [f"  {one}" for one in comparison.differences]
    return lines


MOST_AMBIGUOUS = 10  # how many of them a table shows, the largest changes first, unless told to show all


def table(comparison: Comparison, whole: bool = False) -> words.Table:
    """The cells by size of change. Unless `whole`, none that are the SAME, and few of the AMBIGUOUS."""
    told = [change for change in comparison.changes if whole or change.ratio.verdict != "SAME"]
    unsure = [change for change in told if change.ratio.verdict == "AMBIGUOUS"]
    left_out = [] if whole else unsure[MOST_AMBIGUOUS:]
    rows = tuple(_row(change) for change in told if change not in left_out)
    title = f"BASE {comparison.base.path}, NEW {comparison.new.path}"
    return words.Table(title, ("cell", "base", "new", "base / new", "verdict"), rows)


def closing_lines(comparison: Comparison, most: int | None = None) -> list[str]:
    """What stands below the table: counts, cells without a ratio (at most so many by name), remarks."""
    lines = [*counted(comparison), *without_ratio(comparison, " in NEW", most)]
    for side, held in (("BASE", comparison.base), ("NEW", comparison.new)):
        lines += [f"{side}: {note}" for note in held.notes]
    lines += [f"differs, and may: {one}" for one in comparison.told]
    return lines + held_to_thresholds(comparison)


def counted(comparison: Comparison) -> list[str]:
    """How many cells both sides have, and with which verdicts."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in comparison.counts.items())
    number = len(comparison.changes)
    return [f"{number} cell{'s'[: number != 1]} on both sides: {counts}"]


def without_ratio(comparison: Comparison, new: str, most: int | None = None) -> list[str]:
    """The cells that have no ratio and why, at most so many of a kind by name; `new` says in which side."""
    lines = []
    for what, cells in (
        (f"missing{new}", comparison.missing),
        (f"new{new}", comparison.added),
        ("no ratio", comparison.unlike),
    ):
        lines += [f"{what}: {name} ({why})" for name, why in list(cells.items())[:most]]
        if most is not None and len(cells) > most:
            lines.append(f"{what}: {len(cells) - most} more; --all names them")
    return lines


def held_to_thresholds(comparison: Comparison) -> list[str]:
    """The cells that are slower than allowed, and how many could not be held to their threshold."""
    loose = [c for c in comparison.changes if c.allowed is not None and c.ratio.verdict in UNDECIDED]
    lines = [f"not held to its threshold: {len(loose)} ({' or '.join(UNDECIDED)})"] if loose else []
    return lines + [
        f"slower than allowed: {change.name}: {interval(change)}, allowed {_percent(change.allowed)}"
        for change in comparison.failed
    ]


def interval(change: Change) -> str:
    """A ratio with its interval, or with how many times were too few for one."""
    held = change.ratio
    if held.low is None or held.high is None:
        counts = f"{len(change.base.values)} and {len(change.new.values)} times"
        return f"×{units.rounded(held.value, 2)} (not enough: {counts})"
    digits = 3 if held.high / held.low < 2 else 2
    value, low, high = (units.rounded(x, digits) for x in (held.value, held.low, held.high))
    return f"×{value} [{low}, {high}]"


def markdown(comparison: Comparison, whole: bool = False) -> str:
    """The comparison for a pull request."""
    held = table(comparison, whole)
    lines = [f"> **{words.markdown_text(line.strip())}**  " for line in banner(comparison)]
    lines += [""] * bool(lines) + [f"### perflab compare: {words.markdown_text(held.title)}", ""]
    if held.rows:
        rows = ["| " + " | ".join(map(words.markdown_text, row)) + " |" for row in held.rows]
        lines += ["| " + " | ".join(held.head) + " |", "| --- | ---: | ---: | ---: | --- |", *rows, ""]
    lines += [f"- {words.markdown_text(line)}" for line in closing_lines(comparison)]
    return "\n".join([*lines, "", METHOD, ""])


def to_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain JSON; what must be known before any figure comes first."""
    return {
        "banner": banner(comparison),
        "differences": [vars(one) for one in comparison.differences],
        "told": [vars(one) for one in comparison.told],
        "unfit": list(comparison.unfit),
        "base": side_json(comparison.base),
        "new": side_json(comparison.new),
        "counts": comparison.counts,
        "changes": [change_json(change) for change in comparison.changes],
        "missing": dict(comparison.missing),
        "added": dict(comparison.added),
        "unlike": dict(comparison.unlike),
    }


def change_json(change: Change) -> dict[str, Any]:
    """One cell as plain JSON."""
    return {
        "name": change.name,
        "operation": change.operation,
        "base_s": change.base.median_s,
        "new_s": change.new.median_s,
        "base_values": len(change.base.values),
        "new_values": len(change.new.values),
        "ratio": change.ratio.value,
        "low": change.ratio.low,
        "high": change.ratio.high,
        "verdict": change.ratio.verdict,
        "allowed": change.allowed,
        "too_slow": change.too_slow,
    }


def side_json(side: Side) -> dict[str, Any]:
    """A side as plain JSON, without its times."""
    return {"path": side.path, "kind": side.kind, "cells": len(side.timings), "notes": list(side.notes)}


def _row(change: Change) -> tuple[str, ...]:
    return change.name, seconds(change.base), seconds(change.new), interval(change), verdict(change)


def verdict(change: Change) -> str:
    """What the ratio says, and whether that is slower than allowed."""
    return change.ratio.verdict + (", more than allowed" if change.too_slow else "")


def seconds(timing: Timing) -> str:
    """A side's median time of a cell, in as many digits as its interval supports."""
    low, high = median_interval(timing.values) or (None, None)
    return units.seconds(timing.median_s, significant(timing.median_s, low, high))


def _percent(share: float | None) -> str:
    return f"{100 * (share or 0):g} %"
