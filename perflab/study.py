"""A study in a terminal: the derivation, the ladder rung by rung, and assembly beside its source.

Makes what rich prints of `report.study.Section` and `listing.Listing`; the command line prints it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from perflab import grid, records, report, sources
from perflab.assembly import Instruction, Loop
from perflab.contract import PerflabError
from perflab.listing import Listing
from perflab.records.texts import DERIVATION
from perflab.report import code, mathematics
from perflab.report import study as studies
from perflab.report.words import Table as Words

WIDE = 110  # columns of a terminal from which on two files stand side by side
STYLES = {"c": "italic dim", "s": "green", "k": "bold magenta", "n": "cyan", "f": "bold blue", "d": "blue",
          "b": "yellow"}  # fmt: skip
NO_RUN = "No run here: for figures, `perflab run {op}`, then `perflab study {op}`; or --run DIR."


def section(operation: str, run: Path | None) -> tuple[studies.Section, str]:
    """The study of one operation, and a line on where its figures come from.

    With no `run`, the newest one under reports/ that holds the operation; without any, the code alone.
    Raises PerflabError for a run that cannot be read, or does not hold the operation.
    """
    chosen = run or records.newest()
    if chosen is not None:
        held = records.read(chosen)
        if operation in held.plan.techniques:
            summary = report.summarise(held)
            found = next(
                one for one in studies.sections(summary, sources.of_today(held)) if one.operation == operation
            )
            return found, f"Figures of the run in {chosen}."
        if run is not None:
            raise PerflabError(
                f"{run}: holds nothing of {operation}; it has {', '.join(held.plan.techniques)}"
            )
    described = grid.operation(operation)
    names = [f"{operation}/{DERIVATION}", *(f"{operation}/{name}.py" for name in described.ladder)]
    texts = sources.installed(names)
    found = studies.of_files(operation, described.title, described.summary, described.ladder, texts)
    return found, NO_RUN.format(op=operation)


def chosen(found: studies.Section, technique: str) -> list[studies.Rung]:
    """The rungs to show: one, or all where none is named. Raises PerflabError for an unknown one."""
    names = [rung.technique for rung in found.rungs]
    if technique and technique not in names:
        raise PerflabError(grid.unknown("technique", f"{found.operation}/{technique}", names, technique))
    return [rung for rung in found.rungs if technique in ("", rung.technique)]


def plain(found: studies.Section, rungs: Sequence[studies.Rung]) -> dict[str, Any]:
    """A study as plain JSON."""
    return {
        "operation": found.operation,
        "title": found.title,
        "note": found.note,
        "derivation": found.derivation,
        "rungs": [
            {
                "technique": rung.technique,
                "heading": rung.heading,
                "text": rung.text,
                "changes": _plain_changes(rung.changes),
                "gains": _plain_table(rung.gains),
                "evidence": _plain_table(rung.evidence),
                "accuracy": rung.accuracy,
                "why": list(rung.why),
                "notes": list(rung.notes),
                "imports": [name for name, _ in rung.imports],
            }
            for rung in rungs
        ],
        "files": {file.name: file.text for file in found.files},
    }


def _plain_changes(held: studies.Changes | None) -> dict[str, Any] | None:
    if held is None:
        return None
    return {
        "since": held.other,
        "written_out": held.written_out,
        "removed": [line for line in _lines(held, "left") if line.strip()],
        "added": [line for line in _lines(held, "right") if line.strip()],
    }


def _lines(held: studies.Changes, side: str) -> Iterator[str]:
    lines = (held.before if side == "left" else held.after).splitlines()
    for row in (row for hunk in held.hunks for row in hunk if not row.same):
        number = getattr(row, side)
        if number is not None:
            yield lines[number - 1]


def _plain_table(held: Words | None) -> list[dict[str, str]]:
    return [dict(zip(held.head, row, strict=True)) for row in held.rows] if held else []


# ------------------------------------------------------------------------------------------- on a screen


def shown(
    found: studies.Section, rungs: Sequence[studies.Rung], source: str, width: int
) -> Iterator[RenderableType]:
    """A study, piece by piece. With one rung alone, without the derivation."""
    whole = len(rungs) == len(found.rungs)
    yield Rule(Text(f"{found.title}: {found.summary}", style="bold"), align="left")
    yield Text(source, style="dim")
    if found.note:
        yield Text(found.note, style="yellow")
    if whole and found.derivation:
        yield Markdown(mathematics.readable(found.derivation))
    for rung in rungs:
        yield from _rung(rung, width)
    needed = {name for rung in rungs for name, _ in rung.imports}
    files = [file.name for file in found.files if whole or file.name in needed]
    if files:
        yield Text(f"\nModules that these rungs need: {', '.join(files)}.", style="dim")


def _rung(rung: studies.Rung, width: int) -> Iterator[RenderableType]:
    yield Text()
    yield Rule(Text.assemble((rung.technique, "bold"), f"  {rung.heading}"), align="left", characters="─")
    for note in rung.notes:
        yield Text(note, style="yellow")
    for held in (rung.gains, rung.evidence):
        if held:
            yield _table(held)
    for line in (*rung.why, rung.accuracy):
        if line:
            yield Text(line)
    if rung.text:
        yield Text(f"\n{rung.technique}.py", style="bold")
        yield Syntax(
            rung.text.rstrip(), "python", theme="ansi_dark", background_color="default", word_wrap=True
        )
    if rung.changes:
        yield Text(f"\nWhat changed since {rung.changes.other}", style="bold")
        if rung.changes.written_out:
            yield Text(rung.changes.written_out)
        yield _changes(rung.changes, rung.technique, width) if rung.changes.hunks else Text("Nothing.")


def _table(held: Words) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=held.title, title_justify="left")
    for position, name in enumerate(held.head):
        table.add_column(name, justify="right" if position else "left", overflow="fold")
    for row in held.rows:
        table.add_row(*map(Text, row))
    return table


def _changes(held: studies.Changes, technique: str, width: int) -> RenderableType:
    """Side by side where there is room; else one below the other, as `diff -u` has it."""
    old, new = code.coloured(held.before), code.coloured(held.after)
    if width < WIDE:
        return Group(*_unified(held, old, new))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    table.add_column(held.other, ratio=1, overflow="fold")
    table.add_column(technique, ratio=1, overflow="fold")
    for hunk in held.hunks:
        for row in hunk:
            table.add_row(
                _line(old, row.left, "" if row.same else "- ", row.before),
                _line(new, row.right, "" if row.same else "+ ", row.after),
            )
        table.add_section()
    return table


def _unified(
    held: studies.Changes, old: Sequence[code.Pieces], new: Sequence[code.Pieces]
) -> Iterator[RenderableType]:
    for hunk in held.hunks:
        yield Text("…", style="dim")
        waiting: list[Text] = []
        for row in hunk:
            if row.same:
                yield from waiting
                waiting = []
                yield _line(new, row.right, "")
            else:
                if row.left:
                    yield _line(old, row.left, "- ", row.before)
                if row.right:
                    waiting.append(_line(new, row.right, "+ ", row.after))
        yield from waiting


def _line(
    lines: Sequence[code.Pieces], number: int | None, sign: str, marks: Sequence[code.Span] = ()
) -> Text:
    """One line in colours behind its sign; what differs within it underlined."""
    if number is None:
        return Text()
    said = Text(sign or "  ", style={"- ": "bold red", "+ ": "bold green"}.get(sign, ""))
    for kind, piece in lines[number - 1] if number <= len(lines) else ():
        said.append(piece, style=STYLES.get(kind, ""))
    for start, end in marks:
        said.stylize("underline", start + 2, end + 2)
    return said


# -------------------------------------------------------------------------------------------- assembly


def assembly(listing: Listing, width: int) -> Iterator[RenderableType]:
    """Each direction's hot loop beside the source lines that it came from."""
    title = f"{listing.operation}/{listing.technique}, {listing.dtype}, compiled for {listing.case}"
    yield Rule(Text(title, style="bold"), align="left")
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
            f" them arithmetic, {packed}, {counts.fused} fused."
        )
        yield Text(
            "Compiled a second time with line numbers; "
            + ("its loops hold the same arithmetic as those of the code that is timed." if way.same else
               "THE CODE THAT IS TIMED HOLDS OTHER ARITHMETIC: take this as a likeness."),
            style="dim" if way.same else "bold red",
        )  # fmt: skip
        yield _beside(loop, width)


