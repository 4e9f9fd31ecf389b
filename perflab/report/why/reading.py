"""A reading of an outside file's performance: where its time goes, and its place among the rungs.

All of it comes from the figures of one run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from perflab.contract import Contender
from perflab.errors import reason
from perflab.records import kinds
from perflab.report import words
from perflab.report.summary import Summary
from perflab.report.why import remarks
from perflab.report.why.spent import Spent, spent
from perflab.report.why.standing import Standing, standing


@dataclass(frozen=True)
class Reading:
    """The performance of one outside file in the run's first dtype.

    `said` is what LLVM said of its loops, `limits` what its hot loops could do at best, where
    Numba compiled it.
    """

    operation: str
    technique: str
    dtype: str
    threads: int
    standings: tuple[Standing, ...]
    spent: tuple[Spent, ...]
    notes: tuple[str, ...] = ()
    said: words.Table | None = None
    limits: str = ""

    @property
    def anchor(self) -> str:
        """The id of its place on a page."""
        return words.anchor("reading", self.operation, self.technique)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Further sentences, each with its direction where it has one."""
        return (
            *(f"{part.direction}: {remark}" for part in self.spent for remark in part.remarks),
            *self.notes,
        )

    @property
    def shares(self) -> words.Table | None:
        """The bounds as a table; None where there are none."""
        rows = tuple(
            (part.direction, bound.what, bound.share, bound.basis)
            for part in self.spent
            for bound in part.bounds
        )
        cases = " or ".join(dict.fromkeys(part.case for part in self.spent))
        title = f"Where its time goes, as bounds from figures, on {cases}"
        return words.Table(title, ("direction", "on", "share of the time", "from"), rows) if rows else None

    @property
    def hottest(self) -> words.Table | None:
        """The hottest lines as a table; None where none of its lines runs in Python."""
        rows = tuple(
            (part.direction, line.place, f"{line.share:.0%}", str(line.times), line.text)
            for part in self.spent
            for line in part.lines
        )
        cases = " or ".join(dict.fromkeys(part.lines_case for part in self.spent if part.lines))
        title = f"Its hottest lines, on {cases}, traced separately from the timing"
        head = ("direction", "line", "share", "times a call", "text")
        return words.Table(title, head, rows) if rows else None


def readings(summary: Summary) -> list[Reading]:
    """A reading of every outside file that the run has a figure of, in its first dtype, on fewest threads."""
    plan = summary.run.plan
    found = []
    for operation, technique in ((op, name) for op, names in plan.techniques.items() for name in names):
        if f"{operation}/{technique}" not in plan.outside or "@" in technique:
            continue
        try:
            reading = _reading(summary, operation, technique)
        except Exception as error:  # the figures stand without an explanation
            note = f"Where the time goes could not be told: {reason(error)}."
            reading = Reading(operation, technique, plan.dtypes[0], min(plan.threads), (), (), (note,))
            found.append(reading)
        else:
            found += [reading] if reading.standings or reading.spent else []
    return found


def lines(reading: Reading) -> Iterator[str]:
    """A reading as plain lines for a terminal."""
    threads = words.of_threads(reading.threads)
    yield f"{reading.operation}/{reading.technique}, {reading.dtype}, {threads}: where the time goes"
    for place in reading.standings:
        yield from (f"  {text}" for text in (place.sentence, place.changes) if text)
        yield from (f"    {reason}" for reason in place.why)
    for part in reading.spent:
        yield f"  {part.direction} on {part.case}, {part.time} a call:"
        yield from (f"    {line.place}, {line.often}: {line.share:.0%}  {line.text}" for line in part.lines)
        yield from (f"    {bound.what}: {bound.share} ({bound.basis})" for bound in part.bounds)
        yield from (f"    {remark}" for remark in part.remarks)
    if reading.said:
        yield f"  {reading.said.title}:"
        yield from (f"    {at}: {said}: {sentence}" for at, said, sentence in reading.said.rows)
    yield from (f"  {line}" for line in filter(None, [reading.limits]))
    yield from (f"  {note}" for note in reading.notes)


def _reading(summary: Summary, operation: str, technique: str) -> Reading:
    plan = summary.run.plan
    measured = {figure.cell.dtype for figure in summary.measured(operation=operation, technique=technique)}
    dtype = next((each for each in plan.dtypes if each in measured), plan.dtypes[0])
    threads = min(plan.threads)
    directions = ["step"] if "step" in plan.directions else list(plan.directions)
    places = (standing(summary, operation, technique, dtype, threads, direction) for direction in directions)
    standings = tuple(place for place in places if place is not None)
    evidence = summary.evidence_on(operation, technique, dtype)
    if evidence is None:
        note = f"Where the time goes is not known: {_why_unknown(summary, operation, technique, dtype)}."
        return Reading(operation, technique, dtype, threads, standings, (), (note,))
    case = standings[0].case if standings else evidence.case
    parts = (spent(summary, evidence, threads, direction, case) for direction in evidence.ways)
    known = tuple(part for part in parts if part is not None)
    return replace(
        Reading(operation, technique, dtype, threads, standings, known),
        **_compiled(summary, operation, technique, dtype),
    )


def _compiled(summary: Summary, operation: str, technique: str, dtype: str) -> dict[str, Any]:
    """What LLVM said of the file, or why that is not known; nothing where Numba compiled nothing of it."""
    found = summary.remarks_on(operation, technique, dtype)
    if found is None:
        return {}
    rows = tuple(remarks.brief(found, summary.run.texts))
    notes = (f"What LLVM said of it is not known: {found.reason}.",) if found.reason else ()
    target = summary.run.plan.target(operation)
    title = f"What LLVM said of its loops; each line: perflab study {target} --remarks FILE.py"
    said = words.Table(title, ("line", "LLVM", "what it means"), rows) if rows else None
    return {"said": said, "limits": remarks.limiting_line(summary, found), "notes": notes}


def _why_unknown(summary: Summary, operation: str, technique: str, dtype: str) -> str:
    contender = Contender(operation, "", dtype, 0, technique)
    for record in summary.run.of_kind(kinds.Evidence):
        if record.contender == contender and record.reason:
            return record.reason
    plan = summary.run.plan
    return "it was not gathered" if plan.explain else f"preset {plan.preset} does not gather it"
