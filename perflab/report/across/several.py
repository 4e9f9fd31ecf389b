"""One saved result as the base, and one or more compared with it: a column a result, cell by cell.

`compare` has two sides; here are any number, as text and JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from perflab.contract import PerflabError
from perflab.records.environment import COMPARED, REPORTED, in_words
from perflab.report import words
from perflab.report.across import allowed as shares
from perflab.report.across import compare, inside, verdict, wording
from perflab.report.across.compare import Change, Comparison
from perflab.report.across.matching import Choice
from perflab.report.across.timings import Side

DECIDED = ("SLOWER", "FASTER")


@dataclass(frozen=True)
class Row:
    """One cell of the base, with its change in every other result; None where there is no ratio.

    `name` is as it is shown.
    """

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
        return max(change.size for change in decided or self.known)


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
        by_name = [{change.label: change for change in pair.changes} for pair in self.pairs]
        names = dict.fromkeys(name for changes in by_name for name in changes)
        rows = [Row(name, tuple(changes.get(name) for changes in by_name)) for name in names]
        rank = (*DECIDED, "undecided", "SAME")
        return sorted(rows, key=lambda row: (rank.index(row.verdict), -row.size))

    def why_not(self, row: Row, position: int) -> str:
        """Why a cell has no ratio in one of the results."""
        pair = self.pairs[position]
        return {**pair.added, **pair.missing, **pair.unlike}.get(row.name, "not in either")


def compare_all(
    base: Side, news: Sequence[Side], *, allowed: Mapping[str, float] | None = None, anyway: bool = False,
    maps: Sequence[str] = (), select: str = "", baseline: str = "",
) -> Several:  # fmt: skip
    """Compare every result with the base; or the base with itself, where `baseline` names one of its cells.

    `maps` and `select` are the texts of --map and -k. Raises PerflabError as `compare.compare` and
    `matching.Choice.of` do, for any of them.
    """
    if baseline:
        if news:
            raise PerflabError(f"--baseline: compares within one result; got {1 + len(news)}")
        base, new = inside.against(base, baseline)
        news = [new]
    choice = Choice.of(base, news, maps, select)
    if len(news) == 1:
        options: dict[str, Any] = {"allowed": allowed, "choice": choice, "paired": bool(baseline)}
        return Several((compare.compare(base, news[0], anyway=anyway, **options),))
    timings, allowed = base.timings, allowed or {}
    common = [{name: timings[name] for name in timings if name in new.timings} for new in news]
    shares.check(allowed, {name: timing for each in common for name, timing in each.items()})
    pairs = []
    for new, cells in zip(news, common, strict=True):
        fitting = {text: share for text, share in allowed.items() if not text or shares.fits_any(text, cells)}
        try:
            pairs.append(compare.compare(base, new, allowed=fitting, anyway=anyway, choice=choice))
        except PerflabError as error:
            raise PerflabError(f"{new.path}: {error}") from error
    return Several(tuple(pairs))


def sentences(several: Several) -> list[str]:
    """The verdict on each result in one sentence, with its name where there are several."""
    if len(several.pairs) == 1:
        return [verdict.sentence(several.pairs[0])]
    return [f"{name}: {verdict.sentence(pair)}" for name, pair in several.named]


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
    """The mean of each result, and how many of its cells got which verdict."""
    kinds = list(dict.fromkeys(kind for pair in several.pairs for kind in pair.counts))
    kinds.sort(key=lambda kind: (*DECIDED, kind).index(kind))
    rows = tuple(
        (name, str(len(pair.changes)), str(verdict.mean(pair.changes) or "–"),
         *(str(pair.counts.get(kind, 0)) for kind in kinds),
         str(len(pair.missing) + len(pair.unlike)), str(len(pair.added)))
        for name, pair in several.named
    )  # fmt: skip
    head = (f"against {several.names[0]}", "cells", "geometric mean", *kinds, "without a ratio", "new")
    return words.Table("In all", head, rows)


def table(several: Several, whole: bool = False, *, times: bool = False) -> words.Table:
    """Every cell, a column a result. Unless `whole`, without the SAME and with few of the undecided.

    With `times`, each result's time is before its ratio, and cells that are slower than allowed are marked.
    """
    rows = several.rows()
    undecided = [row.name for row in rows if row.verdict == "undecided"]
    hidden = set() if whole else {*undecided[wording.MOST_AMBIGUOUS :]}
    shown = [row for row in rows if (whole or row.verdict != "SAME") and row.name not in hidden]
    return rows_of(several, shown, times=times)


def rows_of(several: Several, rows: Sequence[Row], *, times: bool = False) -> words.Table:
    """These cells as a table, a column a result."""
    base, *news = several.names
    title = f"base {several.base.path}, against it " + ", ".join(pair.new.path for pair in several.pairs)

    def cell(row: Row, position: int) -> str:
        change = row.changes[position]
        if change is None:
            return f"– ({several.why_not(row, position)})"
        ratio = wording.interval(change)
        if times:
            return f"{wording.seconds(change.new)}, {ratio} {wording.verdict(change)}"
        return f"{ratio} {change.ratio.verdict}"

    positions = range(len(news))
    cells = tuple(
        (row.name, wording.seconds(row.known[0].base), *(cell(row, position) for position in positions))
        for row in rows
    )
    return words.Table(title, ("cell", f"{base} (base)", *news), cells)


def closing_lines(several: Several, most: int | None = None) -> list[str]:
    """The lines below the table, result by result."""
    lines = wording.remarks([*zip(several.names, several.sides, strict=True)])
    for name, pair in several.named:
        cells = [wording.counted(pair), *pair.told[:most], *wording.without_ratio(pair, "", most)]
        lines += [f"{name}: {line}" for line in (*cells, *wording.threshold_lines(pair))]
    return lines


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


def _short(path: str) -> str:
    file = PurePath(path)
    return (file.parent.name if file.name == "records.jsonl" else file.name) or path
