"""Saved results side by side: two, or several against the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from perflab.cli.show.table import Table
from perflab.report.across import compare, several, verdict, wording

MOST_NAMED = 20  # cells without a ratio that are named, unless all are asked for
COLOURS = {"SLOWER": "red", "FASTER": "green", "UNMEASURABLE": "red"}


def shown(comparison: compare.Comparison | several.Several, whole: bool) -> Iterator[RenderableType]:
    """A comparison of two results, or of several with the first; `whole`: with every cell."""
    subject: Any = several
    if isinstance(comparison, compare.Comparison):
        subject, sentences = wording, [verdict.sentence(comparison)]
        blocks = verdict.groups(comparison)
    else:
        sentences = several.sentences(comparison)
        blocks = [each for each in (several.environments(comparison), several.verdicts(comparison)) if each]
    cells = subject.table(comparison, whole)
    for line in subject.banner(comparison):
        yield Text(line, style="bold red")
    yield Text(cells.title)
    for line in sentences:
        yield Text(line, style="bold")
    yield Text()
    for block in (*blocks, cells):
        if block.rows:
            rows = ([Text(row[0]), *map(coloured, row[1:])] for row in block.rows)
            yield Table(*block.head, rows=rows)
    yield from map(Text, subject.closing_lines(comparison, None if whole else MOST_NAMED))


def coloured(cell: str) -> Text:
    """A value of a table, in the colour of the verdict in it."""
    return Text(cell, next((colour for verdict, colour in COLOURS.items() if verdict in cell), ""))
