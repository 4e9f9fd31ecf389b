"""The pages of a class: one for the teacher, and one for each student, which shows nothing of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, log10
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from perflab import __version__
from perflab.contract import GRAVITY
from perflab.records import full_or
from perflab.records.grades import Grade, Mistake, replace_file
from perflab.report import words
from perflab.report.across import grades
from perflab.report.across.grade_exports import folders
from perflab.report.across.grades import Marks, Row, Speed
from perflab.report.study.mathematics import mathml
from perflab.report.template import template

PAGE, STUDENTS = "index.html", "students"
WIDTH, MARGIN = 600, 30  # of a strip


@dataclass(frozen=True)
class Strip:
    """The speeds of one operation as points on a logarithmic axis.

    `points` has the submission, what is said of it and its place; `ticks` the powers of ten and theirs.
    """

    operation: str
    points: tuple[tuple[str, str, float], ...]
    ticks: tuple[tuple[str, float], ...]


def write(marked: Marks, folder: Path) -> Path:
    """Write index.html and students/NAME.html into a folder; the path of the teacher's page."""
    places = {name: f"{STUDENTS}/{place}.html" for name, place in folders(marked).items()}
    try:
        (folder / STUDENTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise full_or(error, folder) from error
    replace_file(folder / PAGE, teacher(marked, places).encode("utf-8", "backslashreplace"))
    for grade in marked.grades:
        page = student(marked, grade).encode("utf-8", "backslashreplace")
        replace_file(folder / places[grade.name], page)
    return folder / PAGE


def teacher(marked: Marks, places: dict[str, str]) -> str:
    """The teacher's page; `places` are the addresses of the students' pages."""
    counts = Counter((row.function.operation or "–", row.status) for row in marked.rows)
    operations = list(dict.fromkeys(op for op, _ in counts))
    marks = words.Table(
        "Marks, by operation", ("operation", *GRAVITY),
        tuple((op, *(str(counts[op, status] or "–") for status in GRAVITY)) for op in operations),
    )  # fmt: skip
    made = words.Table(
        "Mistakes: how often, and whose", ("operation", "mistake", "submissions", "whose"),
        tuple((op, what, str(len(who)), ", ".join(who)) for (op, what), who in marked.mistakes.items()),
    )  # fmt: skip
    head = grades.HEAD if marked.rubric else grades.HEAD[:-1]  # the last are the points
    rows = tuple(grades.cells(row)[: len(head)] for row in marked.rows)
    whole, totals = words.Table("Marks, by function", head, rows), grades.totals(marked)
    links = {name: quote(place) for name, place in places.items()}
    return template("grades.html.jinja").render(
        title=marked.counted, marks=marks, made=made, strips=[*strips(marked.rows)], width=WIDTH,
        totals=replace(totals, title="Points, by submission") if totals else None, whole=whole,
        of_students=[links[each.name] for each in marked.grades],
        of_rows=[links[row.submission] for row in marked.rows],
        closing=marked.problems, version=__version__,
    )  # fmt: skip


def student(marked: Marks, grade: Grade) -> str:
    """A student's page."""
    total = grades.shown_points(*marked.total(grade.name)) if marked.rubric else ""
    return template("student.html.jinja").render(
        title=grade.name, rows=marked.by_submission[grade.name], total=total, notes=grade.notes,
        formula=formula, lines=hot_lines, interval=words.interval, points=grades.shown_points,
        version=__version__,
    )  # fmt: skip


def formula(mistake: Mistake) -> Markup:
    """The formula that a mistake breaks."""
    return Markup(mathml(mistake.breaks, {"display_mode": True})) if mistake.breaks else Markup()


def hot_lines(speed: Speed) -> words.Table | None:
    """The lines on which the time goes; None where none is known."""
    rows = tuple(
        (way, line.place, f"{line.share:.0%}", str(line.times), line.text)
        for way, lines in speed.lines.items()
        for line in lines
    )  # fmt: skip
    head = ("direction", "line", "share", "times a call", "text")
    return words.Table("Where the time goes", head, rows) if rows else None


def strips(rows: Sequence[Row]) -> Iterator[Strip]:
    """A strip for each operation of which at least one function was raced."""
    by_operation: dict[str, list[tuple[Row, float]]] = {}
    for row in rows:
        if row.speed and row.speed.over_naive and row.speed.over_naive.value > 0:
            by_operation.setdefault(row.function.operation, []).append((row, row.speed.over_naive.value))
    for operation, raced in by_operation.items():
        exponents = [log10(value) for _, value in raced]
        low, high = floor(min(exponents)), ceil(max(exponents))
        high = max(high, low + 1)

        def place(exponent: float, low: int = low, high: int = high) -> float:
            return round(MARGIN + (WIDTH - 2 * MARGIN) * (exponent - low) / (high - low), 1)

        points = tuple(
            (row.submission, f"{row.submission}, {row.function.name}: {words.ratio(row.speed.over_naive)}",
             place(exponent))
            for (row, _), exponent in zip(raced, exponents, strict=True)
            if row.speed
        )  # fmt: skip
        ticks = tuple((f"×{10.0**power:g}", place(power)) for power in range(low, high + 1))
        yield Strip(operation, points, ticks)
