"""Histories: a planted step is found where it is, the machine's drift is none, the unknown is said."""

import importlib.util
import json
import os
import signal
import subprocess

import numpy as np
import pytest
from conftest import ROOT, one_line, perflab, slow_but
from test_compare import BOTH, HERE, saved
from test_report import Page

from perflab.catalog import against
from perflab.cli.verbs import history as history_verb
from perflab.contract import PerflabError
from perflab.report.across import changepoints, history, history_page, sides

SPEC = importlib.util.spec_from_file_location("histories", ROOT / "bench" / "histories.py")
histories = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(histories)


def past(folder, logs, *, commits=None):
    """Files in pytest-benchmark's JSON, a run each, of these logarithms of times, runs × cells."""
    folder.mkdir(exist_ok=True)
    files = []
    for at, row in enumerate(logs):
        benchmarks = [
            {"fullname": f"m.py::test_f{n}", "stats": {"median": float(np.exp(value))}}
            for n, value in enumerate(row)
            if np.isfinite(value)
        ]
        document = {
            "machine_info": {},
            "benchmarks": benchmarks,
            "datetime": f"2026-{1 + at // 28:02d}-{1 + at % 28:02d}T00:00:00",
        }
        if commits:
            document["commit_info"] = {"id": commits[at], "dirty": commits[at].endswith("+")}
        files.append(folder / f"{at:03d}.json")
        files[-1].write_text(json.dumps(document))
    return files


def told(files, **chosen):
    return history.history([sides.read(file) for file in files], **chosen)


@pytest.mark.parametrize("kind", slow_but({"walk"}, ["walk", "jumps", "wave", "days"]))
def test_a_step_of_three_percent_is_found_under_a_drift_that_all_share(kind):
    found, _, alarms = histories.judged(histories.own, 40, 30, kind, "equal")
    assert found >= 36
    assert alarms <= 2


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["unequal", "tails"])
def test_noise_that_is_not_normal_raises_few_alarms(noise):
    assert histories.judged(histories.own, 40, 40, "walk", noise)[2] <= 2


def test_the_intervals_hold_the_step():
    inside = sized = 0
    for seed in range(30):
        logs, cell, at = histories.history(seed, 60, "walk", "equal", 0.03)
        steps = [step for step in changepoints.find(logs).steps if step.cell == cell]
        inside += any(step.first <= at <= step.last for step in steps)
        sized += any(abs(abs(step.log) - np.log(1.03)) <= step.half for step in steps)
    assert inside >= 27
    assert sized >= 27


def test_one_far_run_and_gaps_are_no_step():
    rng = np.random.default_rng(1)
    logs = rng.normal(0, 0.01, (40, 10))
    logs[20, 3] += 0.5
    logs[5:9, 4] = np.nan
    logs[:, 5] = np.nan
    logs[0, 5] = 1.0
    assert changepoints.find(logs).steps == ()
    logs[20:, 4] += 0.05
    (step,) = changepoints.find(logs).steps
    assert (step.cell, step.at) == (4, 20)


def test_equal_times_and_too_few_runs_give_none():
    assert changepoints.find(np.zeros((20, 8))).steps == ()
    rng = np.random.default_rng(1)
    assert changepoints.find(rng.normal(0, 0.01, (5, 8)) + np.arange(5)[:, None]).steps == ()


def test_the_command_tells_the_change_its_place_and_how_far_to_trust_it(tmp_path):
    rng = np.random.default_rng(2)
    logs = rng.normal(0, 0.01, (20, 12)) + rng.normal(0, 0.05, (20, 1)) - 7
    logs[10:, 7] += 0.05
    files = past(tmp_path / "h", logs, commits=[f"{1000 + at // 2}abcdef" for at in range(20)])
    page = tmp_path / "h.html"
    done = perflab("history", *reversed(files), "--html", page)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 change in 1 of 12 cells over 20 runs: 1 slower.")
    assert "m.py::test_f7" in done.stdout
    assert "1005abcde" in done.stdout
    assert "of 120 pairs of the same code, which must be equal" in done.stdout
    document = json.loads(perflab("history", *files, "--json").stdout)
    (change,) = document["changes"]
    assert (change["at"], change["verdict"]) == (10, "SLOWER")
    assert change["low"] < 1 / 1.05 < change["high"]
    assert abs(document["equal_pairs"]["alarms"] / 120 - 0.05) < 0.06
    shown = Page(page.read_text())
    assert shown.open == []
    assert [link for link in shown.asked if not link.startswith("#")] == ["data:,"]
    assert "m.py::test_f7" in "".join(shown.text)
    assert perflab("history", *files, "-k", "f7 or f8").stdout.count("test_f") <= 1


def test_a_step_between_two_runs_of_one_commit_is_named_as_such(tmp_path):
    rng = np.random.default_rng(3)
    logs = rng.normal(0, 0.005, (16, 8))
    logs[8:, 2] += 0.1
    told_ = told(past(tmp_path, logs, commits=["abc1234"] * 16))
    assert [row[-1] for row in history.table(told_).rows] == ["SLOWER, though of the same code"]
    assert "though" not in str(history.table(told(past(tmp_path, logs, commits=["abc1234+"] * 16))).rows)


