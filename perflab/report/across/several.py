"""One saved result as the base, and one or more held to it: a column a result, cell by cell.

`compare` knows two sides; here are as many as one likes, as text, Markdown, JSON and a page.
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
from perflab.records.environment import COMPARED, TOLD, said
from perflab.report import words
from perflab.report.across import compare
from perflab.report.across.compare import Change, Comparison
from perflab.report.across.sides import Side
from perflab.report.template import template

DECIDED = ("SLOWER", "FASTER")


@dataclass(frozen=True)
class Row:
    """One cell of the base, with its change in every other result; None where one has no ratio."""

    name: str
    changes: tuple[Change | None, ...]

    @property
    def held(self) -> list[Change]:
        """The changes that there are."""
        return [change for change in self.changes if change is not None]

    @property
    def verdict(self) -> str:
        """SLOWER where any is, else FASTER where any is, else SAME where all are, else "undecided"."""
        verdicts = {change.ratio.verdict for change in self.held}
        for decided in DECIDED:
            if decided in verdicts:
                return decided
        return "SAME" if verdicts == {"SAME"} else "undecided"

    @property
    def size(self) -> float:
        """The largest change: of those that are decided where any is."""
        decided = [change for change in self.held if change.ratio.verdict in DECIDED]
        return max(abs(math.log(change.ratio.value)) for change in decided or self.held)


@dataclass(frozen=True)
class Several:
    """A base and the results that are held to it, each as a comparison of two."""

    pairs: tuple[Comparison, ...]

    @property
    def base(self) -> Side:
        """What the others are held to."""
        return self.pairs[0].base

    @property
    def sides(self) -> list[Side]:
        """The base, then the others."""
        return [self.base, *(pair.new for pair in self.pairs)]

    @property
    def names(self) -> list[str]:
        """A short name of every side: its folder's or its file's, or the whole path where those are alike."""
        short = [_short(side.path) for side in self.sides]
        return short if len(set(short)) == len(short) else [side.path for side in self.sides]

    @property
    def failed(self) -> list[Change]:
        """The cells that are slower than allowed, in any result."""
        return [change for pair in self.pairs for change in pair.failed]

    @property
    def unfit(self) -> list[str]:
        """Which machines were unfit to measure, and why."""
        return [
            f"{name}: {why}" for name, side in zip(self.names, self.sides, strict=True) for why in side.unfit
        ]

    def rows(self) -> list[Row]:
        """Every cell with any ratio: what is slower first, then what is faster, the most first."""
        held = [{change.name: change for change in pair.changes} for pair in self.pairs]
        names = dict.fromkeys(name for changes in held for name in changes)
        rows = [Row(name, tuple(changes.get(name) for changes in held)) for name in names]
        rank = ("SLOWER", "FASTER", "undecided", "SAME")
        return sorted(rows, key=lambda row: (rank.index(row.verdict), -row.size))

    def why_not(self, row: Row, position: int) -> str:
        """Why a cell has no ratio in one of the results."""
        pair = self.pairs[position]
        for told in (pair.missing, pair.added, pair.unlike):
            if row.name in told:
                return told[row.name]
        return "not in either"


def compare_all(
    base: Side, news: Sequence[Side], *, allowed: Mapping[str, float] | None = None, anyway: bool = False
) -> Several:
    """Hold every result to the base. Raises PerflabError as `compare.compare` does, for any of them."""
    allowed = allowed or {}
    both = {
        new.path: [timing.operation for name, timing in base.timings.items() if name in new.timings]
        for new in news
    }
    if len(news) > 1:
        compare.check_operations(allowed, [operation for known in both.values() for operation in known])
    pairs = []
    for new in news:
        mine = {
            operation: share
            for operation, share in allowed.items()
            if len(news) == 1 or not operation or operation in both[new.path]
        }
        try:
            pairs.append(compare.compare(base, new, allowed=mine, anyway=anyway))
        except PerflabError as wrong:
            raise PerflabError(f"{new.path}: {wrong}" if len(news) > 1 else str(wrong)) from wrong
    return Several(tuple(pairs))


# ---------------------------------------------------------------------------------------------- in words


def banner(several: Several) -> list[str]:
    """What a reader must know before any figure: an unfit machine, environments that differ."""
    lines = [f"unfit to measure: {why}" for why in several.unfit]
    if any(pair.differences for pair in several.pairs):
        lines.append("compared although the environments differ in what makes a ratio one of machines:")
        lines += [
            f"  {name}: {one}"
            for name, pair in zip(several.names[1:], several.pairs, strict=True)
            for one in pair.differences
        ]
    return lines


def environments(several: Several) -> words.Table | None:
    """Where the environments differ, a column a side; None where they tell no difference."""
    rows = []
    for key in (*COMPARED, *TOLD):
        told = [said(side.environment, key) for side in several.sides]
        if len(set(filter(None, told))) > 1:
            counts = "yes" if key in COMPARED else "no"
            rows.append((key.replace("_", " "), *(text or "not told" for text in told), counts))
    head = ("what", *several.names, "makes a ratio one of machines")
    return words.Table("Where the environments differ", head, tuple(rows)) if rows else None


def verdicts(several: Several) -> words.Table:
    """How many cells of each result got which verdict."""
    kinds = list(dict.fromkeys(kind for pair in several.pairs for kind in pair.counts))
    kinds = [*(kind for kind in DECIDED if kind in kinds), *(kind for kind in kinds if kind not in DECIDED)]
    rows = tuple(
        (name, str(len(pair.changes)), *(str(pair.counts.get(kind, 0)) for kind in kinds),
         str(len(pair.missing) + len(pair.unlike)), str(len(pair.added)))
        for name, pair in zip(several.names[1:], several.pairs, strict=True)
    )  # fmt: skip
    head = (f"against {several.names[0]}", "cells", *kinds, "without a ratio", "new")
    return words.Table("In all", head, rows)


def table(several: Several, whole: bool = False, *, times: bool = False) -> words.Table:
    """Every cell, a column a result. Unless `whole`, none that are the SAME, and few of the undecided.

    With `times`, each result's time stands beside its ratio, and what is slower than allowed is marked.
    """
    rows = several.rows()
    undecided = [row for row in rows if row.verdict == "undecided"]
    hidden = [] if whole else undecided[compare.MOST_AMBIGUOUS :]
    shown = [row for row in rows if (whole or row.verdict != "SAME") and row not in hidden]
    base, *news = several.names
    head = ("cell", f"{base} (base)", *news)
    title = f"base {several.base.path}, against it " + ", ".join(pair.new.path for pair in several.pairs)
    return words.Table(title, head, tuple(_row(several, row, times) for row in shown))


def _row(several: Several, row: Row, times: bool) -> tuple[str, ...]:
    found = []
    for position, change in enumerate(row.changes):
        if change is None:
            found.append(f"– ({several.why_not(row, position)})")
        else:
            held = compare.interval(change)
            long = f"{compare.seconds(change.new)}, {held} {compare.verdict(change)}"
            found.append(long if times else f"{held} {change.ratio.verdict}")
    return (row.name, compare.seconds(row.held[0].base), *found)


def closing_lines(several: Several, most: int | None = None) -> list[str]:
    """What stands below the table, result by result."""
    lines = [f"{several.names[0]}: {note}" for note in several.base.notes]
    for name, pair in zip(several.names[1:], several.pairs, strict=True):
        told = [*compare.counted(pair), *compare.without_ratio(pair, "", most), *pair.new.notes]
        lines += [f"{name}: {line}" for line in (*told, *compare.held_to_thresholds(pair))]
    return lines


def markdown(several: Several, whole: bool = False) -> str:
    """The comparison for a pull request."""
    lines = [f"> **{words.markdown_text(line.strip())}**  " for line in banner(several)]
    lines += [""] * bool(lines) + [f"### perflab compare: {words.markdown_text(table(several).title)}", ""]
    for held in (environments(several), verdicts(several), table(several, whole, times=True)):
        if held is not None and held.rows:
            rows = (tuple(map(words.markdown_text, row)) for row in (held.head, *held.rows))
            head, *body = ("| " + " | ".join(row) + " |" for row in rows)
            lines += [head, "|" + " --- |" * len(held.head), *body, ""]
    lines += [f"- {words.markdown_text(line)}" for line in closing_lines(several)]
    return "\n".join([*lines, "", compare.METHOD, ""])


def to_json(several: Several) -> dict[str, Any]:
    """The comparison as plain JSON; what must be known before any figure comes first."""
    differing = environments(several)
    return {
        "banner": banner(several),
        "unfit": several.unfit,
        "environments": [dict(zip(differing.head, row, strict=True)) for row in differing.rows]
        if differing
        else [],
        "base": compare.side_json(several.base),
        "news": [
            compare.side_json(pair.new)
            | {
                "differences": [vars(one) for one in pair.differences],
                "told": [vars(one) for one in pair.told],
                "counts": pair.counts,
                "changes": [compare.change_json(change) for change in pair.changes],
                "missing": dict(pair.missing),
                "added": dict(pair.added),
                "unlike": dict(pair.unlike),
            }
            for pair in several.pairs
        ],
    }


def html(several: Several) -> str:
    """The comparison as one page that needs neither network nor script."""
    rows = several.rows()
    groups = [(title, intro, [row for row in rows if row.verdict == kind]) for kind, title, intro in GROUPS]
    return template("compare.html.jinja").render(
        several=several,
        zipped=list(zip(several.names, several.sides, strict=True)),
        title=f"{', '.join(several.names[1:])} against {several.names[0]}",
        banner=banner(several),
        environments=environments(several),
        verdicts=verdicts(several),
        groups=[(title, intro, held) for title, intro, held in groups if held],
        anchors=_anchors(rows),
        drawn=_drawn([change for row in rows for change in row.held]),
        compare=compare,
        closing=closing_lines(several),
        method=compare.METHOD,
        version=__version__,
    )


GROUPS = (
    ("SLOWER", "Slower", "in at least one result"),
    ("FASTER", "Faster", "in at least one result, and slower in none"),
    ("undecided", "Undecided", "the interval is too wide, or there is none"),
    ("SAME", "The same", "within ±1 %, in every result"),
)


def _short(path: str) -> str:
    held = PurePath(path)
    return (held.parent.name if held.name == "records.jsonl" else held.name) or path


def _anchors(rows: Sequence[Row]) -> dict[str, str]:
    """A name on the page for every cell; no two alike."""
    found: dict[str, str] = {}
    for row in rows:
        plain = "cell-" + re.sub(r"[^\w.@]+", "-", row.name, flags=re.ASCII).strip("-")
        same = sum(name == plain or name.startswith(f"{plain}--") for name in found.values())
        found[row.name] = f"{plain}--{same}" if same else plain
    return found


def _drawn(changes: Sequence[Change]) -> Callable[[Change], list[float]]:
    """Where low, middle and high of a ratio lie on a line of 200 from slower to faster, 1 at 100."""
    widest = max((abs(math.log(end)) for change in changes for end in _ends(change)), default=0)
    scale = 95 / max(widest, math.log(1.05))
    return lambda change: [round(100 + scale * math.log(end), 1) for end in _ends(change)]


def _ends(change: Change) -> tuple[float, float, float]:
    held = change.ratio
    return held.low or held.value, held.value, held.high or held.value
