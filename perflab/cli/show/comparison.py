"""Saved results side by side: two, or several against the first."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from perflab.cli.show.table import table
from perflab.report.across import compare, several

MOST_NAMED = 20  # cells without a ratio that are named, unless all are asked for
COLOURS = {"SLOWER": "red", "FASTER": "green", "UNMEASURABLE": "red"}


def of_two(comparison: compare.Comparison, whole: bool) -> Iterator[RenderableType]:
    """A comparison of two results; `whole`: with every cell."""
    shown = compare.table(comparison, whole)
    for line in compare.banner(comparison):
        yield Text(line, style="bold red")
    yield Text(shown.title)
    rows = ([*map(Text, row[:-1]), Text(row[-1], COLOURS.get(_verdict(row), ""))] for row in shown.rows)
    drawn = table(*shown.head, rows=rows, right=(1, 2, 3))
    for column in drawn.columns[1:]:
        column.no_wrap = True
    if shown.rows:
        yield drawn
    yield from map(Text, compare.closing_lines(comparison, None if whole else MOST_NAMED))


def of_several(comparison: several.Several, whole: bool) -> Iterator[RenderableType]:
    """A comparison of several results with the first; `whole`: with every cell."""
    shown = several.table(comparison, whole)
    for line in several.banner(comparison):
        yield Text(line, style="bold red")
    yield Text(shown.title)
    for block in (several.environments(comparison), several.verdicts(comparison), shown):
        if block is not None and block.rows:
            yield table(*block.head, rows=([Text(row[0]), *map(_coloured, row[1:])] for row in block.rows))
    yield from map(Text, several.closing_lines(comparison, None if whole else MOST_NAMED))


def _verdict(row: tuple[str, ...]) -> str:
    return row[-1].partition(",")[0]


def _coloured(cell: str) -> Text:
    return Text(cell, next((colour for verdict, colour in COLOURS.items() if verdict in cell), ""))
