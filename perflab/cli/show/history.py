"""A history in a terminal: what changed where, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from perflab.cli.show.comparison import coloured
from perflab.cli.show.table import Table
from perflab.report.across import history as past
from perflab.report.across.history import History


def shown(history: History) -> Iterator[RenderableType]:
    """The sentence, the changes, the facts and remarks."""
    yield Text(past.sentence(history), style="bold")
    changes = past.table(history)
    if changes.rows:
        yield Text()
        rows = ([Text(row[0]), *map(coloured, row[1:])] for row in changes.rows)
        yield Table(*changes.head, rows=rows)
    yield from map(Text, past.facts(history))
    yield from map(Text, history.notes)