def _beside(loop: Loop, width: int) -> RenderableType:
    """Source lines with the instructions that came from each, which are numbered in the loop's own order."""
    came: dict[tuple[str, int], list[Text]] = defaultdict(list)
    for number, one in enumerate(loop.instructions, 1):
        came[one.file if one.line else "", one.line].append(_instruction(number, one))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("line", justify="right", style="dim")
    table.add_column("source", overflow="fold")
    if width >= WIDE:
        table.add_column("instructions, numbered in the loop's order", overflow="fold")
    for file in dict.fromkeys(file for file, _ in came):
        lines = sorted(line for name, line in came if name == file)
        table.add_row(
            "",
            Text(sources.name_of(Path(file)) if file else "no line known", style="bold"),
            *([""] * (width >= WIDE)),
        )
        text = code.coloured(Path(file).read_text("utf-8")) if file and Path(file).is_file() else ()
        for line in range(lines[0], lines[-1] + 1) if lines[-1] - lines[0] < 40 else lines:
            source = _line(text, line, "") if line <= len(text) else Text()
            said = Text("\n").join(came.get((file, line), []))
            if width >= WIDE:
                table.add_row(str(line or ""), source, said)
            else:
                held = Group(source, Padding(said, (0, 0, 0, 2))) if said else source
                table.add_row(str(line or ""), held)
    return table


