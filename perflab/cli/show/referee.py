"""What `perflab referee` found, as tables for a terminal and as a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from perflab.cli.show.table import Table
from perflab.report import words
from perflab.run.referee.comparison import JUDGES, LETS, Finding, tallies
from perflab.run.referee.corpus import PERFLAB, Kind

PLAIN = "plain"  # the honest file over whose time that of a cheat is told
WORTH_TELLING = 1.2  # a smaller ratio of times is noise
COMMAND = "perflab referee --markdown docs/referee.md"
OPENING = """# Who lets what through

A file that cheats can get a time that is not its own, or a time for wrong numbers. perflab carries a corpus
of such files, {cheats} kinds, and of {honest} honest but odd ones, which a judge must not accuse:
`perflab/data/corpus`. Each file says in its first lines what it does, and what perflab says of it.

`perflab referee` shows every file to perflab and to what people use today, each time in a process of its own
with limits. A cheat is let through where it gets a time and no word is said against it. A trick that is made
for one judge is shown to that one and to perflab alone, which is marked by –. `perflab referee KIND` takes
some of the kinds; `--json` gives all that was found.

The other judges are a few lines each, `perflab/run/referee/habits.py`. They load the file into their own
process, compare with the textbook's lines in NumPy, if they compare, and take the time of calls.
`np.allclose` has its own tolerances, or 1e-2. The honest files that are accused are right: they sum in
another order.

This page was made by `{command}`. The case is `fully_connected` on the
handwritten digits, in float32, on one thread. ×3 means a time three times as short as that of plain honest
code, by the same judge.
"""


def pieces(findings: Sequence[Finding]) -> Iterator[RenderableType]:
    """The tables, and what perflab is at fault with."""
    yield _totals(findings)
    for head, rows in _by_kind(findings):
        yield Table(*head, rows=rows)
    for each in findings:
        if each.judge == PERFLAB and each.wrong:
            yield Text(f"{each.kind.name}: perflab {each.outcome}: {each.told or 'a time'}", "red")


def listing(kinds: Iterable[Kind]) -> Iterator[RenderableType]:
    """The kinds and what each does."""
    rows = [(kind.name, kind.family or "honest", kind.summary) for kind in kinds]
    yield Table("kind", "family", "what it does", rows=rows)


def page(findings: Sequence[Finding]) -> str:
    """The page of all tables, in Markdown."""
    kinds = {each.kind.name: each.kind for each in findings}
    honest = sum(kind.honest for kind in kinds.values())
    parts = [OPENING.format(cheats=len(kinds) - honest, honest=honest, command=COMMAND)]
    parts.append(_markdown(*_of_totals(findings)))
    said = {each.kind.name: each.told for each in findings if each.judge == PERFLAB}
    for head, rows in _by_kind(findings):
        is_honest = kinds[rows[0][0]].honest
        parts.append(f"## {'Honest, odd files' if is_honest else 'Cheats'}\n")
        more = () if is_honest else ("perflab says",)
        wide = [
            (f"`{name}`", kinds[name].summary, *cells, *([said.get(name, "")] if more else []))
            for name, *cells in rows
        ]
        parts.append(_markdown((head[0], "what it does", *head[1:], *more), wide))
    return "\n".join(parts)


def _totals(findings: Sequence[Finding]) -> Table:
    head, rows = _of_totals(findings)
    return Table(*head, rows=rows)


def _of_totals(findings: Sequence[Finding]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    head = ("judge", "cheats let through", "honest files accused")
    rows: list[tuple[str, ...]] = [
        (JUDGES[each.judge].meaning, f"{each.lets} of {each.cheats}", f"{each.accuses} of {each.honest}")
        for each in tallies(findings)
    ]
    return head, rows


def _by_kind(findings: Sequence[Finding]) -> Iterator[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """A head and rows for the cheats, and for the honest files: a row a kind, a column a judge."""
    judges = list(dict.fromkeys(each.judge for each in findings))
    plain = {each.judge: each.seconds for each in findings if each.kind.name == PLAIN}
    for honest in (False, True):
        kinds = dict.fromkeys(each.kind.name for each in findings if each.kind.honest == honest)
        words = {(each.kind.name, each.judge): _word(each, plain.get(each.judge)) for each in findings}
        rows = [(name, *(words.get((name, judge), "–") for judge in judges)) for name in kinds]
        if rows:
            yield ("honest file" if honest else "cheat", *judges), rows


def _word(finding: Finding, plain_s: float | None) -> str:
    """What a judge did, and how much too short the time is that it gives."""
    if finding.outcome != LETS or not plain_s or not finding.seconds:
        return finding.outcome
    times = plain_s / finding.seconds
    return f"{LETS} ×{times:.2g}" if times > WORTH_TELLING else LETS


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return words.markdown_rows([*map(_plain, head)], (map(_plain, row) for row in rows)) + "\n"


def _plain(cell: str) -> str:
    return cell.replace("|", "\\|").replace("<", "&lt;")
