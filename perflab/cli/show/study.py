"""A study in a terminal: the derivation, then the ladder rung by rung."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.syntax import Syntax
from rich.text import Text

from perflab import catalog, errors, records, report
from perflab.catalog import sources
from perflab.catalog.sizes import Size, own_cases
from perflab.cli.show import tree
from perflab.cli.show.flow import Heading
from perflab.cli.show.table import Table, of_words
from perflab.contract import Case, PerflabError
from perflab.records import Run
from perflab.records.sized import Sized
from perflab.records.texts import DERIVATION
from perflab.report.study import code, mathematics
from perflab.report.study import section as studies
from perflab.report.words import Table as Words

STYLES = {"c": "italic dim", "s": "green", "k": "bold magenta", "n": "cyan", "f": "bold blue", "d": "blue",
          "b": "yellow"}  # fmt: skip
NO_RUN = "No run here: for figures, `perflab run {op}`, then `perflab study {op}`; or --run DIR."


def section(operation: str, run: Path | None, sizes: Sequence[Size] = ()) -> tuple[studies.Section, str]:
    """The study of one operation, and a line that names the run of its figures.

    Without `run`, the newest one under reports/, if it contains the operation; else the code alone. With
    `sizes`, one or two, the ladder is told on these cases. Raises PerflabError for a run that cannot be read,
    does not contain the operation or has not measured the sizes.
    """
    chosen = run or records.newest()
    own = own_cases(catalog.operation(operation), sizes) if sizes else ()
    if own and chosen is None:
        raise PerflabError(f"--size: no run here; wanted {command(operation, own)}, then this")
    if chosen is not None:
        saved = _told_on(records.read(chosen), chosen, operation, own)
        if operation in saved.plan.techniques:
            sections = studies.sections(report.summarise(saved), sources.of_today(saved))
            section = next(section for section in sections if section.operation == operation)
            return section, f"Figures of the run in {chosen}."
        if run is not None:
            names = ", ".join(saved.plan.techniques)
            raise PerflabError(f"{run}: holds nothing of {operation}; it has {names}")
    described = catalog.operation(operation)
    files = [f"{operation}/{DERIVATION}", *(f"{operation}/{name}.py" for name in described.ladder)]
    texts = sources.installed(files)
    since = {name: described.since.get(name, described.ladder[0]) for name in described.ladder}
    section = studies.of_files(operation, described.title, described.summary, since, texts)
    target = catalog.typed(operation)
    rungs = (
        replace(rung, exercise=studies.exercise(rung, target) if rung.technique in described.since else "")
        for rung in section.rungs
    )
    section = replace(section, rungs=tuple(rungs), target=target)
    return section, NO_RUN.format(op=target)


def _told_on(run: Run, folder: Path, operation: str, own: Sequence[Case]) -> Run:
    """The run with its ladder told on these cases, the smaller first; as it is without any."""
    if not own:
        return run
    if len(own) > 2:
        raise PerflabError(
            f"--size: {len(own)} sizes; wanted one or two, a small and a large case of the ladder"
        )
    for case in own:
        if case.name not in run.plan.cases.get(operation, ()):
            raise PerflabError(
                f"{folder}: {operation} on {case.name} was not measured; wanted {command(operation, own)}"
            )
    told = replace(run.operations[operation], small_case=own[0].name, study_case=own[-1].name)
    return replace(run, operations={**run.operations, operation: told})


def command(operation: str, own: Sequence[Case]) -> str:
    """The command that measures these cases."""
    sizes = (f"--size {Sized(case.sizes, case.parameters).words}" for case in own)
    return f"perflab run {catalog.typed(operation)} {' '.join(sizes)}"


def chosen(section: studies.Section, technique: str) -> list[studies.Rung]:
    """The rungs to show: the named one, or all. Raises PerflabError for an unknown one."""
    names = [rung.technique for rung in section.rungs]
    if technique and technique not in names:
        raise PerflabError(errors.unknown("technique", f"{section.operation}/{technique}", names, technique))
    return [rung for rung in section.rungs if technique in ("", rung.technique)]


def plain(section: studies.Section, rungs: Sequence[studies.Rung]) -> dict[str, Any]:
    """A study as plain JSON."""
    return {
        "operation": section.operation, "title": section.title, "note": section.note,
        "derivation": section.derivation,
        "rungs": [
            {"technique": rung.technique, "heading": rung.heading, "text": rung.text,
             "since": rung.below, "calls": {part.name: part.text for part in rung.calls},
             "changes": _plain_changes(rung.changes), "gains": _plain_table(rung.gains),
             "evidence": _plain_table(rung.evidence), "accuracy": rung.accuracy, "why": list(rung.why),
             "notes": list(rung.notes), "imports": [name for name, _ in rung.imports]}
            for rung in rungs
        ],
        "files": {file.name: file.text for file in section.files},
    }  # fmt: skip


def _plain_changes(changes: studies.Changes | None) -> dict[str, Any] | None:
    if changes is None:
        return None
    return {
        "since": changes.other,
        "written_out": changes.written_out,
        "removed": [line for line in _lines(changes, "left") if line.strip()],
        "added": [line for line in _lines(changes, "right") if line.strip()],
    }


def _lines(changes: studies.Changes, side: str) -> Iterator[str]:
    lines = (changes.before if side == "left" else changes.after).splitlines()
    for row in (row for hunk in changes.hunks for row in hunk if not row.same):
        number = getattr(row, side)
        if number is not None:
            yield lines[number - 1]


def _plain_table(words: Words | None) -> list[dict[str, str]]:
    return [dict(zip(words.head, row, strict=True)) for row in words.rows] if words else []


def shown(
    section: studies.Section, rungs: Sequence[studies.Rung], source: str, width: int
) -> Iterator[RenderableType]:
    """A study, piece by piece; a single rung without the derivation."""
    whole = len(rungs) == len(section.rungs)
    yield Heading(Text(f"{section.title}: {section.summary}", "bold"))
    yield Text(source, style="dim")
    if section.note:
        yield Text(section.note, style="yellow")
    if whole and section.derivation:
        yield Markdown(mathematics.readable(section.derivation))
    if whole:
        yield from tree.shown(section)
    for rung in rungs:
        yield from _rung(rung, width)
    needed = {name for rung in rungs for name, _ in rung.imports}
    files = [file.name for file in section.files if whole or file.name in needed]
    if files:
        yield Text(f"\nModules that these rungs need: {', '.join(files)}.", style="dim")


def _rung(rung: studies.Rung, width: int) -> Iterator[RenderableType]:
    yield Text()
    yield Heading(Text.assemble((rung.technique, "bold"), f"  {rung.heading}"))
    for note in rung.notes:
        yield Text(note, style="yellow")
    for words in (rung.gains, rung.evidence):
        if words:
            yield of_words(words)
    exercise = rung.exercise and f"As an exercise: {rung.exercise}"
    for line in (*rung.why, rung.accuracy, exercise):
        if line:
            yield Text(line)
    if rung.text:
        yield Text(f"\n{rung.technique}.py", style="bold")
        style: Any = {"theme": "ansi_dark", "background_color": "default", "word_wrap": True}
        yield Syntax(rung.text.rstrip(), "python", **style)
        for part in rung.calls:
            yield Text(f"\nWhat it calls of {part.name}", style="bold")
            yield Syntax(part.text.rstrip(), "python", **style)
    if rung.changes:
        yield Text(f"\nWhat changed since {rung.changes.other}", style="bold")
        if rung.changes.written_out:
            yield Text(rung.changes.written_out)
        yield changed(rung.changes, rung.technique, width) if rung.changes.hunks else Text("Nothing.")


def changed(changes: studies.Changes, technique: str, width: int) -> RenderableType:
    """Side by side if there is room; else one below the other, like `diff -u`."""
    old, new = code.coloured(changes.before), code.coloured(changes.after)
    rows: list[tuple[Text, Text]] = []
    for hunk in changes.hunks:
        rows += [(Text("…", "dim"), Text("…", "dim"))] if rows else []
        rows += (
            (line_of(old, row.left, "" if row.same else "- ", row.before),
             line_of(new, row.right, "" if row.same else "+ ", row.after))
            for row in hunk
        )  # fmt: skip
    beside = Table(changes.other, technique, rows=rows)
    return beside if beside.width <= width else Group(*_unified(changes, old, new))


def _unified(
    changes: studies.Changes, old: Sequence[code.Pieces], new: Sequence[code.Pieces]
) -> Iterator[RenderableType]:
    for hunk in changes.hunks:
        yield Text("…", style="dim")
        waiting: list[Text] = []
        for row in hunk:
            if row.same:
                yield from (*waiting, line_of(new, row.right, ""))
                waiting = []
                continue
            if row.left:
                yield line_of(old, row.left, "- ", row.before)
            if row.right:
                waiting.append(line_of(new, row.right, "+ ", row.after))
        yield from waiting


def line_of(
    lines: Sequence[code.Pieces], number: int | None, sign: str, marks: Sequence[code.Span] = ()
) -> Text:
    """One line in colours after its sign; differences within it are underlined."""
    if number is None:
        return Text()
    text = Text(sign or "  ", style={"- ": "bold red", "+ ": "bold green"}.get(sign, ""))
    for kind, piece in lines[number - 1] if number <= len(lines) else ():
        text.append(piece, style=STYLES.get(kind, ""))
    for start, end in marks:
        text.stylize("underline", start + 2, end + 2)
    return text
