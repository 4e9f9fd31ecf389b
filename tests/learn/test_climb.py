"""A climb: exercises from the ladders, the file of its progress, what races say. Nothing is measured here."""

import ast
import json
import re
from collections import Counter
from dataclasses import replace

import pytest
from conftest import CHEATS, ROOT, one_line, perflab

from perflab import catalog
from perflab.cli import climb_grades, climbing
from perflab.contract import NOT_SHOWN, RIGHT, PerflabError
from perflab.learn.climb import exercises, figure, hints, judgement, page
from perflab.records import climb as saved
from perflab.records import kinds
from perflab.records.climb import Attempt, Climb, Step
from perflab.run import climbing as climbing_races

REACHED = Attempt(1e9, RIGHT, "", 1e-3, 4e-3, 1e-3, 1.0, True)
WRONG = Attempt(2e9, "wrong", "dx: `=` for `+=`")
SLOW = Attempt(3e9, RIGHT, "", 2e-3, 4e-3, 1e-3, 0.5)


def step(above="per_neuron", below="naive", file="fully_connected.py", **more):
    return Step("fully_connected", below, above, file, "tiny", "float32", 1, 0.8, 4e-3, 1e-3, **more)


@pytest.fixture
def folder(tmp_path):
    """A folder in which one exercise is begun."""
    saved.save(tmp_path, Climb(1, (step(),)))
    (tmp_path / "fully_connected.py").write_text(exercises.text(step()), "utf-8")
    return tmp_path


@pytest.mark.parametrize("operation", catalog.operations())
def test_every_rung_but_the_root_and_auto_is_an_exercise_and_its_code_stands_alone(operation):
    described = catalog.operation(operation)
    assert set(exercises.ways(described)) == {*described.since} - {"naive", "auto"}
    for rung in described.since:
        code = exercises.written(operation, rung)
        assert all(not n.level for n in ast.walk(ast.parse(code)) if isinstance(n, ast.ImportFrom))
        assert {"forward", "backward"} <= set(re.findall(r"^(?:def )?(\w+)\b", code, re.M)) | {
            name.name for n in ast.parse(code).body if isinstance(n, ast.ImportFrom) for name in n.names
        }


def test_what_is_only_compiled_is_written_out():
    code = exercises.written("fully_connected", "jit")
    assert "@njit" in code
    assert "for d in range" in code or "range(D)" in code


def test_a_branch_opens_where_its_root_is_reached():
    described = catalog.operation("fully_connected")
    assert exercises.opened(Climb(1), described) == ["per_neuron", "jit"]
    climb = Climb(1, (step(attempts=(REACHED,)),))
    assert exercises.opened(climb, described) == ["vectorized", "jit"]
    assert exercises.chosen(climb, described) == "vectorized"  # it stands on the last one reached
    left_out = climb.with_step(step("vectorized", "per_neuron", "", left_out="no faster"))
    assert exercises.chosen(left_out, described) == "in_place"


@pytest.mark.parametrize(
    ("above", "told"), [("simd", "stands on accumulators"), ("per_neuron", "reached"), ("sim", "simd")]
)
def test_a_rung_that_is_not_open_is_refused_by_name(above, told):
    climb = Climb(1, (step(attempts=(REACHED,)),))
    with pytest.raises(PerflabError, match=told):
        exercises.chosen(climb, catalog.operation("fully_connected"), above)


def test_progress_is_read_as_it_was_written(tmp_path):
    climb = Climb(1, (step(hints=("first line",), attempts=(WRONG, REACHED)),), {"mine": "/tmp/mine"})
    saved.save(tmp_path, climb)
    assert saved.load(tmp_path) == climb
    assert json.loads((tmp_path / saved.CLIMB).read_text())["steps"][0]["hints"] == ["first line"]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda p: p["steps"][0].pop("above"), "steps[0].above is missing"),
        (lambda p: p["steps"][0].update(wanted="much"), "steps[0].wanted"),
        (lambda p: p["steps"][0].update(file="../x.py"), "steps[0].file"),
        (lambda p: p["steps"].append(p["steps"][0]), "each exercise once"),
        (lambda p: p.update(schema=2), "schema"),
    ],
)
def test_edited_progress_is_one_line_and_nothing_is_lost(folder, edit, told):
    file = folder / saved.CLIMB
    plain = json.loads(file.read_text())
    edit(plain)
    text = json.dumps(plain)
    file.write_text(text)
    for words in (["climb"], ["climb", "check", "fully_connected.py"], ["climb", "fully_connected"]):
        assert told in one_line(perflab(*words, cwd=folder), 2)
    assert file.read_text() == text


