"""The marks of a class, from its saved grades and races: a row for each function of a submission."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import log
from typing import Any

from perflab import units
from perflab.contract import CANNOT_RUN, RIGHT, UNWRITTEN, Cell
from perflab.records import Run
from perflab.records.evidence import Line
from perflab.records.grades import Function, Grade
from perflab.records.rubric import Entry, Rubric, Step
from perflab.records.typed import escaped
from perflab.report import words
from perflab.report.summarise import summarise
from perflab.report.summary import Summary
from perflab.report.why.spent import LEAST, SHOWN_LINES
from perflab.report.why.standing import Standing, over_rungs, standing
from perflab.statistics import Ratio

MISSING = "not in the submission"
PLAIN = Entry()  # the points of a function where no rubric is given
HEAD = (
    *("submission", "function", "mark", "remark", "mistake", "over naive", "time", "rubric", "stands beside"),
    "points",
)


@dataclass(frozen=True)
class Speed:
    """The figures of one raced function: a call forward and backward, and its place among the rungs."""

    seconds: float
    over_naive: Ratio | None
    beside: str
    standing: Standing | None
    case: str
    dtype: str
    lines: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)
    next_rungs: tuple[str, ...] = ()  # of the ladder, above the one that it stands beside


@dataclass(frozen=True)
class Reached:
    """One speed that the rubric asks for, and whether it was reached."""

    step: Step
    reached: bool

    @property
    def words(self) -> str:
        """It, in a sentence."""
        step = self.step
        what = f"{step.times:g} times as fast as naive" if step.times else f"within {self._time}"
        return f"{what}: {f'{step.points:g} points' if self.reached else 'not reached'}"

    @property
    def short(self) -> str:
        """It, in a table."""
        what = f"×{self.step.times:g}" if self.step.times else self._time
        return f"{what} {'yes' if self.reached else 'no'}"

    @property
    def _time(self) -> str:
        return units.seconds(self.step.seconds or 0.0)


@dataclass(frozen=True)
class Row:
    """What one function of a submission gets. `asked` is the rubric's name of it; "" where none counts it."""

    submission: str
    function: Function
    status: str
    where: str
    remarks: tuple[str, ...] = ()
    speed: Speed | None = None
    asked: str = ""
    points: float = 0.0
    most: float = 0.0
    steps: tuple[Reached, ...] = ()

    @property
    def mistake(self) -> str:
        """Its mistakes by name, or their patterns, where they have one."""
        return "; ".join(filter(None, (each.name or each.pattern for each in self.function.mistakes)))

    @property
    def remark(self) -> str:
        """What else there is to say of it, in a line."""
        what = () if self.status == RIGHT else (self.where,)
        return "; ".join(filter(None, dict.fromkeys((*what, *self.remarks, self.function.left_out))))


@dataclass(frozen=True)
class Marks:
    """The rows of a class in the order of its submissions. `rubric` is what the points are from, if given."""

    grades: tuple[Grade, ...]
    rows: tuple[Row, ...]
    rubric: Rubric | None = None
    problems: tuple[str, ...] = ()

    @cached_property
    def by_submission(self) -> dict[str, tuple[Row, ...]]:
        """The rows of each submission."""
        return {each.name: tuple(r for r in self.rows if r.submission == each.name) for each in self.grades}

    def total(self, name: str) -> tuple[float, float]:
        """The points of a submission, and the most that it could have: of several rows for one, the best."""
        best: dict[str, Row] = {}
        for row in self.by_submission[name]:
            if row.asked and (row.asked not in best or row.points > best[row.asked].points):
                best[row.asked] = row
        return sum(row.points for row in best.values()), sum(row.most for row in best.values())

    @cached_property
    def mistakes(self) -> dict[tuple[str, str], list[str]]:
        """Who made which mistake: (operation, mistake in words) -> submissions, the commonest first."""
        made: dict[tuple[str, str], dict[str, None]] = {}
        for row in self.rows:
            for mistake in row.function.mistakes:
                if not (mistake.name or mistake.pattern):
                    continue
                what = f"{mistake.words} ({mistake.name})" if mistake.name else mistake.words
                made.setdefault((row.function.operation, what), {})[row.submission] = None
        return {what: [*who] for what, who in sorted(made.items(), key=lambda each: -len(each[1]))}

    @property
    def counted(self) -> str:
        """How many rows have which mark."""
        counts = Counter(row.status for row in self.rows)
        parts = ", ".join(f"{count} {status}" for status, count in counts.most_common())
        s = "s" if len(self.grades) != 1 else ""
        return f"{len(self.grades)} submission{s}, {len(self.rows)} functions: {parts}"


