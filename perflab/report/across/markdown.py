"""A comparison as Markdown for a pull request: the verdict, what changed, and the rest in a fold."""

from __future__ import annotations

from collections.abc import Sequence

from perflab.report import words
from perflab.report.across import several as columns
from perflab.report.across import verdict, wording
from perflab.report.across.compare import Comparison
from perflab.report.across.several import Row, Several

MOST_LINES = 56  # of the whole text, unless all cells are asked for
MOST_ROWS = 10  # cells above the fold
MOST_GROUPS = 6  # rows of a table of groups
MOST_NAMED = 3  # cells of a kind that are named in one line
MOST_WARNINGS, MOST_REMARKS = 9, 5


def markdown(several: Several, whole: bool = False) -> str:
    """The comparison of two results, or of several with the first; `whole`: with every cell."""
    pair = several.pairs[0] if len(several.pairs) == 1 else None
    rows = [*several.rows()]
    decided = [row for row in rows if row.verdict in columns.DECIDED] if not whole else rows
    top = decided if whole else decided[:MOST_ROWS]
    rest = [] if whole else [row for row in rows if row not in top]
    warnings = _few(wording.banner(pair) if pair else columns.banner(several), MOST_WARNINGS, whole)
    lines = [f"> **{words.markdown_text(line.strip())}**  " for line in warnings]
    title = f"BASE {pair.base.path}, NEW {pair.new.path}" if pair else columns.table(several).title
    lines += [""] * bool(lines) + [f"### perflab compare: {words.markdown_text(title)}", ""]
    lines += [f"**{words.markdown_text(line)}**  " for line in columns.sentences(several)]
    if not pair:
        lines += ["", *_table(columns.verdicts(several))]
    if top:
        lines += ["", *_cells(several, pair, top)]
    lines += ["", *(f"- {words.markdown_text(line)}" for line in _remarks(several, pair, whole))]
    fold = ["", "<details><summary>All other figures, and how they were made</summary>", ""]
    end = [
        wording.PAIRED if several.pairs[0].paired else wording.METHOD,
        "",
        verdict.MEAN,
        "",
        "</details>",
        "",
    ]
    others = [*verdict.groups(pair)] if pair else [columns.environments(several)]
    for table in filter(None, others):
        part = [*_table(table, None if whole else MOST_GROUPS), ""]
        fold += part if whole or len(lines + fold + end + part) <= MOST_LINES else []
    room = max(
        0, MOST_LINES - len(lines) - len(fold) - len(end) - 5
    )  # with a head, a rule, a count, two spaces
    if rest and room > 0:
        fold += [*_cells(several, pair, rest[:room]), ""]
    if rest[room:]:
        fold += [f"{len(rest) - room} more cells: `--all` lists them, `--html` shows them.", ""]
    return "\n".join([*lines, *fold, *end])


def _cells(several: Several, pair: Comparison | None, rows: Sequence[Row]) -> list[str]:
    if pair is None:
        return words.markdown(columns.rows_of(several, rows, times=True)).splitlines()
    shown = words.markdown(wording.rows_of(pair, [row.known[0] for row in rows]))
    return shown.replace("| --- | --- | --- | --- |", "| --- | ---: | ---: | ---: |", 1).splitlines()


def _table(table: words.Table, most: int | None = None) -> list[str]:
    rows = table.rows[:most]
    lines = words.markdown(words.Table(table.title, table.head, rows)).splitlines()
    more = len(table.rows) - len(rows)
    return lines + ["", f"{more} more rows of this table are on the page."] * (more > 0)


def _remarks(several: Several, pair: Comparison | None, whole: bool) -> list[str]:
    """What else there is to say: matches by a guess, cells without a ratio, thresholds, notes."""
    if whole:
        return wording.closing_lines(pair) if pair else columns.closing_lines(several)
    lines: list[str] = []
    for name, each in several.named:
        prefix = "" if pair else f"{name}: "
        found = [*_few([wording.counted(each), *each.told], 1 + MOST_NAMED, False), *_joined(each, not pair)]
        found += _few(wording.threshold_lines(each), MOST_REMARKS, False)
        lines += [prefix + line for line in found]
    sides = zip(("BASE", "NEW") if pair else several.names, several.sides, strict=True)
    lines += _few(wording.remarks([*sides]), MOST_REMARKS, False)
    if pair:
        differing = [f"also differs: {difference}" for difference in pair.other_differences]
        lines += _few(differing, MOST_REMARKS, False)
    return _few(lines, 3 * MOST_REMARKS, False)


def _joined(pair: Comparison, plain: bool) -> list[str]:
    """A line for each kind of cells without a ratio, the first of them by name."""
    lines = []
    for kind, cells in wording.kinds(pair, "" if plain else " in NEW").items():
        named = [f"{name} ({reason})" for name, reason in list(cells.items())[:MOST_NAMED]]
        more = [f"{len(cells) - MOST_NAMED} more"] if len(cells) > MOST_NAMED else []
        lines += [f"{kind}: {'; '.join([*named, *more])}"] if named else []
    return lines


def _few(lines: Sequence[str], most: int, whole: bool) -> list[str]:
    """At most so many lines, the last of which says how many more there are."""
    if whole or len(lines) <= most:
        return [*lines]
    return [*lines[: most - 1], f"{len(lines) - most + 1} more of these: `--all` lists them"]
