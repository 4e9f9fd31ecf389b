"""A study of each operation: its derivation, then the ladder rung by rung, from a run's records.

The code is what was measured: it is in the records. Where older records lack it, the installed code is shown,
with a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from markupsafe import Markup

from perflab.contract import Cell
from perflab.records.texts import DERIVATION, heading, imported
from perflab.records.tree import Node, nodes
from perflab.report import ladder, tables, words
from perflab.report.study import code, helpers, mathematics
from perflab.report.study.written import written_out
from perflab.report.summary import BASELINE, Summary
from perflab.report.why import causes, remarks, why

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
    written_out: str = ""

    @cached_property
    def hunks(self) -> tuple[tuple[code.Row, ...], ...]:
        """What differs, with some lines before and after; empty where nothing does."""
        return tuple(map(tuple, code.side_by_side(self.before, self.after)))

    @property
    def html(self) -> Markup:
        """Rows for a page: the whole of the files, so that no other listing is needed."""
        whole = code.side_by_side(self.before, self.after, context=len(self.before) + len(self.after))
        return code.side_by_side_html(self.before, self.after, whole)


@dataclass(frozen=True)
class File:
    """A Python file: its name below `ops/`, and its text."""

    name: str
    text: str

    @property
    def html(self) -> Markup:
        """Its text for a page."""
        return code.html(self.text)

    @property
    def anchor(self) -> str:
        """The id of its place on a page."""
        return words.anchor("study-file", *self.name.removesuffix(".py").split("/"))


@dataclass(frozen=True)
class Rung(File):
    """One technique: its code and the run's figures of it. A table is None where nothing was measured.

    `below` is the technique on which it stands; `calls` is the code of others that it is little more than a
    call of. `steps` gives time and gain on each case of the story where it was measured. `limits` is
    what its hot loops could do at best.
    """

    operation: str
    technique: str
    below: str
    changes: Changes | None
    calls: tuple[File, ...] = ()
    steps: Mapping[str, str] = field(default_factory=dict)
    gains: words.Table | None = None
    evidence: words.Table | None = None
    accuracy: str = ""
    why: tuple[str, ...] = ()
    said: tuple[tuple[str, str, str], ...] = ()  # by LLVM: on which lines, its words, what they mean
    limits: str = ""
    notes: tuple[str, ...] = ()
    imports: tuple[tuple[str, str], ...] = ()  # name and anchor of each module that it needs
    exercise: str = ""  # the command that gives the way to it as an exercise

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
    """The study of one operation. `files` are the modules that its rungs are the first to import.

    `rungs` are in ladder order, `tree` has them in the order of a drawing. `cases` are those of the story, of
    which `rungs` give their `steps`, and `setting` says in which direction, dtype and threads. `target` names
    the operation in a command.
    """

    operation: str
    title: str
    summary: str
    derivation: str
    rungs: tuple[Rung, ...]
    tree: tuple[Node, ...]
    files: tuple[File, ...]
    note: str
    cases: tuple[str, ...] = ()
    setting: str = ""
    target: str = ""

    @property
    def derivation_html(self) -> Markup:
        """The derivation, with MathML in it."""
        return mathematics.html(self.derivation, below=2)


def sections(summary: Summary, installed: Mapping[str, str] | None = None) -> list[Section]:
    """The study of every operation of a run, in order; `installed` is the code for a run without code."""
    texts = summary.run.texts
    note = "" if texts else OF_TODAY
    shown: set[str] = set()
    explained: set[str] = set()  # kinds of LLVM's remarks: their meaning stands on a page once
    studies = []
    for operation in summary.run.plan.techniques:
        studies.append(_section(summary, operation, texts or dict(installed or {}), note, shown, explained))
        shown |= {file.name for file in studies[-1].files}
    return studies


def of_files(
    operation: str, title: str, described: str, since: Mapping[str, str], texts: Mapping[str, str]
) -> Section:
    """A study without any figures: the derivation and the code of a ladder."""
    rungs = tuple(_rungs(operation, since, texts))
    files = _files(rungs, texts, {rung.name for rung in rungs})
    derivation = texts.get(f"{operation}/{DERIVATION}", "")
    return Section(operation, title, described, derivation, rungs, nodes(since), files, "")


def _section(
    summary: Summary, operation: str, texts: Mapping[str, str], note: str, shown: set[str],
    explained: set[str],
) -> Section:  # fmt: skip
    plan, described = summary.run.plan, summary.run.operations[operation]
    since, dtype = ladder.since(summary, operation), plan.dtypes[0]
    evidence = why.evidence_table(summary, operation, dtype)
    measured = {
        f"{op}/{technique}.py": words.anchor("study", op, technique)
        for op, techniques in plan.techniques.items()
        for technique in techniques
        if "@" not in technique
    }
    rungs: list[Rung] = []
    apart = ladder.apart(summary, operation)
    for rung in _rungs(operation, since, texts):
        technique = rung.technique
        imports = imported(rung.name, texts, directly=True)
        rungs.append(replace(
            rung, gains=_gains(summary, rung), steps=_steps(summary, rung),
            evidence=_evidence(summary, evidence, operation, technique, dtype),
            accuracy=_accuracy(summary, operation, technique),
            why=tuple(_why(summary, rung, dtype)), notes=tuple(_notes(summary, rung)),
            **_said(summary, rung, dtype, explained),
            imports=tuple((name, measured.get(name) or File(name, "").anchor) for name in imports),
            exercise=exercise(rung, plan.target(operation)) if technique not in apart else "",
        ))  # fmt: skip
    derivation, files = texts.get(f"{operation}/{DERIVATION}", ""), _files(rungs, texts, {*measured, *shown})
    return Section(
        operation, described.title, described.summary, derivation, tuple(rungs),
        nodes(since, apart), files, note,
        tuple(ladder.story_cases(summary, operation)),
        f"{plan.directions[-1]}, {dtype}, {words.of_threads(min(plan.threads))}",
        plan.target(operation),
    )  # fmt: skip


def _rungs(operation: str, since: Mapping[str, str], texts: Mapping[str, str]) -> Iterator[Rung]:
    """Every rung's text, and what changed since the rung that it stands on."""
    compared: dict[str, str] = {}  # the text of each technique that is compared with others
    for technique, below in since.items():
        name = f"{operation}/{technique}.py"
        text = texts.get(name, "")
        plain, base = written_out(text, compared)
        other, changes = base or below, None
        if text and other in compared:
            reason = f"{technique}.py only compiles the functions of {other}.py. Here they are written out."
            changes = Changes(other, compared[other], plain, reason if base else "")
        if text:
            compared[technique] = plain
        calls = tuple(File(file, called) for file, called in helpers.of_shell(name, texts).items())
        yield Rung(name, text, operation, technique, below, changes, calls)