def marks(
    grades: Sequence[Grade], races: Sequence[Run], rubric: Rubric | None = None, problems: Sequence[str] = (),
    asked: str = "",
) -> Marks:  # fmt: skip
    """The marks of these grades, with the speeds of these races and the points of a rubric.

    Without one, every function that is right has one point. `asked` is the operation that was graded, or "".
    """
    if rubric and asked:
        wanted = {name: each for name, each in rubric.entries.items() if name.partition("/")[0] == asked}
        rubric = replace(rubric, entries=wanted)
    entries = rubric.entries if rubric else {}
    summaries = [summarise(run) for run in races]
    raced = {
        (op, technique): summary
        for summary in summaries
        for op, techniques in summary.run.plan.techniques.items()
        for technique in techniques
        if f"{op}/{technique}" in summary.run.plan.outside
    }
    rows: list[Row] = []
    for grade in grades:
        own = [_row(grade, each, raced) for each in grade.functions]
        pointed = [_pointed(row, rubric) for row in own]
        there = {row.asked for row in pointed}
        rows += [row for row in pointed if row.asked or row.status != UNWRITTEN or not entries]
        rows += [_missing(grade, name, entry) for name, entry in entries.items() if name not in there]
    return Marks(tuple(grades), tuple(rows), rubric, tuple(problems))


def _row(grade: Grade, function: Function, raced: Mapping[tuple[str, str], Summary]) -> Row:
    row = Row(grade.name, function, function.status, function.where, function.remarks)
    label = grade.label(function)
    summary = raced.get((function.operation, label))
    if function.status != RIGHT or summary is None:
        return row
    for finding in summary.findings:
        if (finding.operation, finding.technique) == (function.operation, label):
            if finding.status == CANNOT_RUN:
                return replace(row, remarks=(*row.remarks, f"not raced: {finding.why}"))
            return replace(row, status=finding.status, where=f"in the race: {finding.why}")
    return replace(row, speed=_speed(summary, function, label))


def _speed(summary: Summary, function: Function, label: str) -> Speed | None:
    plan = summary.run.plan
    case, dtype = plan.cases[function.operation][0], plan.dtypes[0]
    cell = Cell(function.operation, case, dtype, plan.threads[0], plan.directions[0], label)
    figure = summary.figures.get(cell)
    if figure is None or figure.predicted:
        return None
    known = {name: ratio.value for name, ratio in over_rungs(summary, figure).items() if ratio.value > 0}
    beside = min(known, key=lambda name: abs(log(known[name])), default="")
    at = (cell.operation, label, dtype, cell.threads, cell.direction)
    place = standing(summary, *at, called=function.technique)
    evidence = summary.evidence_on(cell.operation, label, dtype)
    profiles = evidence.profile.items() if evidence else ()
    lines = {way: tuple(x for x in each.lines[:SHOWN_LINES] if x.share >= LEAST) for way, each in profiles}
    since = summary.run.operations[cell.operation].since
    above = tuple(name for name, below in since.items() if below == beside)
    return Speed(figure.median_s, figure.speedup, beside, place, case, dtype, lines, above)


def _pointed(row: Row, rubric: Rubric | None) -> Row:
    """A row with its points."""
    function = row.function
    if rubric is None:
        return replace(row, asked=function.name, points=float(row.status == RIGHT), most=PLAIN.most)
    name = rubric.of(function.operation, function.variant)
    if not name:
        return row
    entry = rubric.entries[name]
    points = {RIGHT: entry.right, UNWRITTEN: entry.unwritten}.get(row.status, 0.0)
    steps = tuple(Reached(step, _reached(step, row.speed)) for step in entry.fast)
    points += sum(each.step.points for each in steps if each.reached)
    return replace(row, asked=name, points=points, most=entry.most, steps=steps)