def _instruction(number: int, one: Instruction) -> Text:
    """An instruction; in bold with its width where it works on a vector."""
    said = Text(f"    {one.label}:\n" if one.label else "", style="dim")
    said.append(f"{number:3} ", style="dim")
    said.append(f"{one.mnemonic:<14} {one.operands}", style="bold cyan" if one.bits else "")
    if one.bits:
        said.append(f"  {one.bits} bits", style="dim")
    return said


def name_of(loop: Loop) -> str:
    """The function that a loop is in, as its file calls it.

    >>> name_of(Loop("_ZN7perflab3ops6conv2d5naive7forwardB2v1B54c8tE", (), None, 0.0))
    'conv2d/naive.forward'
    """
    rest, parts = loop.function.removeprefix("_ZN"), []
    while found := re.match(r"\d+", rest):
        end = found.end() + int(found[0])
        parts.append(rest[found.end() : end])
        rest = rest[end:]
    packages = {op: grid.package(op).split(".") for op in grid.operations()}
    own = [op for op, package in packages.items() if parts[: len(package)] == package]
    beside = [package for package in packages.values() if parts[: len(package) - 1] == package[:-1]]
    if own:
        parts = [own[0], *parts[len(packages[own[0]]) :]]
    elif beside:
        parts = parts[len(beside[0]) - 1 :]
    if not parts:
        return loop.function
    return "/".join(parts[:-2]) + ("/" if parts[:-2] else "") + ".".join(parts[-2:])


def plain_assembly(listing: Listing) -> Mapping[str, Any]:
    """A listing as plain JSON."""
    return {
        "operation": listing.operation, "technique": listing.technique, "dtype": listing.dtype,
        "case": listing.case,
        "directions": {
            name: {
                "function": name_of(way.loop) if way.loop else None,
                "same_as_timed": way.same,
                "why_none": way.why_none,
                "counts": asdict(way.loop.counts) if way.loop else None,
                "instructions": [
                    asdict(one) | {"file": sources.name_of(Path(one.file)) if one.file else ""}
                    for one in (way.loop.instructions if way.loop else ())
                ],
            }
            for name, way in listing.ways.items()
        },
    }  # fmt: skip
