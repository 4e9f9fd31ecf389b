"""The one table of the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from perflab.report.words import Table as Words


def table(
    *head: str, rows: Iterable[Sequence[str | Text]] = (), right: Collection[int] = (), title: str = ""
) -> Table:
    """A table with this head; the columns at `right` are aligned there. Strings are shown as they are."""
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    drawn.title = Text(title, style="table.title") if title else None
    for position, name in enumerate(head):
        drawn.add_column(Text(name), justify="right" if position in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return drawn


def of_words(words: Words, right: Collection[int] = ()) -> Table:
    """A report's table, with its title."""
    return table(*words.head, rows=words.rows, right=right, title=words.title)
