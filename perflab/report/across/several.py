"""One saved result as the base, and one or more compared with it: a column a result, cell by cell.

`compare` has two sides; here are any number, as text, Markdown, JSON and a page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from perflab import __version__
from perflab.contract import PerflabError
from perflab.records.environment import COMPARED, REPORTED, in_words
from perflab.report import words
from perflab.report.across import compare
from perflab.report.across.compare import Change, Comparison
from perflab.report.across.sides import Side
from perflab.report.template import template

DECIDED = ("SLOWER", "FASTER")
GROUPS = (
    ("SLOWER", "Slower", "in at least one result"),
    ("FASTER", "Faster", "in at least one result, and slower in none"),
    ("undecided", "Undecided", "the interval is too wide, or there is none"),
    ("SAME", "The same", "within ±1 %, in every result"),
)


@dataclass(frozen=True)
class Row:
    """One cell of the base, with its change in every other result; None where there is no ratio."""

    name: str
    changes: tuple[Change | None, ...]

    @property
    def known(self) -> list[Change]:
        """The changes that have a ratio."""
        return [change for change in self.changes if change is not None]

    @property
    def verdict(self) -> str:
        """SLOWER where any is, else FASTER where any is, else SAME where all are, else "undecided"."""
        verdicts = {change.ratio.verdict for change in self.known}
        decided = [verdict for verdict in DECIDED if verdict in verdicts]
        return decided[0] if decided else "SAME" if verdicts == {"SAME"} else "undecided"

    @property
    def size(self) -> float:
        """The largest change; where any is decided, the largest of those."""
        decided = [change for change in self.known if change.ratio.verdict in DECIDED]
        return max(abs(math.log(change.ratio.value)) for change in decided or self.known)


@dataclass(frozen=True)
class Several:
    """A base and the results that are compared with it, each as a comparison of two."""

    pairs: tuple[Comparison, ...]

    @property
    def base(self) -> Side:
        """The result that all others are compared with."""
        return self.pairs[0].base

    @property
    def sides(self) -> list[Side]:
        """The base, then the others."""
        return [self.base, *(pair.new for pair in self.pairs)]

    @property
    def names(self) -> list[str]:
        """The name of each side's folder or file; the whole path where two of these are equal."""
        short = [_short(side.path) for side in self.sides]
        return short if len(set(short)) == len(short) else [side.path for side in self.sides]

    @property
    def named(self) -> list[tuple[str, Comparison]]:
        """Every result but the base, with its name."""
        return list(zip(self.names[1:], self.pairs, strict=True))

    @property
    def failed(self) -> list[Change]:
        """The cells that are slower than allowed, in any result."""
        return [change for pair in self.pairs for change in pair.failed]

    @property
    def unfit(self) -> list[str]:
        """Which machines were unfit to measure, and why."""
        named = zip(self.names, self.sides, strict=True)
        return [f"{name}: {reason}" for name, side in named for reason in side.unfit]

    def rows(self) -> list[Row]:
        """Every cell with any ratio: slower ones first, then faster ones, the largest changes first."""
        by_name = [{change.name: change for change in pair.changes} for pair in self.pairs]
        names = dict.fromkeys(name for changes in by_name for name in changes)
        rows = [Row(name, tuple(changes.get(name) for changes in by_name)) for name in names]
        rank = (*DECIDED, "undecided", "SAME")
        return sorted(rows, key=lambda row: (rank.index(row.verdict), -row.size))

    def why_not(self, row: Row, position: int) -> str:
        """Why a cell has no ratio in one of the results."""
        pair = self.pairs[position]
        return {**pair.unlike, **pair.added, **pair.missing}.get(row.name, "not in either")


def compare_all(
    base: Side, news: Sequence[Side], *, allowed: Mapping[str, float] | None = None, anyway: bool = False
) -> Several:
    """Compare every result with the base. Raises PerflabError as `compare.compare` does, for any of them."""
    if len(news) == 1:
        return Several((compare.compare(base, news[0], allowed=allowed, anyway=anyway),))
    timings, allowed = base.timings, allowed or {}
    operations = [[timings[name].operation for name in timings if name in new.timings] for new in news]
    compare.check_operations(allowed, [operation for common in operations for operation in common])
    pairs = []
    for new, common in zip(news, operations, strict=True):
        shares = {name: share for name, share in allowed.items() if not name or name in common}
        try:
            pairs.append(compare.compare(base, new, allowed=shares, anyway=anyway))
        except PerflabError as error:
            raise PerflabError(f"{new.path}: {error}") from error
    return Several(tuple(pairs))


def banner(several: Several) -> list[str]:
    """Warnings to read before any figure: an unfit machine, environments that differ."""
    lines = [f"unfit to measure: {reason}" for reason in several.unfit]
    if any(pair.differences for pair in several.pairs):
        lines.append("compared although the environments differ in what must be equal:")
    return lines + [f"  {name}: {each}" for name, pair in several.named for each in pair.differences]


def environments(several: Several) -> words.Table | None:
    """Where the environments differ, a column a side; None where no difference is recorded."""
    rows = []
    for key in (*COMPARED, *REPORTED):
        texts = [in_words(side.environment, key) for side in several.sides]
        if len(set(filter(None, texts))) > 1:
            must_be_equal = "yes" if key in COMPARED else "no"
            rows.append((key.replace("_", " "), *(text or "not recorded" for text in texts), must_be_equal))
    head = ("what", *several.names, "must be equal")
    return words.Table("Where the environments differ", head, tuple(rows)) if rows else None


