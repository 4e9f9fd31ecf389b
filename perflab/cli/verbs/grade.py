"""`perflab grade`: the submissions of a class, each graded apart."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from perflab.cli import common
from perflab.cli.common import INTERRUPTED
from perflab.cli.verbs import Commands
from perflab.contract import PerflabError

if TYPE_CHECKING:
    from perflab.report.across.grades import Marks

PLACE = 25
ALL, CLIMB = "all", "climb"
LIMIT_S, LONGEST_S = 10.0, 3600.0
EXAMPLES = """
    perflab grade fully_connected submissions/*
    perflab grade all submissions/* --rubric rubric.toml --csv grades.csv
    perflab grade all submission --gradescope results
    perflab grade climb climbs
    perflab grade all submissions/* --dask local:8
"""


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "grade", help="the submissions of a class: right, fast, points", examples=EXAMPLES
    )
    verb.add_argument(
        "operation",
        metavar="OP",
        help="the operation, or all that a submission has: all; climb for folders of `perflab climb`",
    )
    verb.add_argument("submissions", nargs="+", metavar="SUBMISSION",
                      help="a folder, a Python file or an archive (zip, tar) each")  # fmt: skip
    verb.add_argument(
        "--rubric", type=Path, metavar="FILE", help="the points; `perflab new --rubric` writes one"
    )
    verb.add_argument("--limit", type=float, metavar="S", help="the most seconds that a case may take (10)")
    verb.add_argument("--out", type=Path, default=Path("grades"), metavar="DIR",
                      help="where all is saved; the same command goes on there (grades)")  # fmt: skip
    on = "verify on the workers of a dask scheduler, or on N of this machine: local:N"
    verb.add_argument("--dask", metavar="ADDRESS", help=on)
    verb.add_argument("--csv", type=Path, metavar="FILE", help="also the table as CSV")
    verb.add_argument("--junit", type=Path, metavar="FILE", help="also JUnit's XML")
    verb.add_argument(
        "--gradescope", type=Path, metavar="DIR", help="also NAME/results.json of each submission"
    )
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(command=grade)


def grade(args: argparse.Namespace) -> int:
    """Check what is asked, grade, and print and write the marks."""
    from perflab import catalog
    from perflab.records import rubric
    from perflab.report.across import grade_exports, grade_pages, grades
    from perflab.run.grading import driving, spreading, submissions
    from perflab.run.workers import judges

    if args.operation == CLIMB:
        common.use_one_thread()
        return _climbs(args)
    asked = "" if args.operation == ALL else catalog.operation(args.operation).name
    points = rubric.load(args.rubric, catalog.operations()) if args.rubric else None
    limit_s = _limit(args.limit, points.limit_s if points else 0.0)
    found = submissions.find(args.submissions)
    for file in filter(None, (args.csv, args.junit)):
        grade_exports.check_output(file)
    for folder in filter(None, (args.out, args.gradescope)):
        grade_exports.check_output(folder, is_folder=True)
    spread = spreading.here if args.dask is None else judges.on(args.dask)
    common.use_one_thread()
    printed = common.console(stderr=True)
    settled = 0

    with common.step_bar(printed, "grading") as step:

        def tell(part: str, done: int, count: int) -> None:
            nonlocal settled
            settled = done if part == "verified" else count
            step(done, count, part)

        try:
            graded = driving.grade(args.out, found, asked, limit_s, tell, spread)
        except KeyboardInterrupt:
            common.tell_user(
                f"interrupted: {settled} of {len(found)} verified are in {args.out}; the same command goes on"
            )
            return INTERRUPTED
    marked = grades.marks(graded.grades, graded.races, points, graded.problems, asked)
    _write(args, marked, grade_pages.write)
    _show(args, marked)
    return common.code_of(row.status for row in marked.rows)


def _limit(given: float | None, of_rubric: float) -> float:
    """The seconds that a case may take."""
    limit_s = given if given is not None else of_rubric or LIMIT_S
    if not 0 < limit_s <= LONGEST_S:
        raise PerflabError(f"--limit: {limit_s:g}; wanted seconds, above 0 and at most {LONGEST_S:g}")
    return limit_s


def _write(args: argparse.Namespace, marked: Marks, pages: Callable[[Marks, Path], Path]) -> None:
    """Write the pages and the files that were asked for, and say where."""
    from perflab.records.grades import replace_file
    from perflab.report.across import grade_exports

    written = [pages(marked, args.out)]
    for file, text in ((args.csv, grade_exports.as_csv), (args.junit, grade_exports.as_junit)):
        if file:
            replace_file(file, text(marked).encode("utf-8", "backslashreplace"))
            written.append(file)
    if args.gradescope:
        grade_exports.write_gradescope(marked, args.gradescope)
        written.append(args.gradescope)
    for file in written:
        common.tell_user(f"written: {file}")


def _show(args: argparse.Namespace, marked: Marks) -> None:
    from perflab.cli.show import grades as shown
    from perflab.report.across import grades

    common.print_answer(args.json, grades.to_json(marked), shown.marks(marked))


def _climbs(args: argparse.Namespace) -> int:
    """Judge every exercise of folders of climbs again, and print a point for each rung."""
    from perflab.cli import climb_grades
    from perflab.cli.show.table import of_words
    from perflab.report.across import grade_exports

    for option in ("rubric", "limit", "junit", "gradescope"):
        if getattr(args, option) is not None:
            raise PerflabError(f"--{option}: not for climbs, with a point a rung; wanted --csv or --json")
    if args.csv:
        grade_exports.check_output(args.csv)
    climbs = climb_grades.found(args.submissions)
    with common.step_bar(common.console(stderr=True), "grading") as step:
        rows = [*climb_grades.graded(climbs, step)]
    if args.csv:
        common.write_text(args.csv, climb_grades.as_csv(rows))
        common.tell_user(f"written: {args.csv}")
    points = (f"{name}: {count} points" for name, count in climb_grades.totals(rows).items())
    pieces = [of_words(climb_grades.table(rows)), *points]
    common.print_answer(args.json, climb_grades.to_json(rows), pieces)
    return common.code_of(row.status for row in rows)