def test_runs_and_what_differs_between_them(tmp_path):
    folders = [
        saved(
            tmp_path / f"r{at}", BOTH, seed=at, environment=HERE | {"numpy": f"2.{at // 2}", "commit": "abc"}
        )
        for at in range(4)
    ]
    found = told(folders)
    assert [point.label for point in found.points] == ["abc", "abc (2)", "abc (3)", "abc (4)"]
    assert "at abc (3): numpy: '2.0' against '2.1'" in found.notes
    assert any("too few runs, " in note and "a change needs 3" in note for note in found.notes)
    assert any("too few cells, 2, to tell what all share" in note for note in found.notes)


def test_a_run_of_several_commits_is_a_history(tmp_path):
    commits = ("a111111", "b222222", "c333333", "d444444", "e555555", "f666666")
    times = {("conv2d", "jit"): 0.002, ("conv2d", "naive"): 0.1}
    for at, commit in enumerate(commits):
        times |= {("conv2d", f"{t}@{commit}"): s * (2 if at < 3 else 1) for (_, t), s in BOTH.items()}
    run = saved(tmp_path / "run", times, environment=HERE | {"commit": "f666666+"})
    found = told([run])
    assert [point.label for point in found.points] == [*commits, "f666666+"]
    assert {step.at for step in found.found.steps} == {3}
    assert [round(found.ratio(step)[0], 1) for step in found.found.steps] == [2.0, 2.0]


@pytest.mark.parametrize(
    ("files", "words", "message"),
    [
        (1, (), "history: 1 run; wanted at least 2"),
        (3, ("-k", "tset"), "matches none of 4 cells; did you mean test"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, files, words, message):
    made = past(tmp_path / "h", np.zeros((files, 4)) - 7)
    assert message in one_line(perflab("history", *made, *words), 2)


def test_many_results_are_read_in_further_processes_in_their_order(tmp_path):
    logs = np.random.default_rng(3).normal(-7, 0.01, (history_verb.MANY, 2))
    files = past(tmp_path / "many", logs)
    done = perflab("history", "--json", *files)
    assert done.returncode == 0, done.stderr
    for cell, column in zip(json.loads(done.stdout)["cells"], logs.T, strict=True):
        assert cell["seconds"] == pytest.approx(np.exp(column))
    files[7].write_text("{")
    assert "007.json: not JSON, or cut short" in one_line(perflab("history", *files), 2)


def ended(path):
    """Reads nothing: its process is killed, as one is for lack of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_reading_process_that_is_killed_is_one_line(monkeypatch):
    monkeypatch.setattr(sides, "read", ended)
    monkeypatch.setattr(history_verb, "cores", lambda: 2)  # on one core this process reads
    with pytest.raises(PerflabError, match="a process that reads them was ended"):
        list(history_verb._sides(["of no name"] * history_verb.MANY))


def test_no_common_cell_is_one_line(tmp_path):
    a, b = past(tmp_path, np.array([[-7.0, np.nan], [np.nan, -7.0]]))
    with pytest.raises(PerflabError, match="no cell is in two of 2 runs"):
        told([a, b])


def test_text_stays_text_on_the_page(tmp_path):
    evil = "<script>alert(1)</script>"
    for at in range(3):
        stats = {"median": 1.0}
        benchmarks = [{"fullname": f"a::{evil}", "stats": stats}]
        document = {"benchmarks": benchmarks, "commit_info": {"id": evil}}
        (tmp_path / f"{at}.json").write_text(json.dumps(document))
    text = history_page.html(told(sorted(tmp_path.glob("*.json"))))
    assert evil not in text
    assert Page(text).tags.count("script") == 2


# ---------------------------------------------------------------------------------------- a range of commits


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository of commits, of which some do not build, do not import or have no files of techniques."""
    root = tmp_path / "checkout"
    file = root / "perflab" / "ops" / "conv2d" / "naive.py"
    file.parent.mkdir(parents=True)

    def git(*words):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)

    git("init", "-q")
    pair = "def forward(x): ...\ndef backward(dout, cache): ...\nx = {}"
    ending = "import os\nos._exit(3)"
    for text in (pair.format(0), pair.format(1), "def f(:", "import no_such", ending, "", pair.format(3)):
        if text:
            file.write_text(text)
        else:
            file.rename(file.with_suffix(".txt"))
        git("add", "-A")
        git("commit", "-qm", text or "none")
    monkeypatch.setattr(against, "CHECKOUT", root)
    return tmp_path / "run"


def test_of_a_range_what_does_not_build_or_import_is_skipped_and_named(checkout):
    found = against.gather({"conv2d": ("naive", "jit")}, "HEAD~6..HEAD", checkout)
    assert len(found.files) == len(set(found.trees.values())) == 2
    assert {f"conv2d/naive@{commit}" for commit in found.trees} == {*found.files}
    syntax, missing, ended, nothing = found.skipped.values()
    assert syntax == "does not build: perflab/ops/conv2d/naive.py, line 1: SyntaxError"
    assert missing.startswith("does not import: perflab/ops/conv2d/naive.py: cannot be imported: ")
    assert "no_such" in missing
    assert ended == "does not import: it ended its process with exit status 3"
    assert nothing == "has none of these techniques"


@pytest.mark.parametrize(
    ("revisions", "message"),
    [
        ("HEAD..HEAD", "no commit in this range"),
        ("nope..HEAD", "no such commit"),
        ("HEAD~2..HEAD~1", "none of 1 commits can be measured"),
        ("nope", "no such commit"),
    ],
)
def test_a_range_of_nothing_is_one_line(checkout, revisions, message):
    with pytest.raises(PerflabError, match=message):
        against.gather({"conv2d": ("naive",)}, revisions, checkout)