def verdicts(several: Several) -> words.Table:
    """How many cells of each result got which verdict."""
    kinds = list(dict.fromkeys(kind for pair in several.pairs for kind in pair.counts))
    kinds.sort(key=lambda kind: (*DECIDED, kind).index(kind))
    rows = tuple(
        (name, str(len(pair.changes)), *(str(pair.counts.get(kind, 0)) for kind in kinds),
         str(len(pair.missing) + len(pair.unlike)), str(len(pair.added)))
        for name, pair in several.named
    )  # fmt: skip
    head = (f"against {several.names[0]}", "cells", *kinds, "without a ratio", "new")
    return words.Table("In all", head, rows)


def table(several: Several, whole: bool = False, *, times: bool = False) -> words.Table:
    """Every cell, a column a result. Unless `whole`, without the SAME and with few of the undecided.

    With `times`, each result's time is before its ratio, and cells that are slower than allowed are marked.
    """
    rows = several.rows()
    undecided = [row for row in rows if row.verdict == "undecided"]
    hidden = [] if whole else undecided[compare.MOST_AMBIGUOUS :]
    shown = [row for row in rows if (whole or row.verdict != "SAME") and row not in hidden]
    base, *news = several.names
    title = f"base {several.base.path}, against it " + ", ".join(pair.new.path for pair in several.pairs)

    def cell(row: Row, position: int) -> str:
        change = row.changes[position]
        if change is None:
            return f"– ({several.why_not(row, position)})"
        ratio = compare.interval(change)
        if times:
            return f"{compare.seconds(change.new)}, {ratio} {compare.verdict(change)}"
        return f"{ratio} {change.ratio.verdict}"

    positions, rows_of_words = range(len(news)), []
    for row in shown:
        cells = (cell(row, position) for position in positions)
        rows_of_words.append((row.name, compare.seconds(row.known[0].base), *cells))
    return words.Table(title, ("cell", f"{base} (base)", *news), tuple(rows_of_words))


def closing_lines(several: Several, most: int | None = None) -> list[str]:
    """The lines below the table, result by result."""
    lines = [f"{several.names[0]}: {note}" for note in several.base.notes]
    for name, pair in several.named:
        cells = [compare.counted(pair), *compare.without_ratio(pair, "", most)]
        lines += [f"{name}: {line}" for line in (*cells, *pair.new.notes, *compare.threshold_lines(pair))]
    return lines


def markdown(several: Several, whole: bool = False) -> str:
    """The comparison for a pull request."""
    tables = [environments(several), verdicts(several), table(several, whole, times=True)]
    return compare.markdown_of(banner(several), table(several).title, tables, closing_lines(several))


def to_json(several: Several) -> dict[str, Any]:
    """The comparison as plain JSON; the warnings come first."""
    differing = environments(several)
    names = ("what", *several.names, "makes a ratio one of machines")  # keys stay as they were
    rows = differing.rows if differing else ()
    return {
        "banner": banner(several), "unfit": several.unfit,
        "environments": [dict(zip(names, row, strict=True)) for row in rows],
        "base": compare.side_json(several.base),
        "news": [compare.side_json(pair.new) | compare.cells_json(pair) for pair in several.pairs],
    }  # fmt: skip


def html(several: Several) -> str:
    """The comparison as one page that needs neither network nor script."""
    rows = several.rows()
    groups = [(title, intro, [row for row in rows if row.verdict == kind]) for kind, title, intro in GROUPS]
    return template("compare.html.jinja").render(
        several=several, zipped=list(zip(several.names, several.sides, strict=True)),
        title=f"{', '.join(several.names[1:])} against {several.names[0]}", banner=banner(several),
        environments=environments(several), verdicts=verdicts(several),
        groups=[group for group in groups if group[-1]], anchors=_anchors(rows),
        drawn=_drawn([change for row in rows for change in row.known]), compare=compare,
        closing=closing_lines(several), method=compare.METHOD, version=__version__,
    )  # fmt: skip


def _short(path: str) -> str:
    file = PurePath(path)
    return (file.parent.name if file.name == "records.jsonl" else file.name) or path


def _anchors(rows: Sequence[Row]) -> dict[str, str]:
    """A name on the page for every cell; no two are equal."""
    anchors: dict[str, str] = {}
    for row in rows:
        plain = "cell-" + re.sub(r"[^\w.@]+", "-", row.name, flags=re.ASCII).strip("-")
        same = sum(anchor == plain or anchor.startswith(f"{plain}--") for anchor in anchors.values())
        anchors[row.name] = f"{plain}--{same}" if same else plain
    return anchors


def _drawn(changes: Sequence[Change]) -> Callable[[Change], list[float]]:
    """Where low, middle and high of a ratio are on a line of 200 from slower to faster, 1 at 100."""
    widest = max((abs(math.log(end)) for change in changes for end in _ends(change)), default=0)
    scale = 95 / max(widest, math.log(1.05))
    return lambda change: [round(100 + scale * math.log(end), 1) for end in _ends(change)]


def _ends(change: Change) -> tuple[float, float, float]:
    ratio = change.ratio
    return ratio.low or ratio.value, ratio.value, ratio.high or ratio.value
