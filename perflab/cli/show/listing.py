"""Assembly beside its source in a terminal."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from perflab import catalog
from perflab.catalog import sources
from perflab.cli.show.flow import Heading
from perflab.cli.show.study import line_of
from perflab.cli.show.table import Table
from perflab.evidence.assembly import Loop
from perflab.evidence.graph import Instruction
from perflab.evidence.listing import Listing
from perflab.report.study import code

AGAIN = {
    True: "its loops hold the same arithmetic as those of the code that is timed.",
    False: "THE CODE THAT IS TIMED HOLDS OTHER ARITHMETIC: take this as a likeness.",
    None: "under a permission that the code which is timed does not have.",
}


def shown(listing: Listing, width: int) -> Iterator[RenderableType]:
    """Each direction's hot loop beside its source lines."""
    title = f"{listing.operation}/{listing.technique}, {listing.dtype}, compiled for {listing.case}"
    yield Heading(Text(title, "bold"))
    for direction, way in listing.ways.items():
        yield Text(f"\n{direction}", style="bold")
        loop = way.loop
        if loop is None:
            yield Text(way.why_none)
            continue
        counts = loop.counts
        widths = ", ".join(f"{count} of {bits} bits" for bits, count in sorted(counts.widths.items()))
        packed = f"{counts.packed} packed" + (f" ({widths})" if widths else "")
        yield Text(
            f"The hot loop of {name_of(loop)}: {len(loop.instructions)} instructions, {counts.arithmetic} of"
            f" them arithmetic, {packed}, {counts.fused} FMA."
        )
        yield Text(
            f"Compiled a second time with line numbers; {AGAIN[way.same]}",
            style="bold red" if way.same is False else "dim",
        )
        yield _beside(loop, width)


def _beside(loop: Loop, width: int) -> RenderableType:
    """Source lines with the instructions of each, numbered in the loop's order, or below it."""
    instructions: dict[tuple[str, int], list[Text]] = defaultdict(list)
    for number, instruction in enumerate(loop.instructions, 1):
        key = instruction.file if instruction.line else "", instruction.line
        instructions[key].append(_instruction(number, instruction))
    rows: list[tuple[Text, Text, Text]] = []
    for file in dict.fromkeys(file for file, _ in instructions):
        lines = sorted(line for name, line in instructions if name == file)
        rows.append((Text(), Text(sources.name_of(Path(file)) if file else "no line known", "bold"), Text()))
        text = code.coloured(Path(file).read_text("utf-8")) if file and Path(file).is_file() else ()
        for line in range(lines[0], lines[-1] + 1) if lines[-1] - lines[0] < 40 else lines:
            source = line_of(text, line, "") if line <= len(text) else Text()
            shown = Text("\n").join(instructions.get((file, line), []))
            rows.append((Text(str(line or ""), "dim"), source, shown))
    head = "line", "source", "instructions, numbered in the loop's order"
    beside = Table(*head, rows=rows)
    if beside.width <= width:
        return beside
    below = ((at, Text("\n").join(filter(None, (source, _indented(shown))))) for at, source, shown in rows)
    return Table(*head[:2], rows=below)


def _indented(text: Text) -> Text:
    return Text("\n").join(Text("  ") + line for line in text.split("\n")) if text else text


def _instruction(number: int, instruction: Instruction) -> Text:
    """An instruction; in bold with its width if it works on a vector."""
    bits = instruction.bits
    text = Text(f"    {instruction.label}:\n" if instruction.label else "", style="dim")
    text.append(f"{number:3} ", style="dim")
    text.append(f"{instruction.mnemonic:<14} {instruction.operands}", style="bold cyan" if bits else "")
    if bits:
        text.append(f"  {bits} bits", style="dim")
    return text


def name_of(loop: Loop) -> str:
    """The function of a loop, by its name in its file.

    >>> name_of(Loop("_ZN7perflab3ops6conv2d5naive7forwardB2v1B54c8tE", (), None, 0.0))
    'conv2d/naive.forward'
    """
    rest, parts = loop.function.removeprefix("_ZN"), []
    while length := re.match(r"\d+", rest):
        end = length.end() + int(length[0])
        parts.append(rest[length.end() : end])
        rest = rest[end:]
    packages = {op: catalog.package(op).split(".") for op in catalog.operations()}
    own = [op for op, package in packages.items() if parts[: len(package)] == package]
    beside = [package for package in packages.values() if parts[: len(package) - 1] == package[:-1]]
    if own:
        parts = [own[0], *parts[len(packages[own[0]]) :]]
    elif beside:
        parts = parts[len(beside[0]) - 1 :]
    if not parts:
        return loop.function
    return "/".join(parts[:-2]) + ("/" if parts[:-2] else "") + ".".join(parts[-2:])


def plain(listing: Listing) -> Mapping[str, Any]:
    """A listing as plain JSON."""
    return {
        "operation": listing.operation, "technique": listing.technique, "dtype": listing.dtype,
        "case": listing.case,
        "directions": {
            name: {
                "function": name_of(way.loop) if way.loop else None, "same_as_timed": way.same,
                "why_none": way.why_none, "counts": asdict(way.loop.counts) if way.loop else None,
                "instructions": [
                    asdict(each) | {"file": sources.name_of(Path(each.file)) if each.file else ""}
                    for each in (way.loop.instructions if way.loop else ())
                ],
            }
            for name, way in listing.ways.items()
        },
    }  # fmt: skip
