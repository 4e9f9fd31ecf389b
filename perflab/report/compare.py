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
from functools import lru_cache
from statistics import NormalDist, fmean
from typing import Any

import numpy as np

from perflab import __version__, machine
from perflab.contract import PerflabError
from perflab.machine import Difference
from perflab.report import words
from perflab.report.sides import Side, Timing
from perflab.report.write import _template
from perflab.statistics import CONFIDENCE, FEWEST, Ratio, median_interval, significant

EXACT = 900  # products of sample sizes up to which the interval's ends are counted out exactly
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
    differing = tuple(machine.differences(base.environment, new.environment))
    if differing and not anyway:
        raise PerflabError(f"cannot be compared: {'; '.join(map(str, differing))}; --anyway compares them")
    common = [name for name in base.timings if name in new.timings]
    if not common:
        sides = " and ".join(_tally(side) for side in (base, new))
        raise PerflabError(f"no cell was measured on both sides: {sides}")
    allowed = allowed or {}
    operations = dict.fromkeys(base.timings[name].operation for name in common)
    for operation in allowed:
        if operation and operation not in operations:
            known = ", ".join(operations)
            raise PerflabError(f"--fail-if-slower: {operation!r} is no operation of both; wanted {known}")
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
        told=tuple(machine.differences(base.environment, new.environment, machine.TOLD)),
        changes=tuple(changes),
        missing={n: new.absent.get(n, "not in it") for n in base.timings if n not in new.timings},
        added={n: base.absent.get(n, "not in it") for n in new.timings if n not in base.timings},
        unlike=unlike,
    )


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


# ------------------------------------------------------------------------------------------ the statistics


def ratio(base: Timing, new: Timing, fit: bool = True) -> Ratio:
    """Base time over new time, from two samples that are not paired.

    The median of all differences of logarithms, and the interval that goes with the test of Mann and Whitney
    (Hodges and Lehmann; Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods*, 3rd ed., §4.2-4.3;
    Conover, *Practical Nonparametric Statistics*, 3rd ed., §5.4). Blocks of one process are alike, so the
    interval is widened by the root of the design effect (Kish, *Survey Sampling*, §5.4).
    Fewer than six times on a side give no interval.
    """
    a, b = base.values, new.values
    fewest = min(len(a), len(b))
    if fewest < FEWEST:
        return Ratio(base.median_s / new.median_s, None, None, fewest, fit)
    shifts = np.sort(np.subtract.outer(np.log(a), np.log(b)), axis=None)
    cut = _cut(len(a), len(b))
    middle, low, high = (float(x) for x in (np.median(shifts), shifts[cut], shifts[-1 - cut]))
    wider = math.sqrt(_design_effect(base.groups, new.groups))
    low, high = middle - wider * (middle - low), middle + wider * (high - middle)
    return Ratio(math.exp(middle), math.exp(low), math.exp(high), fewest, fit)


@lru_cache
def _cut(m: int, n: int) -> int:
    """How many of the m·n sorted shifts lie outside the interval on either side.

    From the exact distribution of Mann and Whitney's U where the samples are small (its generating function
    is a Gaussian binomial coefficient), from the normal one where they are large.

    >>> _cut(6, 6), _cut(10, 10)  # the tables' lower critical values
    (5, 23)
    """
    if m * n > EXACT:
        spread = math.sqrt(m * n * (m + n + 1) / 12)
        return max(0, math.floor(m * n / 2 - NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * spread) - 1)
    counts = [1] + [0] * (m * n)
    for i in range(1, m + 1):
        for u in range(m * n, n + i - 1, -1):
            counts[u] -= counts[u - n - i]
        for u in range(i, m * n + 1):
            counts[u] += counts[u - i]
    tail = 0
    for u, count in enumerate(counts):
        tail += count
        if 2 * tail > (1 - CONFIDENCE) * math.comb(m + n, m):
            return u - 1
    return 0


def _design_effect(*sides: Sequence[Sequence[float]]) -> float:
    """How many times larger the variance of a mean is than if all blocks were independent; at least 1.

    The mean square between processes over the whole mean square, of logarithms, both sides pooled.
    """
    between = whole = 0.0
    processes = blocks = 0
    for groups in sides:
        logs = [[math.log(value) for value in group] for group in groups]
        centre = fmean(value for group in logs for value in group)
        between += sum(len(group) * (fmean(group) - centre) ** 2 for group in logs)
        whole += sum((value - centre) ** 2 for group in logs for value in group)
        processes += len(logs) - 1
        blocks += sum(map(len, logs)) - 1
    if not processes or whole == 0:
        return 1.0
    return max(1.0, (between / processes) / (whole / blocks))


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
    counts = ", ".join(f"{count} {verdict}" for verdict, count in comparison.counts.items())
    number = len(comparison.changes)
    lines = [f"{number} cell{'s'[: number != 1]} on both sides: {counts}"]
    for what, cells in (
        ("missing in NEW", comparison.missing),
        ("new in NEW", comparison.added),
        ("no ratio", comparison.unlike),
    ):
        lines += [f"{what}: {name} ({why})" for name, why in list(cells.items())[:most]]
        if most is not None and len(cells) > most:
            lines.append(f"{what}: {len(cells) - most} more; --all names them")
    for side, held in (("BASE", comparison.base), ("NEW", comparison.new)):
        lines += [f"{side}: {note}" for note in held.notes]
    lines += [f"differs, and may: {one}" for one in comparison.told]
    loose = [c for c in comparison.changes if c.allowed is not None and c.ratio.verdict in UNDECIDED]
    if loose:
        lines.append(f"not held to its threshold: {len(loose)} ({' or '.join(UNDECIDED)})")
    lines += [
        f"slower than allowed: {change.name}: {interval(change)}, allowed {_percent(change.allowed)}"
        for change in comparison.failed
    ]
    return lines


