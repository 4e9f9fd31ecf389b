"""Marks, points, pages and exports are made of saved grades and races alone; what a student chose is text."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict
from pathlib import Path

import pytest

from perflab import records
from perflab.catalog.cases import describe
from perflab.contract import PerflabError
from perflab.records.grades import GRADES, Book
from perflab.records.rubric import Entry, Rubric, Step
from perflab.report.across import grade_exports, grade_pages, grades
from perflab.run import presets

HERE = Path(__file__).parent
EVIL = '=cmd()|\x1b[31m<script>alert("x")</script>&\ufffe\u202e'
MISTAKE = {
    "tensors": ["db"], "name": "db_mean", "lesson": "db is a mean, not a sum", "breaks": r"\sum_n d_n",
    "shown": "N = 2", "worst": "db[0]: got -0.5, wanted -1", "told": ["db: db is a mean", "  worst there"],
}  # fmt: skip
SECONDS = {"naive": 0.1, "vectorized": 0.001}


def function(status="right", **more):
    plain = {
        "operation": "fully_connected",
        "technique": "layers.affine",
        "path": "/layers.py",
        "file": "layers.py",
    }
    return plain | {"status": status, "where": "odd: db[0]"} | more


def grade(name, *functions, **more):
    plain = {"name": name, "path": f"/{name}", "digest": name, "asked": "", "limit_s": 10.0, "took_s": 1.5}
    return plain | {"functions": functions} | more


@pytest.fixture
def book(tmp_path):
    """Four submissions: one right, one wrong, one with names that are meant to do harm, one that is empty."""
    made = Book.opened(tmp_path)
    made.add(grade("alice", function(remarks=["gives float64 for float32"])))
    made.add(grade("bob", function("wrong", mistakes=[MISTAKE], again="perflab verify fully_connected")))
    evil = {"technique": EVIL, "where": EVIL, "remarks": [EVIL], "notes": [EVIL]}
    made.add(grade(EVIL, function("cannot run here", **evil), notes=[EVIL]))
    made.add(grade("dave", function("unwritten", technique="layers.conv", operation="conv2d")))
    return made


def raced(folder, grade, took_s, failure=""):
    """A race of one submission beside two rungs, with these seconds a call."""
    (own,) = grade.functions
    label = grade.label(own)
    outside = {f"fully_connected/{label}": "/layers.py"}
    plan = presets.make(
        {"fully_connected": (*SECONDS, label)}, "grade", outside=outside, foreign=tuple(outside)
    )
    records.begin(folder, plan, describe(plan), {}, {"state": "fit", "reasons": []})
    writer = records.Writer(folder)
    for technique, seconds in (SECONDS | {label: took_s}).items():
        at = {"operation": "fully_connected", "technique": technique, "case": "tiny", "dtype": "float64"}
        at |= {"threads": 1, "process": 0}
        if failure and technique == label:
            writer.append("failure", **at, reason=failure)
            continue
        for turn in range(plan.passes):
            block = {
                "direction": "step",
                "pass": turn,
                "iterations": 1,
                "rounds_s": [seconds],
                "after": "same bits",
            }
            writer.append("block", **at, **block)
    writer.close()
    return records.read(folder)


@pytest.fixture
def marked(book, tmp_path):
    run = raced(tmp_path / "races" / "0", book.grades[0], 0.002)
    steps = (Step(1.0, times=20), Step(2.0, times=90), Step(0.5, seconds=0.01))
    return grades.marks(book.grades, [run], Rubric({"fully_connected": Entry(4.0, 0.0, steps)}))


def test_points_are_for_being_right_and_for_each_speed_that_is_reached(marked):
    (row,) = marked.by_submission["alice"]
    assert row.speed.over_naive.value == pytest.approx(50)
    assert row.speed.beside == "vectorized"
    assert (row.points, row.most) == (5.5, 7.5)
    assert row.steps[1].words == "90 times as fast as naive: not reached"
    assert [each.short for each in row.steps] == ["×20 yes", "×90 no", "10.0 ms yes"]
    assert marked.total("alice") == (5.5, 7.5)
    assert marked.total("bob") == (0.0, 7.5)
    assert marked.total("dave") == (0.0, 7.5), "what the rubric asks for is not in it"
    assert [row.where for row in marked.by_submission["dave"]] == [grades.MISSING]


def test_of_several_functions_for_one_the_best_counts(tmp_path):
    made = Book.opened(tmp_path)
    made.add(grade("alice", function(technique="layers.naive"), function("wrong", technique="layers.fast")))
    marked = grades.marks(made.grades, [], Rubric({"fully_connected": Entry(3.0)}))
    assert marked.total("alice") == (3.0, 3.0)
    several = Rubric({"fully_connected": Entry(3.0), "fully_connected/fast": Entry(5.0)})
    assert grades.marks(made.grades, [], several).total("alice") == (3.0, 8.0)


def test_what_a_race_finds_changes_the_mark(book, tmp_path):
    found = "not shown: it looks answers up"
    run = raced(tmp_path / "races" / "0", book.grades[0], 0.002, found)
    (row,) = grades.marks(book.grades, [run]).by_submission["alice"]
    assert (row.status, row.where) == ("not shown", "in the race: it looks answers up")
    assert row.points == 0
    assert row.speed is None


def test_the_teacher_sees_who_made_which_mistake(marked, tmp_path):
    assert marked.mistakes == {("fully_connected", "db is a mean, not a sum (db_mean)"): ["bob"]}
    page = grade_pages.write(marked, tmp_path / "out").read_text("utf-8")
    assert "db is a mean, not a sum (db_mean)" in page
    assert page.count("<circle ") == 1
    assert "students/alice.html" in page
    mine = (tmp_path / "out" / "students" / "bob.html").read_text("utf-8")
    for told in ("db_mean", "<math", "N = 2", "got -0.5, wanted -1", "perflab verify fully_connected"):
        assert told in mine
    assert "alice" not in mine, "a student's page shows nothing of the others"
    assert "Next on the ladder" in (tmp_path / "out" / "students" / "alice.html").read_text("utf-8")


def test_names_are_text_in_every_output(marked, tmp_path):
    pages = grade_pages.write(marked, tmp_path / "out").parent
    for page in (pages / "index.html", *(pages / "students").iterdir()):
        text = page.read_text("utf-8")
        assert "<script>" not in text
        assert not {"\x1b", "\u202e"} & {*text}
    rows = [*csv.reader(io.StringIO(grade_exports.as_csv(marked)))]
    assert all(not cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    assert not {"\x1b", "\u202e"} & {*grade_exports.as_csv(marked)}
    suites = ElementTree.fromstring(grade_exports.as_junit(marked))
    assert [suite.get("name") for suite in suites][2].startswith("=cmd()|\\x1b[31m<script>")
    for name in grade_exports.folders(marked).values():
        assert name.replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert not {"\x1b", "\u202e"} & {*json.dumps(grades.to_json(marked), ensure_ascii=False)}


def test_a_table_and_its_closing_lines_tell_all(marked):
    table = grades.table(marked)
    assert table.head[-1] == "points"
    assert [row[2] for row in table.rows[:2]] == ["right", "wrong"]
    assert any("db_mean" in line and "(bob)" in line for line in grades.closing(marked))


def test_results_are_written_for_each_and_follow_no_link(marked, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "alice").symlink_to(elsewhere)
    written = grade_exports.write_gradescope(marked, tmp_path / "out")
    assert len(written) == 4
    assert not [*elsewhere.iterdir()]
    result = json.loads((tmp_path / "out" / "alice" / "results.json").read_text())
    assert (result["score"], result["tests"][0]["max_score"]) == (5.5, 7.5)
    assert result["leaderboard"] == [
        {"name": "fully_connected/layers.affine: times as fast as naive", "order": "desc", "value": 50.0}
    ]


@pytest.mark.slow
def test_the_exports_fit_their_schemas(marked, tmp_path):
    jsonschema, xmlschema = (
        pytest.importorskip(name, reason=f"no {name} (perflab[dev])") for name in ("jsonschema", "xmlschema")
    )
    schema = json.loads((HERE / "gradescope.schema.json").read_text())
    for file in grade_exports.write_gradescope(marked, tmp_path / "out"):
        jsonschema.validate(json.loads(file.read_text()), schema)
    xmlschema.XMLSchema(HERE / "junit.xsd").validate(grade_exports.as_junit(marked))


def test_a_book_goes_on_after_a_torn_line_and_undoes_what_others_write(book, tmp_path):
    file = tmp_path / GRADES
    whole = file.read_bytes()
    with file.open("ab") as opened:
        opened.write(b'{"number": 4, "na')
    again = Book.opened(tmp_path)
    assert file.read_bytes() == whole
    assert [asdict(each) for each in again.grades] == [asdict(each) for each in book.grades]
    file.write_bytes(whole.replace(b"wrong", b"right"))
    again.save()
    assert again.changed
    assert file.read_bytes() == whole
    file.write_bytes(whole + b"{}\n")
    with pytest.raises(PerflabError, match=r"grades.jsonl: line 5: number is missing"):
        Book.opened(tmp_path)


def test_an_output_that_cannot_be_written_is_told_before(tmp_path):
    (tmp_path / "file").write_text("x")
    wrong = (("none/x.csv", False), ("", False), ("file", True), ("file/x.csv", False), ("file/x", True))
    for name, is_folder in wrong:
        with pytest.raises(PerflabError, match="cannot be written"):
            grade_exports.check_output(tmp_path / name, is_folder)
    grade_exports.check_output(tmp_path / "x.csv")
    grade_exports.check_output(tmp_path / "a" / "b", is_folder=True)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
