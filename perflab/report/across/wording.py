"""A comparison of two results in words: its warnings, its cells as a table, the lines below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perflab import units
from perflab.report import words
from perflab.report.across.compare import UNDECIDED, Change, Comparison
from perflab.report.across.timings import Side, Timing
from perflab.statistics import median_interval, significant

METHOD = (
    "A ratio is base time over new time: above 1 the new side is faster. It is the median of all ratios of a"
    " base time to a new time, with its distribution-free 95 % interval, widened by what differs between"
    " processes. The two sides were not measured in turns: whatever else changed between them is in the ratio"
    " too. Of 100 cells that did not change, up to 5 may get a verdict by chance."
)
PAIRED = (
    "A ratio is base time over new time: above 1 the new side is faster. It is the median of the ratios"
    " within the passes of one run, with its distribution-free 95 % interval."
)
MOST_AMBIGUOUS = 10  # how many of them a table shows, the largest changes first, without --all


def banner(comparison: Comparison) -> list[str]:
    """Warnings to read before any figure: an unfit machine, environments that differ."""
    lines = [f"unfit to measure: {reason}" for reason in comparison.unfit]
    if comparison.differences:
        lines.append("compared although the environments differ:")
    return lines + [f"  {difference}" for difference in comparison.differences]


def table(comparison: Comparison, whole: bool = False) -> words.Table:
    """The cells by size of change. Unless `whole`, without the SAME and with few of the AMBIGUOUS."""
    changes = [change for change in comparison.changes if whole or change.ratio.verdict != "SAME"]
    ambiguous = [change for change in changes if change.ratio.verdict == "AMBIGUOUS"]
    hidden = {change.name for change in ([] if whole else ambiguous[MOST_AMBIGUOUS:])}
    return rows_of(comparison, [change for change in changes if change.name not in hidden])


def rows_of(comparison: Comparison, changes: list[Change]) -> words.Table:
    """These cells as a table."""
    rows = tuple((c.label, seconds(c.base), seconds(c.new), interval(c), verdict(c)) for c in changes)
    title = f"BASE {comparison.base.path}, NEW {comparison.new.path}"
    return words.Table(title, ("cell", "base", "new", "base / new", "verdict"), rows)


def closing_lines(comparison: Comparison, most: int | None = None) -> list[str]:
    """The lines below the table: counts, cells without a ratio (at most `most` by name), remarks."""
    lines = [counted(comparison), *comparison.told[:most]]
    if most is not None and len(comparison.told) > most:
        lines.append(
            f"matched although their names differ: {len(comparison.told) - most} more; --all names them"
        )
    lines += without_ratio(comparison, " in NEW", most)
    lines += remarks([("BASE", comparison.base), ("NEW", comparison.new)])
    lines += [f"also differs: {difference}" for difference in comparison.other_differences]
    return lines + threshold_lines(comparison)


def remarks(sides: Sequence[tuple[str, Side]]) -> list[str]:
    """What there is to say of each side; what is said of several stands once, with their names."""
    names: dict[str, list[str]] = {}
    for name, side in sides:
        for note in side.notes:
            names.setdefault(note, []).append(name)
    return [f"{', '.join(of)}: {note}" for note, of in names.items()]


def counted(comparison: Comparison) -> str:
    """How many cells both sides have, and with which verdicts."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in comparison.counts.items())
    number = len(comparison.changes)
    return f"{number} cell{'s'[: number != 1]} on both sides: {counts}"


def kinds(comparison: Comparison, where: str) -> dict[str, Mapping[str, str]]:
    """The cells that have no ratio and why, by kind; `where` names the new side."""
    cells = (comparison.missing, comparison.added, comparison.unlike)
    return dict(zip((f"missing{where}", f"new{where}", "no ratio"), cells, strict=True))


def without_ratio(comparison: Comparison, where: str, most: int | None = None) -> list[str]:
    """The cells that have no ratio and why, at most `most` of a kind by name; `where` names the new side."""
    lines = []
    for kind, cells in kinds(comparison, where).items():
        form = "{}: {}: {}" if kind == "no ratio" else "{}: {} ({})"
        lines += [form.format(kind, name, reason) for name, reason in list(cells.items())[:most]]
        if most is not None and len(cells) > most:
            lines.append(f"{kind}: {len(cells) - most} more; --all names them")
    return lines


def threshold_lines(comparison: Comparison) -> list[str]:
    """The cells that are slower than allowed, and how many have a threshold but no verdict."""
    undecided = [c for c in comparison.changes if c.allowed is not None and c.ratio.verdict in UNDECIDED]
    count, verdicts = len(undecided), " or ".join(UNDECIDED)
    lines = [f"not compared with its threshold: {count} ({verdicts})"] if undecided else []
    return lines + [
        f"slower than allowed: {change.label}: {interval(change)}, allowed {100 * (change.allowed or 0):g} %"
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


def verdict(change: Change) -> str:
    """The verdict of the ratio, whether the cell is slower than allowed, and whether its match is a guess."""
    guess = ", by a guess" if change.guessed else ""
    return change.ratio.verdict + (", more than allowed" if change.too_slow else "") + guess


def seconds(timing: Timing) -> str:
    """A side's median time of a cell, in as many digits as its interval supports."""
    low, high = median_interval(timing.values) or (None, None)
    return units.seconds(timing.median_s, significant(timing.median_s, low, high))