def interval(change: Change) -> str:
    """A ratio with its interval, or with how many times were too few for one."""
    held = change.ratio
    if held.low is None or held.high is None:
        counts = f"{len(change.base.values)} and {len(change.new.values)} times"
        return f"×{words.rounded(held.value, 2)} (not enough: {counts})"
    digits = 3 if held.high / held.low < 2 else 2
    value, low, high = (words.rounded(x, digits) for x in (held.value, held.low, held.high))
    return f"×{value} [{low}, {high}]"


def markdown(comparison: Comparison, whole: bool = False) -> str:
    """The comparison for a pull request."""
    held = table(comparison, whole)
    escaped = words.Table("", held.head, tuple(tuple(_escaped(cell) for cell in row) for row in held.rows))
    lines = [f"> **{_escaped(line.strip())}**  " for line in banner(comparison)]
    lines += [""] * bool(lines) + [f"### perflab compare: {_escaped(held.title)}", ""]
    if held.rows:
        rows = ["| " + " | ".join(row) + " |" for row in escaped.rows]
        lines += ["| " + " | ".join(held.head) + " |", "| --- | ---: | ---: | ---: | --- |", *rows, ""]
    lines += [f"- {_escaped(line)}" for line in closing_lines(comparison)]
    return "\n".join([*lines, "", METHOD, ""])


def html(comparison: Comparison) -> str:
    """The comparison as one page that needs no network."""
    return _template("compare.html.jinja").render(
        comparison=comparison,
        banner=banner(comparison),
        changed=[c for c in comparison.changes if c.ratio.verdict != "SAME"],
        same=[c for c in comparison.changes if c.ratio.verdict == "SAME"],
        head=table(comparison).head,
        row=_row,
        drawn=_drawn(comparison.changes),
        closing=closing_lines(comparison),
        method=METHOD,
        version=__version__,
    )


def to_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain JSON; what must be known before any figure comes first."""
    return {
        "banner": banner(comparison),
        "differences": [vars(one) for one in comparison.differences],
        "told": [vars(one) for one in comparison.told],
        "unfit": list(comparison.unfit),
        "base": _side(comparison.base),
        "new": _side(comparison.new),
        "counts": comparison.counts,
        "changes": [
            {
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
            for change in comparison.changes
        ],
        "missing": dict(comparison.missing),
        "added": dict(comparison.added),
        "unlike": dict(comparison.unlike),
    }  # fmt: skip


def _side(side: Side) -> dict[str, Any]:
    return {"path": side.path, "kind": side.kind, "cells": len(side.timings), "notes": list(side.notes)}


def _row(change: Change) -> tuple[str, ...]:
    verdict = change.ratio.verdict + (", more than allowed" if change.too_slow else "")
    return change.name, _seconds(change.base), _seconds(change.new), interval(change), verdict


def _seconds(timing: Timing) -> str:
    low, high = median_interval(timing.values) or (None, None)
    return words.seconds(timing.median_s, significant(timing.median_s, low, high))


def _percent(share: float | None) -> str:
    return f"{100 * (share or 0):g} %"


def _escaped(text: str) -> str:
    """Text that stays text in Markdown."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*~|]|(?<=\])\()", r"\\\1", text)


def _drawn(changes: Sequence[Change]) -> dict[str, tuple[float, float, float]]:
    """Where low, middle and high of each ratio lie on a line of 200 from slower to faster, 1 at 100."""
    ends = {
        c.name: (c.ratio.low or c.ratio.value, c.ratio.value, c.ratio.high or c.ratio.value) for c in changes
    }
    widest = max((abs(math.log(x)) for three in ends.values() for x in three), default=0)
    scale = 95 / max(widest, math.log(1.05))
    return {
        name: (
            round(100 + scale * math.log(a), 1), round(100 + scale * math.log(b), 1),
            round(100 + scale * math.log(c), 1),
        )
        for name, (a, b, c) in ends.items()
    }  # fmt: skip
