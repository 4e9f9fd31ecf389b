"""What LLVM said of a technique, below the source lines that it said it of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from perflab import records, report
from perflab.catalog import find, sources
from perflab.cli.show.flow import Heading, Lines
from perflab.cli.show.study import line_of
from perflab.cli.show.table import of_words
from perflab.contract import PerflabError
from perflab.records.remarks import Remarks
from perflab.report.study import code
from perflab.report.why import remarks as why

CONTEXT = 1  # lines of source shown around each that has a remark
COLOURS = {"passed": "green", "missed": "yellow", "analysis": "cyan"}
SIGNS = {"passed": "+", "missed": "-", "analysis": "="}
KEY = "+ done, - not done, = a reason; (×N): LLVM compiled the line in so many copies, or said it N times."
NOT_MEASURED = "Cycles measured: none, as no run here has a time of it; `perflab run {target}` measures one."


@dataclass(frozen=True)
class Shown:
    """Remarks with the text of the files that they are in, and the cycles a turn that a run gives."""

    remarks: Remarks
    texts: Mapping[str, str]
    measured: Mapping[str, float]
    source: str = ""  # which run


def with_texts(remarks: Remarks, outside: Path | None, run: Path | None) -> Shown:
    """Remarks with their files' text, and with the times of a run, the newest where none is named."""
    texts = {name: _text(name, outside) for name in why.files(remarks)}
    chosen, measured = run or records.newest(), dict[str, float]()
    if chosen is not None:
        try:
            measured = why.measured(report.summarise(records.read(chosen)), remarks)
        except PerflabError:
            if run is not None:
                raise
    return Shown(remarks, texts, measured, f"Times of the run in {chosen}." if measured else "")


def _text(name: str, outside: Path | None) -> str:
    installed = sources.installed([name]).get(name)
    if installed is not None:
        return installed
    operation, _, _ = name.partition("/")
    file = find.folder(operation).parent / name if "/" not in name else outside
    if outside is not None and "/" not in name:
        file = outside.parent / name
    return file.read_text("utf-8", errors="replace") if file and file.is_file() else ""


def shown(each: Shown) -> Iterator[RenderableType]:
    """The remarks on each file, then what the hot loops could do at best."""
    remarks = each.remarks
    on = f", compiled for {remarks.case}" if remarks.case else ""
    yield Heading(Text(f"{remarks.operation}/{remarks.technique}, {remarks.dtype}{on}", "bold"))
    yield from (Lines(Text(line, "dim")) for line in why.closing(remarks))
    if remarks.remarks:
        yield Lines(Text(KEY, "dim"))
    explained: set[str] = set()
    for name in why.files(remarks):
        yield Text(f"\n{name}", style="bold")
        yield from _file(why.told(remarks, name, each.texts[name]), each.texts[name], explained)
    yield from _limits(each)


def _file(told: list[why.Told], text: str, explained: set[str]) -> Iterator[RenderableType]:
    """Source lines, each with its remarks below; a meaning is told where its remark first appears."""
    lines, total = code.coloured(text), len(text.splitlines())
    by_line: dict[int, list[why.Told]] = {}
    for each in told:
        by_line.setdefault(each.line, []).append(each)
    near = sorted({at for line in by_line for at in range(line - CONTEXT, line + CONTEXT + 1)})
    last = 0
    for number in near:
        if not 1 <= number <= max(total, max(by_line)):
            continue
        if last and number > last + 1:
            yield Text("   …", style="dim")
        last = number
        source = line_of(lines, number, "") if number <= len(lines) else Text()
        yield Text.assemble((f"{number:4} ", "dim"), source)
        indent = 7 + len(source.plain) - len(source.plain.lstrip())
        for each in by_line.get(number, ()):
            yield from _told(each, indent, explained)


def _told(each: why.Told, indent: int, explained: set[str]) -> Iterator[RenderableType]:
    outcome = each.meaning.outcome
    said = f"{each.meaning.by}: {each.quoted}" if each.meaning.by and each.words else each.quoted
    if said:
        yield Lines(Text(f"{' ' * indent}{SIGNS.get(outcome, '*')} {said}", COLOURS.get(outcome, "")))
    if each.sentence and (each.sentence not in explained or not said):
        explained.add(each.sentence)
        yield Lines(Text(f"{' ' * indent}  {each.sentence}", "dim"))


def _limits(each: Shown) -> Iterator[RenderableType]:
    remarks = each.remarks
    table = why.limits_table(remarks, each.measured)
    if table is None:
        return
    yield Text()
    yield of_words(table)
    for direction, limits in remarks.limits.items():
        if line := why.limiting(direction, limits, each.measured.get(direction)):
            yield Lines(Text(line))
    target = f"{remarks.operation}/{remarks.technique}"
    yield Lines(Text(each.source or NOT_MEASURED.format(target=target), "dim"))


def plain(each: Shown) -> dict[str, Any]:
    """Remarks as plain JSON, each line with what it means."""
    remarks = each.remarks
    return {
        "operation": remarks.operation, "technique": remarks.technique, "dtype": remarks.dtype,
        "case": remarks.case, "reason": remarks.reason, "differs": dict(remarks.differs),
        "unplaced": remarks.unplaced, "elsewhere": remarks.elsewhere, "clock_hz": remarks.clock_hz,
        "files": {
            name: [
                {"line": told.line, "pass": told.meaning.by, "outcome": told.meaning.outcome,
                 "words": list(told.words), "times": told.times, "meaning": told.sentence}
                for told in why.told(remarks, name, each.texts[name])
            ]
            for name in why.files(remarks)
        },
        "limits": {
            name: asdict(limits) | {"cycles_measured": each.measured.get(name)}
            for name, limits in remarks.limits.items()
        },
    }  # fmt: skip
