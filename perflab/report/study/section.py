"""A study of each operation: its derivation, then the ladder rung by rung, in the words of a run's records.

    for section in sections(summary):
        section.operation, section.derivation_html
        for rung in section.rungs:
            rung.heading, rung.text, rung.changes, rung.gains, rung.evidence, rung.accuracy, rung.why

The code is what was measured: the records hold it. Where older records do not, it is what is installed, and
a note says so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from markupsafe import Markup

from perflab.contract import Cell
from perflab.records.texts import DERIVATION, heading, imported
from perflab.report import tables, words
from perflab.report.study import code, mathematics
from perflab.report.summary import BASELINE, CellResult, Summary
from perflab.report.why import why
from perflab.statistics import Ratio

OF_TODAY = (
    "The records of this run hold no code: what stands here is that of the installed perflab, which may"
    " differ from what was measured."
)
NOT_KEPT = "Its code was not kept in the records."


@dataclass(frozen=True)
class Changes:
    """A rung beside another one. `written_out` tells why the texts are not the files, where they are not."""

    other: str
    before: str
    after: str
    hunks: tuple[tuple[code.Row, ...], ...]
    written_out: str = ""

    @property
    def html(self) -> Markup:
        """Hunks of rows for a page."""
        return code.side_by_side_html(self.before, self.after, self.hunks)


@dataclass(frozen=True)
class File:
    """A module that rungs import: its name below `ops/`, and its text."""

    name: str
    text: str

    @property
    def anchor(self) -> str:
        """The id of its place on a page."""
        return words.anchor("study-file", *self.name.removesuffix(".py").split("/"))

    @property
    def html(self) -> Markup:
        """The text in colours."""
        return code.html(self.text)


@dataclass(frozen=True)
class Rung:
    """One technique: its code, and what the run found of it. Tables are None where nothing is known."""

    operation: str
    technique: str
    heading: str
    text: str
    changes: Changes | None
    gains: words.Table | None
    evidence: words.Table | None
    accuracy: str
    why: tuple[str, ...]
    notes: tuple[str, ...]
    imports: tuple[tuple[str, str], ...] = ()  # name and anchor of each module that it needs

    @property
    def anchor(self) -> str:
        """The id of its place on a page."""
        return words.anchor("study", self.operation, self.technique)

    @property
    def html(self) -> Markup:
        """The code in colours."""
        return code.html(self.text)


@dataclass(frozen=True)
class Section:
    """The study of one operation. `files` are the modules that its rungs are the first to import."""

    operation: str
    title: str
    summary: str
    derivation: str
    rungs: tuple[Rung, ...]
    files: tuple[File, ...]
    note: str

    @property
    def derivation_html(self) -> Markup:
        """The derivation, with MathML in it."""
        return mathematics.html(self.derivation, below=1)

    @property
    def command(self) -> str:
        """What shows the same in a terminal."""
        return f"perflab study {self.operation}"


def sections(summary: Summary, installed: Mapping[str, str] | None = None) -> list[Section]:
    """The study of every operation of a run, in order; one that kept no code shows what is `installed`."""
    plan, texts = summary.run.plan, summary.run.texts
    note = "" if texts else OF_TODAY
    texts = texts or dict(installed or {})
    shown: set[str] = set()
    found = []
    for op in plan.techniques:
        section = _section(summary, op, texts, note, shown)
        shown |= {file.name for file in section.files}
        found.append(section)
    return found


def of_files(
    operation: str, title: str, told: str, ladder: Sequence[str], texts: Mapping[str, str]
) -> Section:
    """A study without any figures: the derivation and the code of a ladder."""
    rungs = tuple(
        Rung(operation, technique, heading(text), text, changes, None, None, "", (), ())
        for technique, text, changes in _texts(operation, ladder, texts, ())
    )
    files = _files(operation, ladder, texts, {f"{operation}/{technique}.py" for technique in ladder})
    derivation = texts.get(f"{operation}/{DERIVATION}", "")
    return Section(operation, title, told, derivation, rungs, files, "")


def _section(
    summary: Summary, operation: str, texts: Mapping[str, str], note: str, shown: set[str]
) -> Section:
    plan, described = summary.run.plan, summary.run.operations[operation]
    ladder = [t for t in plan.techniques[operation] if t not in plan.homes and "@" not in t]
    outside = [t for t in ladder if f"{operation}/{t}" in plan.outside]
    dtype = plan.dtypes[0]
    made_of = why.evidence_table(summary, operation, dtype)
    measured = {
        f"{op}/{t}.py": words.anchor("study", op, t)
        for op, ts in plan.techniques.items()
        for t in ts
        if "@" not in t
    }
    rungs: list[Rung] = []
    for technique, text, changes in _texts(operation, ladder, texts, outside):
        name = f"{operation}/{technique}.py"
        imports = imported(name, texts, directly=True)
        below = rungs[-1].technique if rungs else ""
        base = changes.other if changes and changes.written_out else below  # what it is a compiled copy of
        rungs.append(
            Rung(
                operation,
                technique,
                heading(text),
                text,
                changes,
                gains=_gains(summary, operation, technique, below),
                evidence=_made_of(summary, made_of, operation, technique, dtype),
                accuracy=_accuracy(summary, operation, technique),
                why=tuple(_why(summary, operation, dtype, (base, below), technique)),
                notes=tuple(_notes(summary, operation, technique, text)),
                imports=tuple((other, measured.get(other) or File(other, "").anchor) for other in imports),
            )
        )
    return Section(
        operation,
        described.title,
        described.summary,
        texts.get(f"{operation}/{DERIVATION}", ""),
        tuple(rungs),
        _files(operation, ladder, texts, {*measured, *shown}),
        note,
    )


# ------------------------------------------------------------------------------------------------- code


def _texts(
    operation: str, ladder: Sequence[str], texts: Mapping[str, str], outside: Sequence[str]
) -> Iterator[tuple[str, str, Changes | None]]:
    """Every rung's text, and what changed since the one below; an outside file's, since the most alike."""
    held: dict[str, str] = {}  # the text that each is compared by
    for technique in ladder:
        text = texts.get(f"{operation}/{technique}.py", "")
        below = next(reversed(held), "")
        plain, base = _written_out(text, held)
        if base:
            below = base
        elif technique in outside and text and held:
            below = max(held, key=lambda other: SequenceMatcher(None, held[other], text).quick_ratio())
        changes = None
        if text and below:
            hunks = code.side_by_side(held[below], plain)
            said = (
                f"{technique}.py compiles the functions of {below}.py as they are; here that is written out."
                if base
                else ""
            )
            changes = Changes(below, held[below], plain, tuple(map(tuple, hunks)), said)
        if text:
            held[technique] = plain
        yield technique, text, changes


def _written_out(text: str, others: Mapping[str, str]) -> tuple[str, str]:
    """A file that only compiles another rung's functions, as that rung with decorators; and that rung's name.

    `forward = njit(cache=True)(naive.forward)` becomes `@njit(cache=True)` above naive's `def forward`. Any
    other file is left as it is, and the name is "".
    """
    wrapped: dict[str, str] = {}
    bases: set[str] = set()
    imports = []
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text, ""
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(
                    func=how, args=[ast.Attribute(value=ast.Name(id=base), attr=attr)], keywords=[]
                ),
            ) if base in others and name == attr:
                wrapped[name] = ast.unparse(how)
                bases.add(base)
            case ast.ImportFrom(level=0) | ast.Import():
                imports.append(ast.unparse(node))
            case ast.ImportFrom() | ast.Expr():
                pass
            case _:
                return text, ""
    if len(bases) != 1:
        return text, ""
    base = bases.pop()
    lines = []
    for line in others[base].splitlines():
        name = line.partition("(")[0].removeprefix("def ") if line.startswith("def ") else ""
        if name in wrapped:
            lines.append(f"@{wrapped[name]}")
        lines.append(line)
        if line.startswith(("import ", "from ")) and imports:
            lines += imports
            imports = []
    return "\n".join(lines) + "\n", base


def _files(
    operation: str, ladder: Sequence[str], texts: Mapping[str, str], elsewhere: set[str]
) -> tuple[File, ...]:
    names = (other for t in ladder for other in imported(f"{operation}/{t}.py", texts))
    return tuple(File(name, texts[name]) for name in sorted(set(names) - elsewhere))


# ---------------------------------------------------------------------------------------------- figures


def _gains(summary: Summary, operation: str, technique: str, below: str) -> words.Table | None:
    """Every direction on the largest case that was measured, below's too where there is one."""
    plan = summary.run.plan
    dtype, threads = plan.dtypes[0], min(plan.threads)
    rows = []
    for direction in plan.directions:
        line = [f for f in summary.line(operation, dtype, threads, direction, technique) if not f.predicted]
        common = [f for f in line if _over(summary, f, below)] or line
        if common:
            figure = common[-1]
            row = {"direction": direction, "case": figure.cell.case, "time": words.time(figure)}
            if below:
                row[f"over {below}"] = words.interval(_over(summary, figure, below))
            if technique != BASELINE != below:
                row[f"over {BASELINE}"] = _over_naive(line, figure.cell.case)
            share, limb = tables.roof_words(summary, figure)
            row["of the roof"] = share if limb == "–" else f"{share} ({limb})"
            rows.append(row)
    if not rows:
        return None
    where = "the largest case that both were measured on" if below else "its largest measured case"
    title = f"{technique} on {where}, {dtype}, {words.of_threads(threads)}"
    return words.Table(title, tuple(rows[0]), tuple(tuple(row.values()) for row in rows))