def _reached(step: Step, speed: Speed | None) -> bool:
    """Whether a speed, the median of its turns, reaches a step."""
    if speed is None:
        return False
    if step.seconds is not None:
        return speed.seconds <= step.seconds
    return speed.over_naive is not None and speed.over_naive.value >= (step.times or 0.0)


def _missing(grade: Grade, name: str, entry: Entry) -> Row:
    """The row of a function of the rubric that a submission does not have."""
    operation, _, variant = name.partition("/")
    function = Function(operation, variant, "", "", UNWRITTEN, MISSING)
    return Row(grade.name, function, UNWRITTEN, MISSING, asked=name, most=entry.most)


def shown_points(points: float, most: float) -> str:
    """Points of so many, as short as possible.

    >>> shown_points(3.0, 4.5)
    '3 of 4.5'
    """
    return f"{points:g} of {most:g}"


def cells(row: Row, total: str = "") -> tuple[str, ...]:
    """The row of a table, in the order of HEAD."""
    speed = row.speed
    return (
        row.submission, row.function.name, row.status, row.remark or "–", row.mistake or "–",
        words.ratio(speed.over_naive) if speed else "–", units.seconds(speed.seconds, 3) if speed else "–",
        "; ".join(each.short for each in row.steps) or "–",
        (speed.beside if speed else "") or "–", shown_points(row.points, row.most) if row.asked else "–",
    )  # fmt: skip


def table(marked: Marks) -> words.Table:
    """Every row as text. Points are shown with a rubric, remarks and mistakes where there are any."""
    rows = [cells(row) for row in marked.rows]
    wanted = [at for at, name in enumerate(HEAD) if name != "points" or marked.rubric]
    wanted = [at for at in wanted if at < 3 or any(row[at] != "–" for row in rows)]
    picked = tuple(tuple(row[at] for at in wanted) for row in rows)
    return words.Table(marked.counted, tuple(HEAD[at] for at in wanted), picked)


def totals(marked: Marks) -> words.Table | None:
    """The points of each submission; None without a rubric."""
    if marked.rubric is None:
        return None
    rows = tuple((each.name, shown_points(*marked.total(each.name))) for each in marked.grades)
    return words.Table("points", ("submission", "points"), rows)


def closing(marked: Marks) -> Iterator[str]:
    """The lines below the tables."""
    for (operation, what), who in marked.mistakes.items():
        yield f"{operation}: {what}: {len(who)} ({', '.join(who[:6])}{', …' if len(who) > 6 else ''})"
    raced = [row.speed for row in marked.rows if row.speed]
    if raced:
        cases = ", ".join(dict.fromkeys(f"{each.case} in {each.dtype}" for each in raced))
        yield f"speeds: forward and backward together on {cases}, 1 thread, over naive in the same race"
    yield from marked.problems


def to_json(marked: Marks) -> dict[str, Any]:
    """The marks as plain JSON: one row a submission and function, with its numbers."""
    return {
        "rows": [_json_row(row) for row in marked.rows],
        "submissions": [
            {"name": each.name, "path": escaped(each.path), "points": marked.total(each.name)[0],
             "most": marked.total(each.name)[1], "notes": each.notes, "took_s": each.took_s}
            for each in marked.grades
        ],
        "mistakes": [
            {"operation": op, "mistake": what, "submissions": who}
            for (op, what), who in marked.mistakes.items()
        ],
        "problems": marked.problems,
    }  # fmt: skip


def _json_row(row: Row) -> dict[str, Any]:
    function, speed = row.function, row.speed
    ratio = speed.over_naive if speed else None
    return {
        "submission": row.submission, "operation": function.operation, "technique": function.technique,
        "file": function.file, "mark": row.status, "where": row.where, "remarks": row.remarks,
        "notes": function.notes, "left_out": function.left_out,
        "mistakes": [
            {"name": m.name, "words": m.words, "tensors": m.tensors, "breaks": m.breaks, "shown": m.shown}
            for m in function.mistakes
        ],
        "seconds": speed.seconds if speed else None, "over_naive": ratio.value if ratio else None,
        "over_naive_low": ratio.low if ratio else None, "over_naive_high": ratio.high if ratio else None,
        "beside": speed.beside if speed else "", "case": speed.case if speed else "",
        "function": row.asked, "points": row.points, "most": row.most,
        "steps": [each.words for each in row.steps],
    }  # fmt: skip
