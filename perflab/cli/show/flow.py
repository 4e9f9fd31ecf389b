"""Text in lines of a given width, broken at spaces only.

A number keeps its unit, an interval its two ends, an operator what follows it. What is wider than the line
runs over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

UNLIMITED = 10**6
BRANCHES = re.compile("[ │]*[├└●]")
BRACKETS = re.compile(r"\[[^\[\]]*\]")
NUMBER = re.compile(r"[(~×±≤≥<>=]*[+−-]?\d[\d.,\u202f]*(e[+−-]?\d+)?(?<![.,])")
FOLLOWS = re.compile(r"[^\W\d]|[%(\[]")  # the first character of what a number is not parted from
OPERATORS = {"=", "·", "/", "+", "−", "*", "×", "<", ">", "≤", "≥", "←", "→"}


class Lines:
    """A text that is wrapped when its width is known; the lines after the first have its indentation."""

    def __init__(self, text: Text) -> None:
        self.text = text

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[Text]:
        yield from map(whole, wrapped(self.text, options.max_width))


class Command(Lines):
    """A text that ends with a command: where it goes on in the next line, as a shell reads it."""

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[Text]:
        if self.text.cell_len <= options.max_width:
            yield whole(self.text)
            return
        *lines, last = wrapped(self.text, options.max_width - 2)
        yield from (whole(line.append(" \\")) for line in lines)
        yield whole(last)


class Heading(Lines):
    """A text, and a rule in what is left of its last line."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        *lines, last = super().__rich_console__(console, options)
        yield from lines
        rule = "-" if options.ascii_only else "─"
        last.append(" " + rule * (min(options.max_width, console.width) - last.cell_len - 1), "dim")
        yield last


class Unbroken:
    """What would break its text, a tree, with lines as wide as they need to be."""

    def __init__(self, shown: RenderableType) -> None:
        self.shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self.shown, options.update(max_width=UNLIMITED))


def whole(line: Text) -> Text:
    """A line that is printed as it is, however wide."""
    line.no_wrap, line.overflow = True, "ignore"
    return line


def wrapped(text: Text, width: int) -> list[Text]:
    """The lines of a text."""
    lines = []
    for line in text.split("\n", allow_blank=True):
        indent, parts = _parts(line.plain, width)
        for start, end in parts:
            lines.append(line[start:end] if len(parts) > 1 else line)
            lines[-1].pad_left(indent if start else 0)
    return lines


def natural(text: Text) -> int:
    """The width of a text that is not wrapped."""
    return max(map(cell_len, text.plain.split("\n")))


def widest(text: Text) -> int:
    """The width of the widest part of a text that is not broken."""
    lines = ((line, _parts(line, 0)[1]) for line in text.plain.split("\n"))
    return max(cell_len(line[start:end]) for line, parts in lines for start, end in parts)


def _parts(line: str, width: int) -> tuple[int, list[tuple[int, int]]]:
    """The indentation of a line, and where each part of it begins and ends that fits into the width."""
    indent = len(line) - len(line.lstrip(" "))
    if cell_len(line) <= width:
        return indent, [(0, len(line))]
    parts, start, last = [], 0, (0, 0)  # the last place at which the part may end, and what follows begins
    for end, following in (*_places(line), (len(line.rstrip(" ")), 0)):
        if last[1] > start and cell_len(line[start:end]) + (indent if start else 0) > width:
            parts.append((start, last[0]))
            start = last[1]
        last = end, following
    return indent, [*parts, (start, last[0])]


def _places(plain: str) -> Iterator[tuple[int, int]]:
    """Where a line may end, and where the next one then begins; after the branches of a tree nowhere."""
    if BRANCHES.match(plain):
        return
    brackets = [match.span() for match in BRACKETS.finditer(plain)]
    for spaces in re.finditer(r"(?<=[^ ]) +(?=[^ ])", plain):
        start, end = spaces.span()
        before, after = plain[:start].rpartition(" ")[2], plain[end:].partition(" ")[0]
        together = (
            any(low < start < high for low, high in brackets)
            or before in OPERATORS
            or (NUMBER.fullmatch(before) and FOLLOWS.match(after))
        )
        if end - start > 1 or not together:
            yield start, end
