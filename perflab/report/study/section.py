"""A study of each operation: its derivation, then the ladder rung by rung, from a run's records.

The code is what was measured: it is in the records. Where older records lack it, the installed code is shown,
with a note.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from markupsafe import Markup

from perflab.records.texts import DERIVATION, heading, imported
from perflab.report import tables, words
from perflab.report.study import code, mathematics
from perflab.report.summary import BASELINE, CellResult, Summary
from perflab.report.why import why
from perflab.statistics import Ratio

OF_TODAY = (
    "The records of this run have no code. This is the code of the installed perflab; it may differ from what"
    " was measured."
)
NOT_KEPT = "The records do not have its code."


@dataclass(frozen=True)
class Changes:
    """A rung compared with another. `written_out` says why a text is not the file itself, where it is not."""

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
    """A Python file: its name below `ops/`, and its text."""

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
class Rung(File):
    """One technique: its code and the run's figures of it. A table is None where nothing was measured."""

    operation: str
    technique: str
    changes: Changes | None
    gains: words.Table | None = None
    evidence: words.Table | None = None
    accuracy: str = ""
    why: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    imports: tuple[tuple[str, str], ...] = ()  # name and anchor of each module that it needs

    @property
    def heading(self) -> str:
        """The first line of its docstring."""
        return heading(self.text)

    @property
    def anchor(self) -> str:
        """The id of its place on a page."""
        return words.anchor("study", self.operation, self.technique)


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


def sections(summary: Summary, installed: Mapping[str, str] | None = None) -> list[Section]:
    """The study of every operation of a run, in order; `installed` is the code for a run without code."""
    texts = summary.run.texts
    note = "" if texts else OF_TODAY
    shown: set[str] = set()
    studies = []
    for operation in summary.run.plan.techniques:
        studies.append(_section(summary, operation, texts or dict(installed or {}), note, shown))
        shown |= {file.name for file in studies[-1].files}
    return studies


def of_files(
    operation: str, title: str, described: str, ladder: Sequence[str], texts: Mapping[str, str]
) -> Section:
    """A study without any figures: the derivation and the code of a ladder."""
    rungs = tuple(_rungs(operation, ladder, texts, ()))
    files = _files(rungs, texts, {rung.name for rung in rungs})
    return Section(operation, title, described, texts.get(f"{operation}/{DERIVATION}", ""), rungs, files, "")


def _section(
    summary: Summary, operation: str, texts: Mapping[str, str], note: str, shown: set[str]
) -> Section:
    plan, described = summary.run.plan, summary.run.operations[operation]
    ladder = [t for t in plan.techniques[operation] if t not in plan.homes and "@" not in t]
    outside = [t for t in ladder if f"{operation}/{t}" in plan.outside]
    dtype = plan.dtypes[0]
    evidence = why.evidence_table(summary, operation, dtype)
    measured = {
        f"{op}/{technique}.py": words.anchor("study", op, technique)
        for op, techniques in plan.techniques.items()
        for technique in techniques
        if "@" not in technique
    }
    rungs: list[Rung] = []
    for rung in _rungs(operation, ladder, texts, outside):
        technique, changes = rung.technique, rung.changes
        below = rungs[-1].technique if rungs else ""
        base = changes.other if changes and changes.written_out else below  # what it is a compiled copy of
        imports = imported(rung.name, texts, directly=True)
        rungs.append(replace(
            rung, gains=_gains(summary, operation, technique, below),
            evidence=_evidence(summary, evidence, operation, technique, dtype),
            accuracy=_accuracy(summary, operation, technique),
            why=tuple(_why(summary, operation, dtype, (base, below), technique)),
            notes=tuple(_notes(summary, rung)),
            imports=tuple((name, measured.get(name) or File(name, "").anchor) for name in imports),
        ))  # fmt: skip
    derivation, files = texts.get(f"{operation}/{DERIVATION}", ""), _files(rungs, texts, {*measured, *shown})
    return Section(operation, described.title, described.summary, derivation, tuple(rungs), files, note)


def _rungs(
    operation: str, ladder: Sequence[str], texts: Mapping[str, str], outside: Sequence[str]
) -> Iterator[Rung]:
    """Every rung's text and what changed since the rung below; for an outside file, the most similar."""
    compared: dict[str, str] = {}  # the text of each technique that is compared with others
    for technique in ladder:
        name = f"{operation}/{technique}.py"
        text = texts.get(name, "")
        below = next(reversed(compared), "")
        plain, base = _written_out(text, compared)
        if base:
            below = base
        elif technique in outside and text and compared:
            below = max(
                compared, key=lambda other: SequenceMatcher(None, compared[other], text).quick_ratio()
            )
        changes = None
        if text and below:
            hunks = tuple(map(tuple, code.side_by_side(compared[below], plain)))
            reason = f"{technique}.py only compiles the functions of {below}.py. Here they are written out."
            changes = Changes(below, compared[below], plain, hunks, reason if base else "")
        if text:
            compared[technique] = plain
        yield Rung(name, text, operation, technique, changes)


