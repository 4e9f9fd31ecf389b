"""The marks of a class in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from perflab.cli.show.table import of_words
from perflab.report.across import grades

if TYPE_CHECKING:
    from rich.console import RenderableType

    from perflab.report.across.grades import Marks


def marks(marked: Marks) -> Iterator[RenderableType]:
    """The table of every function, the points of each submission, and what else there is to say."""
    yield of_words(grades.table(marked))
    if (totals := grades.totals(marked)) is not None:
        yield of_words(totals)
    yield from map(Text, grades.closing(marked))
