"""The marks of a class for other programs: CSV, JUnit's XML, and Gradescope's results.json.

What a student chose, such as the name of a function, is text in all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from perflab.contract import RIGHT, UNWRITTEN, PerflabError
from perflab.records import full_or
from perflab.records.grades import Grade, replace_file
from perflab.report import words
from perflab.report.across import grades
from perflab.report.across.grades import Marks, Row

# Characters that XML 1.0 does not have (§2.2); control characters are escapes by now.
NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
COLUMNS = (
    *("submission", "operation", "technique", "file", "mark", "where", "remarks", "mistakes", "seconds"),
    *("over_naive", "over_naive_low", "over_naive_high", "beside", "function", "points", "most"),
)
RESULTS = "results.json"


def as_csv(marked: Marks) -> str:
    """One row a submission and function, with plain numbers; no cell is a formula for a spreadsheet."""
    rows = []
    for row in grades.to_json(marked)["rows"]:
        plain = row | {"mistakes": [each["name"] or each["words"] for each in row["mistakes"]]}
        rows.append(tuple(_cell(plain[name]) for name in COLUMNS))
    return words.as_csv(words.Table("", COLUMNS, tuple(rows)))


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "; ".join(map(str, value))
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def as_junit(marked: Marks) -> str:
    """JUnit's XML as Jenkins reads it: a suite a submission, a test a function.

    What is unwritten is skipped; all else that is not right is a failure, with its mark as the type: schemas
    do not agree on an element for errors.
    """
    suites = ElementTree.Element("testsuites")
    for grade in marked.grades:
        rows = marked.by_submission[grade.name]
        counts = {
            "tests": len(rows),
            "failures": sum(row.status not in (RIGHT, UNWRITTEN) for row in rows),
            "errors": 0,
            "skipped": sum(row.status == UNWRITTEN for row in rows),
        }
        plain = {name: str(count) for name, count in counts.items()}
        took = f"{grade.took_s:.3f}"
        suite = ElementTree.SubElement(suites, "testsuite", {"name": _xml(grade.name), "time": took} | plain)
        for row in rows:
            _testcase(suite, row)
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, "unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _testcase(suite: ElementTree.Element, row: Row) -> None:
    who = {"classname": _xml(row.submission), "name": _xml(row.function.name)}
    test = ElementTree.SubElement(suite, "testcase", who)
    if row.status == UNWRITTEN:
        ElementTree.SubElement(test, "skipped").text = _xml(row.where)
    elif row.status != RIGHT:
        found = ElementTree.SubElement(test, "failure", message=_xml(row.where), type=row.status)
        found.text = _xml("\n".join(_told(row)))
    if row.status == RIGHT and (said := [*_told(row)]):
        ElementTree.SubElement(test, "system-out").text = _xml("\n".join(said))


def _xml(text: str) -> str:
    return NO_XML.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def _told(row: Row) -> Iterator[str]:
    """Everything on one function as plain lines: what a student reads."""
    if row.status != RIGHT:
        yield f"{row.status}: {row.where}"
    yield from row.remarks
    if row.function.left_out:
        yield row.function.left_out
    for mistake in row.function.mistakes:
        yield from mistake.told
    if row.function.again:
        yield f"again: {row.function.again}"
    yield from row.function.notes
    if row.speed:
        yield from _speed(row)
    yield from (each.words for each in row.steps)


def _speed(row: Row) -> Iterator[str]:
    speed = row.speed
    assert speed is not None
    if speed.over_naive is not None:
        times = words.interval(speed.over_naive)
        yield f"{times} as fast as the naive loops, on {speed.case} in {speed.dtype}"
    if speed.standing is not None:
        yield from filter(None, (speed.standing.sentence, speed.standing.changes))
    if speed.next_rungs:
        yield f"next on the ladder: {', '.join(speed.next_rungs)} (perflab study {row.function.operation})"
    for way, lines in speed.lines.items():
        for line in lines:
            yield f"{way}: {line.place} takes {line.share:.0%} of the time: {line.text}"


def gradescope(marked: Marks, grade: Grade) -> dict[str, Any]:
    """The results.json of a submission, as Gradescope's autograder specification describes it.

    A test for each function, with its points; a leaderboard with the speed-up of each that was raced.
    """
    rows = marked.by_submission[grade.name]
    points, most = marked.total(grade.name)
    tests = [
        {
            "name": row.function.name, "name_format": "text", "number": str(number),
            "score": row.points, "max_score": row.most,
            "status": "passed" if row.status == RIGHT else "failed",
            "output": "\n".join([row.status, *_told(row)] if row.status == RIGHT else _told(row)),
            "output_format": "text", "visibility": "visible",
        }
        for number, row in enumerate(rows, 1)
    ]  # fmt: skip
    board = [
        {"name": f"{row.function.name}: times as fast as naive", "order": "desc",
         "value": float(f"{ratio.value:.4g}")}
        for row in rows
        if row.speed and (ratio := row.speed.over_naive)
    ]  # fmt: skip
    return {
        "score": points, "execution_time": round(grade.took_s, 3), "tests": tests, "leaderboard": board,
        "output": f"{grades.shown_points(points, most)} points by perflab", "output_format": "text",
        "test_output_format": "text", "test_name_format": "text",
        "visibility": "visible", "stdout_visibility": "hidden", "extra_data": {"most": most},
    }  # fmt: skip


def write_gradescope(marked: Marks, folder: Path) -> list[Path]:
    """Write NAME/results.json for every submission into a folder. Raises PerflabError where that fails.

    This happens when no submission's code runs any more, and what is in the place of a file is replaced.
    """
    written, places = [], folders(marked)
    for grade in marked.grades:
        own = folder / places[grade.name]
        try:
            if own.is_symlink():
                own.unlink()
            own.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise full_or(error, own) from error
        text = json.dumps(gradescope(marked, grade), ensure_ascii=True, allow_nan=False, indent=1)
        replace_file(own / RESULTS, text.encode())
        written.append(own / RESULTS)
    return written


def folders(marked: Marks) -> dict[str, str]:
    """A name for each submission's files, from its own name: the same only where that is plain.

    Names are told apart by a number where they differ in characters that a file's name may not have.
    """
    taken: set[str] = set()
    found = {}
    for grade in marked.grades:
        plain = words.file_name(grade.name).lstrip(".") or "submission"
        name, count = plain[:100], 1
        while name.casefold() in taken:
            count += 1
            name = f"{plain[:100]}-{count}"
        taken.add(name.casefold())
        found[grade.name] = name
    return found


def check_output(file: Path, is_folder: bool = False) -> None:
    """Raise PerflabError where an output could not be written later."""
    nearest = next((each for each in (file, *file.absolute().parents) if each.exists()), Path("/"))
    if is_folder or nearest == file:
        fits = nearest.is_dir() if is_folder else nearest.is_file()
    else:
        fits = nearest == file.absolute().parent and nearest.is_dir()
    if not fits:
        what = "a folder" if is_folder else "a file in a folder that exists"
        raise PerflabError(f"{file}: cannot be written; wanted {what}")
    replaced = nearest if nearest.is_dir() else nearest.absolute().parent
    probe = replaced / f".{file.name}.perflab"
    try:
        probe.open("xb").close()
        probe.unlink()
    except OSError as error:
        raise full_or(error, file) from error