def exercise(rung: Rung, target: str) -> str:
    """The command of a rung's exercise; "" for the lowest one. `target` names the operation in a command."""
    return f"perflab climb {target}/{rung.technique}" if rung.below else ""


def _files(rungs: Iterable[Rung], texts: Mapping[str, str], elsewhere: set[str]) -> tuple[File, ...]:
    names = {name for rung in rungs for name in imported(rung.name, texts)} - elsewhere
    return tuple(File(name, texts[name]) for name in sorted(names))


def _steps(summary: Summary, rung: Rung) -> dict[str, str]:
    """Time and gain in the plan's last direction, by case; a prediction is marked and has no gain."""
    plan, steps = summary.run.plan, {}
    for case in ladder.story_cases(summary, rung.operation):
        setting = (plan.dtypes[0], min(plan.threads), plan.directions[-1])
        figure = summary.figures.get(Cell(rung.operation, case, *setting, rung.technique))
        if figure:
            steps[case] = ladder.gain(summary, figure, rung.below).words
    return steps


def _gains(summary: Summary, rung: Rung) -> words.Table | None:
    """Every direction on the story's cases, over the rung below and over naive."""
    plan, below = summary.run.plan, rung.below
    dtype, threads = plan.dtypes[0], min(plan.threads)
    gains = []
    for direction in plan.directions:
        cell = Cell(rung.operation, "", dtype, threads, direction, rung.technique)
        gains += ladder.gains(summary, cell, below)
    rows = []
    for gain in sorted(gains, key=lambda gain: summary.work(rung.operation, gain.figure.cell.case)):
        figure = gain.figure
        case = summary.label(rung.operation, figure.cell.case)
        row = {"case": case, "direction": figure.cell.direction, "time": words.time(figure)}
        if below:
            row[f"over {below}"] = words.interval(gain.ratio)
        if rung.technique != BASELINE != below:
            row[f"over {BASELINE}"] = words.interval(gain.over_naive)
        share, limit = tables.roof_words(summary, figure)
        rows.append(row | {"of the roof": share if limit == "–" else f"{share} ({limit})"})
    if not rows:
        return None
    cases = " and ".join(dict.fromkeys(row["case"] for row in rows))
    title = f"{rung.technique} on {cases}, {dtype}, {words.of_threads(threads)}"
    return words.Table(title, tuple(rows[0]), tuple(tuple(row.values()) for row in rows))


