"""The one table of the command line. It fits itself to the terminal; no word or number in it is broken.

The first of these layouts that fits is taken: columns as wide as their text; of a matrix, several tables with
some of the columns each; wrapped prose; a few lines a row, all aligned; one value a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions
from rich.text import Text

from perflab.cli.show.flow import natural, whole, widest, wrapped

if TYPE_CHECKING:
    from perflab.report.words import Table as Words

GAP, INDENT = 2, 2
NUMBER = re.compile(r" *[^\w\s]?\d| *–|baseline$|under |$")  # with what stands for one
MOST_BANDS = 3  # lines of one row; with more, a value would be far from its head


class Table:
    """A head and rows of text; columns of numbers are aligned on the right.

    The columns of a `matrix` after the first hold the same kind of value, as strings; their parts before and
    after two spaces, such as a time and its ratio, are aligned too.
    """

    def __init__(
        self, *head: str | Text, rows: Iterable[Sequence[str | Text]] = (), title: str = "",
        matrix: bool = False,
    ) -> None:  # fmt: skip
        self.title, self.matrix = title, matrix
        self.head = [_text(name, "bold") for name in head]
        self.rows = [
            [_text(cell) for cell in row] for row in (_parts_aligned([*rows]) if matrix and rows else rows)
        ]
        columns = [*zip(self.head, *self.rows, strict=True)]
        self.numbers = [all(NUMBER.match(cell.plain) for cell in cells) for _, *cells in columns]
        self.natural = [max(map(natural, column)) for column in columns]
        self.least = [max(map(widest, column)) for column in columns]

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[Text]:
        if self.title:
            yield from map(whole, wrapped(Text(self.title, "italic"), options.max_width))
        yield from map(whole, self._body(options.max_width, "-" if options.ascii_only else "─"))
        yield Text()

    @property
    def width(self) -> int:
        """How wide it is where there is room."""
        return _total(self.natural)

    def _body(self, width: int, rule: str) -> Iterator[Text]:
        columns, widths = range(len(self.head)), self.natural
        if _total(widths) <= width:
            return self._drawn([columns], widths, rule)
        if self.matrix and max(widths[1:]) + GAP + widths[0] <= width:
            parts = self._packed(columns[1:], width - GAP - widths[0])
            drawn = (
                [Text()] * (part is not parts[0]) + [*self._drawn([[0, *part]], widths, rule)]
                for part in parts
            )
            return chain.from_iterable(drawn)
        if _total(self.least) <= width:
            return self._drawn([columns], _narrowed(widths, self.least, width), rule)
        bands = self._packed(columns, width - INDENT)
        if widths[0] == max(widths) and _total(widths[1:]) + INDENT <= width:
            bands = [[0], [*columns[1:]]]
        if len(bands) <= MOST_BANDS and all(
            _total([widths[at] for at in band]) + INDENT <= width for band in bands
        ):
            return self._drawn(bands, widths, rule)
        return self._one_value_a_line(width)

    def _packed(self, columns: Sequence[int], room: int) -> list[list[int]]:
        """Columns in groups, each as large as fits into the room."""
        groups: list[list[int]] = []
        for at in columns:
            if groups and _total([self.natural[each] for each in (*groups[-1], at)]) <= room:
                groups[-1].append(at)
            else:
                groups.append([at])
        return groups

    def _drawn(self, bands: Sequence[Sequence[int]], widths: Sequence[int], rule: str) -> Iterator[Text]:
        """The head, a rule, and the rows, each with a line, or several, for each band of columns."""
        if any(self.head):
            yield from self._lines(self.head, bands, widths, bottom=True)
            reach = max(
                _total([widths[at] for at in band]) + INDENT * bool(n) for n, band in enumerate(bands)
            )
            yield Text(rule * reach, "dim")
        for row in self.rows:
            yield from self._lines(row, bands, widths)

    def _lines(
        self, row: Sequence[Text], bands: Sequence[Sequence[int]], widths: Sequence[int], bottom: bool = False
    ) -> Iterator[Text]:
        for number, band in enumerate(bands):
            cells = [wrapped(row[at], widths[at]) for at in band]
            height = max(map(len, cells))
            if bottom:
                cells = [[Text()] * (height - len(cell)) + cell for cell in cells]
            for parts in zip_longest(*cells, fillvalue=Text()):
                line = Text(" " * INDENT * bool(number))
                for at, part in zip(band, parts, strict=True):
                    padding = " " * (widths[at] - part.cell_len)
                    line.append_text(Text(padding) + part if self.numbers[at] else part + Text(padding))
                    line.append(" " * GAP)
                line.rstrip()
                yield line

    def _one_value_a_line(self, width: int) -> Iterator[Text]:
        """Each value beside its head, or below it where there is no room; a blank line after each row."""
        label = max(name.cell_len for name in self.head)
        for row in self.rows:
            for name, cell in zip(self.head, row, strict=True):
                indent = label + GAP if label and label + GAP + widest(cell) <= width else INDENT
                values = wrapped(cell, width - indent)
                for value in values:
                    value.pad_left(indent)
                if indent > INDENT:
                    values[0] = name + values[0][name.cell_len :]
                elif name:
                    yield name
                yield from values
            yield Text()


def of_words(words: Words) -> Table:
    """A report's table, with its title. A matrix is turned: one technique a row, as a ladder is read."""
    if words.across:
        head, *rows = zip(words.head, *words.rows, strict=True)
        head = (words.across, *head[1:])
        return Table(*head, rows=rows, title=words.title, matrix=True)
    return Table(*words.head, rows=words.rows, title=words.title)


def _parts_aligned(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[str]]:
    """The rows of a matrix with the parts of their cells aligned by column."""
    names, *columns = zip(*rows, strict=True)
    aligned = [names]
    for column in ([cell.partition("  ") for cell in column] for column in columns):
        first, second = (max(len(parts[at]) for parts in column) for at in (0, 2))
        gap = GAP if second else 0
        aligned.append(tuple(f"{a:>{first}}" + " " * gap + f"{b:>{second}}" for a, _, b in column))
    return zip(*aligned, strict=True)


def _text(cell: str | Text, style: str = "") -> Text:
    return Text(cell, style) if isinstance(cell, str) else cell


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _narrowed(widths: Sequence[int], least: Sequence[int], total: int) -> list[int]:
    """The widths with the largest ones made smaller until all fit, none below its least."""
    narrowed = [*widths]
    while _total(narrowed) > total:
        at = max((at for at in range(len(widths)) if narrowed[at] > least[at]), key=narrowed.__getitem__)
        narrowed[at] -= 1
    return narrowed
