"""The hot loops of two techniques side by side, with what LLVM said of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from perflab.catalog import sources
from perflab.cli.show import listing as one
from perflab.cli.show import remarks as of_remarks
from perflab.cli.show.flow import Heading, Lines
from perflab.cli.show.table import Table, of_words
from perflab.evidence.assembly import Loop
from perflab.evidence.listing import Listing
from perflab.records.remarks import Remarks
from perflab.report.why import remarks as why
from perflab.report.words import Table as Words

ROWS = ("instructions", "operations", "longest chain", "busiest unit", "loads / stores", "cycles predicted")


@dataclass(frozen=True)
class Side:
    """One technique: the assembly of its hot loops, and what LLVM said of it."""

    listing: Listing
    remarks: Remarks


def shown(left: Side, right: Side, width: int) -> Iterator[RenderableType]:
    """Each direction's hot loops beside one another; one below the other where that is too wide."""
    names = [side.listing.technique for side in (left, right)]
    yield Heading(Text(f"{left.listing.operation}: {' and '.join(names)}, {left.listing.dtype}", "bold"))
    for direction in left.listing.ways:
        yield Text(f"\n{direction}", style="bold")
        loops = [side.listing.ways[direction].loop for side in (left, right)]
        for side, loop in zip((left, right), loops, strict=True):
            yield from _opening(side, direction, loop)
        yield from map(of_words, _compared(left, right, direction))
        columns = [_lines(loop) if loop else [Text("–")] for loop in loops]
        beside = Table(*names, rows=zip_longest(*columns, fillvalue=Text()))
        if beside.width <= width:
            yield beside
            continue
        for name, column in zip(names, columns, strict=True):
            yield Table(name, rows=([line] for line in column))


def _opening(side: Side, direction: str, loop: Loop | None) -> Iterator[RenderableType]:
    """Which loop it is, whether it is that of the timed code, and what LLVM said of its lines."""
    way = side.listing.ways[direction]
    name = side.listing.technique
    if loop is None:
        yield Lines(Text(f"{name}: {way.why_none}"))
        return
    same = (
        ""
        if way.same is not False
        else "; THE CODE THAT IS TIMED HOLDS OTHER ARITHMETIC: take this as a likeness"
    )
    yield Lines(Text(f"{name}: the hot loop of {one.name_of(loop)}, compiled for {side.listing.case}{same}"))
    if side.remarks.reason:
        yield Lines(Text(f"  {side.remarks.reason}", "dim"))
    for file, told in _said(side.remarks, loop):
        yield Lines(Text(f"  {file}:{told.line}: {told.quoted}"))
        if told.sentence:
            yield Lines(Text(f"    {told.sentence}", "dim"))


def _said(remarks: Remarks, loop: Loop) -> Iterator[tuple[str, why.Told]]:
    """What LLVM said of a loop: on the lines of its instructions, and of the `for` that they are in."""
    files = {each.file for each in loop.instructions if each.file and each.line}
    for path in sorted(files):
        name, text = sources.name_of(Path(path)), _text(path)
        lines = {each.line for each in loop.instructions if each.file == path and each.line}
        lines |= {why.loop_around(text, line) for line in lines}
        told = (each for each in why.told(remarks, name, text) if each.line in lines)
        yield from ((name, each) for each in told if each.of_loop and each.words)


def _text(path: str) -> str:
    return Path(path).read_text("utf-8", errors="replace") if Path(path).is_file() else ""


def _compared(left: Side, right: Side, direction: str) -> Iterator[Words]:
    """What a turn of each takes, as one table."""
    sides = (left, right)
    tables = [why.limits_table(side.remarks, {}) for side in sides]
    rows = []
    for side, table in zip(sides, tables, strict=True):
        for row in table.rows if table else ():
            if row[0] == direction:
                values = dict(zip(table.head if table else (), row, strict=True))
                rows.append((side.listing.technique, *(values[name] for name in ROWS)))
    if rows:
        yield Words("One turn of each", ("technique", *ROWS), tuple(rows))


def _lines(loop: Loop) -> list[Text]:
    """Instructions, each after the line of its source."""
    lines = []
    for each in loop.instructions:
        if each.label:
            lines.append(Text(f"{each.label}:", "dim"))
        text = Text(f"{each.line or '':>4} ", "dim")
        text.append(f"{each.mnemonic} {each.operands}".rstrip(), "bold cyan" if each.bits else "default")
        lines.append(text)
    return lines


def plain(side: Side) -> dict[str, Any]:
    """One side as plain JSON: as of --asm, with the remarks as of --remarks."""
    remarks = of_remarks.plain(of_remarks.with_texts(side.remarks, None, None))
    return {**one.plain(side.listing), "remarks": remarks}