def test_a_file_that_was_moved_is_named_and_a_renamed_one_is_found(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (folder / "fully_connected.py").rename(elsewhere / "fully_connected.py")
    assert "no such file" in one_line(perflab("climb", "check", "fully_connected.py", cwd=folder), 2)
    line = one_line(perflab("climb", "check", elsewhere / "fully_connected.py", cwd=folder), 2)
    assert "no climb.json beside it" in line
    (elsewhere / "fully_connected.py").rename(folder / "other.py")
    assert exercises.of_file(saved.load(folder), folder / "other.py") == step()


def test_a_rung_that_does_not_exist_any_more_is_one_line(folder):
    gone = step("tuned", "naive", attempts=(REACHED,))
    saved.save(folder, Climb(1, (gone,)))
    assert "tuned" in one_line(perflab("climb", "check", "fully_connected.py", cwd=folder), 2)
    assert "no such rung any more" in perflab("climb", cwd=folder).stdout


def test_an_exercise_overwrites_no_file(tmp_path):
    (tmp_path / "conv2d.py").write_text("mine")
    assert "exists already" in one_line(perflab("climb", "conv2d", cwd=tmp_path), 2)
    assert (tmp_path / "conv2d.py").read_text() == "mine"
    assert not (tmp_path / saved.CLIMB).exists()


def test_what_is_wrong_is_told_by_name_and_saved(folder):
    file = folder / "fully_connected.py"
    file.write_text(file.read_text().replace("db[m] += g", "db[m] = g"))
    done = perflab("climb", "check", "fully_connected.py", cwd=folder)
    assert done.returncode == 1
    assert "db" in done.stdout
    (attempt,) = saved.load(folder).steps[0].attempts
    assert (attempt.status, attempt.passed) == ("wrong", False)


def test_an_unfit_machine_gives_a_verdict_and_no_race(folder, monkeypatch):
    monkeypatch.setattr("perflab.run.climbing.unfit", lambda: "this machine is unfit to measure: noise")
    done = perflab("climb", "check", "fully_connected.py", cwd=folder)
    assert done.returncode == 3
    assert "right" in done.stdout
    assert "not raced: this machine is unfit" in done.stdout


def test_the_share_that_is_wanted_tells_near_rungs_apart():
    assert exercises.share_wanted(1.0, 0.1) == 0.8
    assert 1 / 1.3 < exercises.share_wanted(1.3, 1.0) < 1


@pytest.mark.parametrize(
    ("share", "close"), [(None, False), (0.6, False), (0.72, True), (0.9, True), (1.0, False)]
)
def test_what_one_process_does_not_decide(share, close):
    attempt = Attempt(1e9, RIGHT, "", 1e-3, 4e-3, 1e-3, share)
    assert judgement.is_close(step(), attempt) is close


def test_an_own_techniques_borrowed_code_is_not_allowed_what_the_rungs_import_is():
    assert "perflab's vectorized" not in exercises.allowed("fully_connected", "per_neuron", "vectorized")
    assert "perflab's packed" in exercises.allowed("fully_connected", "packed", "cores")


def test_the_bar_and_the_place():
    assert judgement.place(REACHED) == 1.0
    assert judgement.place(SLOW) == pytest.approx(0.5)
    assert "naive" in judgement.bar(step(), SLOW)
    assert judgement.bar(step(), WRONG) == ""
    assert "50%" in judgement.sentence(step(), SLOW)


def test_hints_come_one_by_one_and_are_kept(folder):
    for number, kind in enumerate(saved.HINTS[:2], 1):
        done = perflab("climb", "hint", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert f"hint {number}: {kind}" in done.stdout
    assert saved.load(folder).steps[0].hints == saved.HINTS[:2]
    assert "def forward" in "\n".join(hints.given(step(), hints.SOLUTION))
    derived = hints.derived("max_pool2d", "per_neuron")
    assert any("argmax" in line for line in derived)
    assert "out[n,c,i,j] = V[n,a_n]" in derived
    assert not re.search(r"[\\`*]", "".join(derived))


def test_the_page_has_the_figure_the_mistakes_and_the_hints():
    climb = Climb(1, (step(hints=("first line",), attempts=(WRONG, SLOW, REACHED)),
                      step("jit", "naive", "fully_connected-2.py", attempts=(SLOW,))))  # fmt: skip
    text = page.html(climb)
    for words in ("<svg", "`=` for `+=`", "first line", "Hints taken", "50%"):
        assert words in text
    assert figure.drawn("x", [step()], {}) is None


def test_grading_trusts_no_claim(folder, monkeypatch):
    saved.save(folder, Climb(1, (step(attempts=(REACHED,)), step("jit", "naive", "fully_connected-2.py"))))
    said = Attempt(0.0, NOT_SHOWN, "it calls perflab's vectorized")
    monkeypatch.setattr(climbing, "new_step", lambda *_: step())
    monkeypatch.setattr(climbing, "judged", lambda *_: (said, None, None))
    rows = [*climb_grades.graded(climb_grades.found([str(folder)]), lambda *_: None)]
    assert [(row.status, row.points) for row in rows] == [(NOT_SHOWN, 0), ("unwritten", 0)]
    assert climb_grades.totals(rows) == {folder.name: 0}
    assert climb_grades.as_csv(rows).count("\n") == 3


def test_the_course_names_operations_and_commands_that_exist():
    text = (ROOT / "docs" / "course.md").read_text("utf-8")
    named = set(re.findall(r"perflab climb (\w+)", text)) - {"check", "hint", "report", "OP"}
    assert named == {*catalog.operations()}
    for operation, rung in re.findall(r"`(\w+)/(\w+)`", text):
        assert rung in catalog.operation(operation).since


@pytest.mark.slow
def test_two_rungs_as_files_and_one_cheat(tmp_path):
    """The lab's rung is right and raced; a borrowed one is named. Who is faster is for tests/climbs.py."""
    mine = tmp_path / "mine.py"
    mine.write_text(exercises.written("fully_connected", "per_neuron"), "utf-8")
    attempt, _, _ = climbing.judged(step(), mine)
    assert attempt.status == RIGHT
    assert attempt.share
    attempt, _, _ = climbing.judged(step(), CHEATS / "borrowed.py")
    assert (attempt.status, attempt.passed) == (NOT_SHOWN, False)
    assert "perflab's vectorized" in attempt.said


@pytest.mark.slow
def test_a_file_that_is_fast_enough_is_raced_alone_on_more_samples():
    """This one is right on few samples, and in its first calls on many."""
    attempt, _, _ = climbing.judged(replace(step(), wanted=0.01), CHEATS / "counts_only.py")
    assert (attempt.status, attempt.passed) == (WRONG.status, False)
    assert attempt.said.startswith("in the race: out[")


@pytest.mark.slow
def test_a_close_race_is_run_once_more_in_a_further_process(tmp_path):
    run = climbing_races.rungs(
        tmp_path / "run", "fully_connected", ("per_neuron", "vectorized"), ("tiny",), 1
    )
    counts = Counter(block.process for block in climbing_races.again(run).of_kind(kinds.Timed))
    assert counts[1] == counts[0] > 0


@pytest.mark.slow
def test_the_changes_that_move_a_compiled_files_time_are_a_hint(tmp_path):
    file = tmp_path / "softmax_loss.py"
    file.write_text(exercises.written("softmax_loss", "jit"), "utf-8")
    compiled = replace(step("jit_exp", "jit", file.name), operation="softmax_loss")
    tried = climbing.interventions(compiled, file)
    assert {trial.name for tested in tried.ways.values() for trial in tested.trials}
    file.write_text(exercises.written("softmax_loss", "naive"), "utf-8")
    assert "no @njit function" in climbing.interventions(compiled, file)