def _evidence(
    summary: Summary, table: words.Table | None, operation: str, technique: str, dtype: str
) -> words.Table | None:
    """A technique's rows of the evidence, without its name."""
    rows = tuple(row[1:] for row in table.rows if row[0] == technique) if table else ()
    record = summary.evidence_on(operation, technique, dtype)
    if not table or not rows or not record:
        return None
    return words.Table(f"What {technique} is made of, {dtype}, on {record.case}", table.head[1:], rows)


def _why(summary: Summary, rung: Rung, dtype: str) -> Iterator[str]:
    """For each direction what interventions showed, and a comparison with the rung below; none on a step."""
    yield from causes.of_rung(summary, rung.operation, rung.technique, dtype)
    for direction in summary.run.plan.directions if rung.below else ():
        reason = why.reason(summary, rung.operation, dtype, direction, rung.below, rung.technique)
        if reason and direction != "step":
            yield f"{direction}: {reason}"


def _said(summary: Summary, rung: Rung, dtype: str, explained: set[str]) -> dict[str, Any]:
    """What LLVM said of the loops of its file, or of the one that it only compiles, and of the hot ones."""
    found = summary.remarks_on(rung.operation, rung.technique, dtype)
    if found is None:
        return {}
    compiled = (
        f"{rung.operation}/{rung.changes.other}.py" if rung.changes and rung.changes.written_out else ""
    )
    return {
        "said": tuple(remarks.briefest(found, summary.run.texts, compiled or rung.name, explained)),
        "limits": remarks.limiting_line(summary, found),
    }


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
            yield f"{finding.status.capitalize()} on {finding.case}, {finding.dtype}: {finding.why}."
    figures = list(summary.of(operation=rung.operation, technique=rung.technique))
    if not figures:
        yield "This run has no figure of it."
    elif all(figure.predicted for figure in figures):
        yield "This run has only predictions of it: it would take longer than the limit of a cell."
    if rung.below:
        yield from _no_faster(summary, rung)


def _no_faster(summary: Summary, rung: Rung) -> Iterator[str]:
    """Where it is no faster than the rung below, in one sentence for all directions."""
    plan = summary.run.plan
    dtype, threads = plan.dtypes[0], min(plan.threads)
    cells = (Cell(rung.operation, "", dtype, threads, way, rung.technique) for way in plan.directions)
    told = {cell.direction: ladder.no_faster(summary, cell, rung.below) for cell in cells}
    sentences = [f"{direction.capitalize()}: {line}." for direction, line in told.items() if line]
    if sentences:
        yield " ".join(sentences)