def _written_out(text: str, others: Mapping[str, str]) -> tuple[str, str]:
    """A file that only compiles another rung's functions, as that rung with decorators; and that rung's name.

    `forward = njit(cache=True)(naive.forward)` becomes `@njit(cache=True)` above naive's `def forward`. Any
    other file is returned as it is, with the name "".
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
                [ast.Name(name)], ast.Call(decorator, [ast.Attribute(ast.Name(base), attr)], [])
            ) if base in others and name == attr:
                wrapped[name] = ast.unparse(decorator)
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
        lines += [f"@{wrapped[name]}", line] if name in wrapped else [line]
        if line.startswith(("import ", "from ")):
            lines += imports
            imports = []
    return "\n".join(lines) + "\n", base


def _files(rungs: Iterable[Rung], texts: Mapping[str, str], elsewhere: set[str]) -> tuple[File, ...]:
    names = {name for rung in rungs for name in imported(rung.name, texts)} - elsewhere
    return tuple(File(name, texts[name]) for name in sorted(names))


def _gains(summary: Summary, operation: str, technique: str, below: str) -> words.Table | None:
    """Every direction on the largest measured case, and if possible one on which `below` was measured too."""
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
            share, limit = tables.roof_words(summary, figure)
            rows.append(row | {"of the roof": share if limit == "–" else f"{share} ({limit})"})
    if not rows:
        return None
    where = "the largest case that both were measured on" if below else "its largest measured case"
    title = f"{technique} on {where}, {dtype}, {words.of_threads(threads)}"
    return words.Table(title, tuple(rows[0]), tuple(tuple(row.values()) for row in rows))


def _over(summary: Summary, figure: CellResult, below: str) -> Ratio | None:
    return summary.ratio(replace(figure.cell, technique=below), figure.cell) if below else None


def _over_naive(line: Sequence[CellResult], case: str) -> str:
    """The speed-up over the baseline on the largest case that has one; another case than `case` is named."""
    figure = next((figure for figure in reversed(line) if figure.speedup is not None), None)
    if figure is None:
        return "–"
    return words.interval(figure.speedup) + ("" if figure.cell.case == case else f" on {figure.cell.case}")


def _evidence(
    summary: Summary, table: words.Table | None, operation: str, technique: str, dtype: str
) -> words.Table | None:
    """A technique's rows of the evidence, without its name."""
    rows = tuple(row[1:] for row in table.rows if row[0] == technique) if table else ()
    record = summary.evidence_on(operation, technique, dtype)
    if not table or not rows or not record:
        return None
    return words.Table(f"What {technique} is made of, {dtype}, on {record.case}", table.head[1:], rows)


def _why(summary: Summary, operation: str, dtype: str, lower: Iterable[str], technique: str) -> Iterator[str]:
    """A sentence for each direction, compared with each of these rungs. There is no evidence on a step."""
    for other in filter(None, dict.fromkeys(lower)):
        for direction in summary.run.plan.directions:
            reason = why.reason(summary, operation, dtype, direction, other, technique)
            if reason and direction != "step":
                yield f"{direction}: {reason}"


def _accuracy(summary: Summary, operation: str, technique: str) -> str:
    """The largest error as a share of its rounding bound, of all that was checked; "" where nothing was."""
    checks = [c for c in summary.checks if (c.operation, c.technique) == (operation, technique)]
    if not checks:
        return ""
    worst = max(checks, key=lambda check: check.share)
    repeatable = all(check.repeatable for check in checks)
    other_bits = "" if repeatable else "; a second call gave other bits, within the bound"
    return (
        f"Right on all {len(checks)} inputs that were timed: the error is at most {worst.share:.3f} of its"
        f" rounding bound ({worst.where}, {worst.case}, {worst.dtype}){other_bits}."
    )


def _notes(summary: Summary, rung: Rung) -> Iterator[str]:
    """What is missing, and why."""
    if not rung.text:
        yield NOT_KEPT
    for finding in summary.findings:
        if (finding.operation, finding.technique) == (rung.operation, rung.technique):
            yield f"Not shown on {finding.case}, {finding.dtype}: {finding.reason}."
    figures = list(summary.of(operation=rung.operation, technique=rung.technique))
    if not figures:
        yield "This run has no figure of it."
    elif all(figure.predicted for figure in figures):
        yield "This run has only predictions of it: it would take longer than the limit of a cell."
