r"""A reading of an outside file's performance: where its time goes, and beside which rung it stands.

    for one in readings(summary):
        print("\n".join(told(one)))

Everything is made from the figures of one run, and says no more than they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from perflab.contract import Contender
from perflab.records import kinds
from perflab.report import words
from perflab.report.summary import Summary
from perflab.report.why.spent import Spent, spent
from perflab.report.why.standing import Standing, standing


@dataclass(frozen=True)
class Reading:
    """What a run tells of one outside file's performance in the run's first dtype."""

    operation: str
    technique: str
    dtype: str
    threads: int
    standings: tuple[Standing, ...]
    spent: tuple[Spent, ...]
    notes: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """The id of its place on a page."""
        return words.anchor("reading", self.operation, self.technique)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else is to be said, whole sentences, each with its direction where it has one."""
        of_ways = (f"{way.direction}: {remark}" for way in self.spent for remark in way.remarks)
        return (*of_ways, *self.notes)

    @property
    def shares(self) -> words.Table | None:
        """The bounds as a table; None where there are none."""
        rows = tuple(
            (way.direction, bound.what, bound.share, bound.basis)
            for way in self.spent
            for bound in way.bounds
        )
        cases = " or ".join(dict.fromkeys(way.case for way in self.spent))
        title = f"Where its time goes, as bounds from figures, on {cases}"
        return words.Table(title, ("direction", "on", "share of the time", "from"), rows) if rows else None

    @property
    def hottest(self) -> words.Table | None:
        """The hottest lines as a table; None where no line of its own runs in Python."""
        rows = tuple(
            (way.direction, line.place, f"{line.share:.0%}", str(line.times), line.text)
            for way in self.spent
            for line in way.lines
        )
        cases = " or ".join(dict.fromkeys(way.lines_case for way in self.spent if way.lines))
        title = f"Its hottest lines, on {cases}, apart from the clock"
        head = ("direction", "line", "share", "times a call", "text")
        return words.Table(title, head, rows) if rows else None


def readings(summary: Summary) -> list[Reading]:
    """A reading of every outside file that the run has a figure of, in its first dtype, on fewest threads."""
    plan = summary.run.plan
    found = (
        _reading(summary, op, technique)
        for op, techniques in plan.techniques.items()
        for technique in techniques
        if f"{op}/{technique}" in plan.outside and "@" not in technique
    )
    return [one for one in found if one.standings or one.spent]


def told(reading: Reading) -> list[str]:
    """A reading as plain lines for a terminal."""
    lines = [
        f"{reading.operation}/{reading.technique}, {reading.dtype}, {words.of_threads(reading.threads)}:"
        " where the time goes"
    ]
    for place in reading.standings:
        lines += [f"  {place.sentence}"]
        lines += [f"  {place.changes}"] if place.changes else []
        lines += [f"    {line}" for line in place.why]
    for way in reading.spent:
        lines.append(f"  {way.direction} on {way.case}, {way.time} a call:")
        lines += [f"    {line.place}, {line.often}: {line.share:.0%}  {line.text}" for line in way.lines]
        lines += [f"    {bound.what}: {bound.share} ({bound.basis})" for bound in way.bounds]
        lines += [f"    {remark}" for remark in way.remarks]
    return [*lines, *(f"  {note}" for note in reading.notes)]


def to_json(reading: Reading) -> dict[str, Any]:
    """A reading as plain JSON."""
    return asdict(reading)


def _reading(summary: Summary, operation: str, technique: str) -> Reading:
    plan = summary.run.plan
    dtype, threads = plan.dtypes[0], min(plan.threads)
    whole = ["step"] if "step" in plan.directions else list(plan.directions)
    places = (standing(summary, operation, technique, dtype, threads, direction) for direction in whole)
    standings = tuple(one for one in places if one is not None)
    evidence = summary.evidence_on(operation, technique, dtype)
    ways: tuple[Spent, ...] = ()
    if evidence is not None:
        telling = next((one.case for one in standings), evidence.case)
        parts = (spent(summary, evidence, threads, way, telling) for way in evidence.ways)
        ways = tuple(one for one in parts if one is not None)
    return Reading(
        operation, technique, dtype, threads, standings, ways,
        tuple(_notes(summary, operation, technique, dtype, evidence)),
    )  # fmt: skip


def _notes(
    summary: Summary, operation: str, technique: str, dtype: str, evidence: kinds.Evidence | None
) -> Iterator[str]:
    """What could not be told, and why."""
    if evidence is not None:
        return
    wanted = Contender(operation, "", dtype, 0, technique)
    records = summary.run.of_kind(kinds.Evidence)
    reason = next((record.reason for record in records if record.contender == wanted and record.reason), "")
    if not reason:
        preset = summary.run.plan.preset
        reason = "it was not gathered" if summary.run.plan.explain else f"preset {preset} does not gather it"
    yield f"Where the time goes is not told: {reason}."