def _over(summary: Summary, figure: CellResult, below: str) -> Ratio | None:
    return summary.ratio(replace(figure.cell, technique=below), figure.cell) if below else None


def _over_naive(line: Sequence[CellResult], case: str) -> str:
    """The speed-up over the baseline on the largest case that has one, which is named where it is another."""
    held = [figure for figure in line if figure.speedup is not None]
    if not held:
        return "–"
    figure = held[-1]
    told = words.interval(figure.speedup)
    return told if figure.cell.case == case else f"{told} on {figure.cell.case}"


def _made_of(
    summary: Summary, table: words.Table | None, operation: str, technique: str, dtype: str
) -> words.Table | None:
    """A technique's rows of the evidence, without its name."""
    rows = tuple(row[1:] for row in table.rows if row[0] == technique) if table else ()
    if not table or not rows:
        return None
    evidence = summary.evidence_on(operation, technique, dtype)
    case = evidence.case if evidence else ""
    return words.Table(f"What {technique} is made of, {dtype}, on {case}", table.head[1:], rows)


def _why(summary: Summary, operation: str, dtype: str, lower: Iterable[str], technique: str) -> Iterator[str]:
    """A sentence for each direction, against each of these rungs."""
    for other in filter(None, dict.fromkeys(lower)):
        for direction in summary.run.plan.directions:
            if direction != "step":  # evidence is on one way at a time
                said = why.reason(summary, operation, dtype, direction, other, technique)
                if said:
                    yield f"{direction}: {said}"


def _accuracy(summary: Summary, operation: str, technique: str) -> str:
    """How near it came to its rounding bound, at worst over all that was checked; "" where nothing was."""
    held = [c for c in summary.checks if (c.operation, c.technique) == (operation, technique)]
    if not held:
        return ""
    worst = max(held, key=lambda check: check.share)
    bits = (
        "" if all(check.repeatable for check in held) else "; a second call gave other bits, within the bound"
    )
    return (
        f"Right on all {len(held)} inputs that were timed: the error is at most {worst.share:.3f} of its"
        f" rounding bound ({worst.where}, {worst.case}, {worst.dtype}){bits}."
    )


def _notes(summary: Summary, operation: str, technique: str, text: str) -> Iterator[str]:
    """What is missing, and why."""
    if not text:
        yield NOT_KEPT
    for f in summary.findings:
        if (f.operation, f.technique) == (operation, technique):
            yield f"Not shown on {f.case}, {f.dtype}: {f.reason}."
    cells: list[Cell] = [f.cell for f in summary.of(operation=operation, technique=technique)]
    if not cells:
        yield "This run has no figure of it."
    elif all(summary.figures[cell].predicted for cell in cells):
        yield "This run has only predictions of it: it would have taken longer than a cell may."
