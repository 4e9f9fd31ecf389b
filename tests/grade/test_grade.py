"""`perflab grade` as a command: a row each whatever a submission does, one line for bad input, going on."""

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import zipfile

import classroom
import pytest
from conftest import CHEATS, RIGHT, ROOT, interruptible, one_line, perflab, perflab_process, user_environment

from perflab.oracle.sandbox import flood
from perflab.records.grades import GRADES

DOCS = (ROOT / "docs" / "autograder.md").read_text("utf-8")
WRONG = RIGHT.replace("dout.sum(axis=0)", "dout.mean(axis=0)")
HANGS = "while True:\n    pass\n\n\ndef forward(x, w, b):\n    return x\n"
FLOODS = {
    "disk": "with open('big', 'wb') as file:\n        while True:\n            file.write(bytes(1 << 20))",
    "files": "for n in range(10**6):\n        open(f'f{n}', 'wb').write(bytes(1 << 20))",
    "output": "while True:\n        print('x' * 10000)",
}


def handed_in(folder, **texts):
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
    return [folder / f"{name}.py" for name in texts]


def rows_of(done):
    return {row["submission"]: row for row in json.loads(done.stdout)["rows"]}


def test_each_is_judged_apart_and_nothing_runs_twice(tmp_path):
    files = handed_in(tmp_path / "in", bob=WRONG, erin="def forward(x, w, b:\n")
    words = ("grade", "fully_connected", *files, "--json", "--csv", "grades.csv")
    done = perflab(*words, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    rows = rows_of(done)
    assert [row["mark"] for row in rows.values()] == ["wrong", "cannot run here"]
    assert rows["bob"]["mistakes"][0]["name"] == "db_mean"
    assert "SyntaxError" in rows["erin"]["where"]
    assert (tmp_path / "grades" / "index.html").is_file()
    assert "db_mean" in (tmp_path / "grades.csv").read_text()
    saved = (tmp_path / "grades" / GRADES).read_bytes()
    assert perflab(*words, cwd=tmp_path).stdout == done.stdout
    assert (tmp_path / "grades" / GRADES).read_bytes() == saved, "the same command has nothing to do"


BAD = {
    "no submission": (["conv2d", "empty"], "no submission in it"),
    "nothing there": (["conv2d", "none.py"], "no such file or folder"),
    "unknown operation": (["conv2f", "in/alice.py"], "did you mean conv2d"),
    "one name twice": (["conv2d", "in/alice.py", "also/alice.py"], "two submissions of one name"),
    "no limit": (["conv2d", "in/alice.py", "--limit", "0"], "--limit: 0; wanted seconds"),
    "a limit that is none": (["conv2d", "in/alice.py", "--limit", "nan"], "--limit: nan; wanted seconds"),
    "rubric with an unknown key": (["all", "in/alice.py", "--rubric", "key.toml"], "unknown key"),
    "rubric with an unknown function": (["all", "in/alice.py", "--rubric", "name.toml"], "unknown function"),
    "points that are no numbers": (
        ["all", "in/alice.py", "--rubric", "points.toml"],
        "wanted points, a number",
    ),
    "no such rubric": (["all", "in/alice.py", "--rubric", "none.toml"], "cannot be read"),
    "csv in no folder": (["all", "in/alice.py", "--csv", "none/grades.csv"], "cannot be written"),
    "junit on a folder": (["all", "in/alice.py", "--junit", "empty"], "cannot be written"),
    "results on a file": (["all", "in/alice.py", "--gradescope", "in/alice.py"], "cannot be written"),
    "grades on a file": (["all", "in/alice.py", "--out", "in/alice.py"], "cannot be written"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_in_one_line_and_nothing_is_written(tmp_path, name):
    handed_in(tmp_path / "in", alice=RIGHT)
    handed_in(tmp_path / "also", alice=WRONG)
    (tmp_path / "empty").mkdir()
    (tmp_path / "key.toml").write_text("[conv2d]\nrigth = 1\n")
    (tmp_path / "name.toml").write_text("[conv3d]\nright = 1\n")
    (tmp_path / "points.toml").write_text('[conv2d]\nright = "all"\n')
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    words, told = BAD[name]
    assert told in one_line(perflab("grade", *words, cwd=tmp_path), 2)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", FLOODS)
def test_what_floods_is_ended_and_named(tmp_path, kind):
    files = handed_in(
        tmp_path / "in", gail=RIGHT.replace("return x @ w", f"{FLOODS[kind]}\n    return x @ w")
    )
    row = rows_of(perflab("grade", "fully_connected", *files, "--json", cwd=tmp_path))["gail"]
    assert row["mark"] == "not shown"
    assert re.search(r"it (wrote|printed) \d+.* MiB, and was ended", row["where"])
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > 1 << 20]


def test_a_flood_is_seen_while_it_runs():
    ended = []
    watch = flood.Flood(os.getpid(), lambda: flood.MOST_PRINTED + 1, lambda: ended.append(1))
    until = time.monotonic() + 30
    while not ended and time.monotonic() < until:
        time.sleep(0.02)
    watch.close()
    assert ended
    assert "it printed 64 MiB, and was ended" in watch.found


@pytest.mark.slow
def test_twelve_of_which_five_go_wrong_get_a_row_each(tmp_path):
    place = tmp_path / "in"
    handed_in(place, alice=RIGHT, bob=WRONG, carol=HANGS, dave="import os\n\nos._exit(0)\n" + RIGHT,
              erin="def forward(x, w, b:\n", frank=RIGHT.partition("\n\n\n")[0],
              gail=(CHEATS / "patches_numpy.py").read_text())  # fmt: skip
    handed_in(place / "henry", mine=RIGHT)
    handed_in(place / "ivy", layers=classroom.COURSE.read_text(), notes="print('not read')\n")
    with zipfile.ZipFile(place / "jack.zip", "w") as archive:
        archive.write(place / "alice.py", "jack/mine.py")
    with tarfile.open(place / "kate.tgz", "w:gz") as archive:
        archive.add(place / "alice.py", "mine.py")
    with zipfile.ZipFile(place / "leo.zip", "w") as archive:
        archive.writestr("../../out.py", RIGHT)
    outputs = ("--junit", "grades.xml", "--gradescope", "results", "--json")
    done = perflab("grade", "fully_connected", *sorted(place.iterdir()), *outputs, cwd=tmp_path)
    assert done.returncode == 1
    rows = rows_of(done)
    told = {
        "alice": "right", "bob": "wrong", "carol": "not shown", "dave": "not shown",
        "erin": "cannot run here", "frank": "unwritten", "gail": "not shown", "henry": "right",
        "ivy": "right", "jack": "right",
        "kate": "right", "leo": "cannot run here",
    }  # fmt: skip
    assert {name: row["mark"] for name, row in rows.items()} == told
    assert "gave no answer for 10 s" in rows["carol"]["where"]
    assert "replaced numpy" in rows["gail"]["where"]
    assert "climbs out of its folder" in rows["leo"]["where"]
    for name in ("alice", "henry", "ivy", "jack", "kate"):
        assert rows[name]["over_naive"] > 1
        assert rows[name]["beside"]
    page = (tmp_path / "grades" / "students" / "alice.html").read_text()
    assert "Where the time goes" in page
    assert len([*(tmp_path / "results").glob("*/results.json")]) == 12
    assert not list(tmp_path.rglob("out.py"))
    assert "no function backward" in rows["frank"]["where"]
    handed_in(place, frank=WRONG)
    again = rows_of(perflab("grade", "fully_connected", *sorted(place.iterdir()), "--json", cwd=tmp_path))
    assert again.pop("frank")["mark"] == "wrong", "what changed is graded again"
    assert again == {name: row for name, row in rows.items() if name != "frank"}, "and nothing else"


@pytest.mark.slow
def test_an_interrupt_keeps_what_was_graded_and_the_same_command_goes_on(tmp_path):
    told = classroom.write(tmp_path / "in", len(classroom.SHARES))
    words = ("grade", "all", *sorted((tmp_path / "in").iterdir()), "--json")
    with interruptible():
        command = [sys.executable, "-m", "perflab", *map(str, words)]
        child = subprocess.Popen(command, cwd=tmp_path, env=user_environment(), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)  # fmt: skip
        saved = tmp_path / "grades" / GRADES
        while not (saved.is_file() and saved.read_bytes().count(b"\n") > 2) and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, printed = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "verified are in grades; the same command goes on" in printed
    before = saved.read_bytes()
    done = perflab_process(*words, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert saved.read_bytes().startswith(before)
    marks = {row["submission"]: row["mark"] for row in json.loads(done.stdout)["rows"]}
    assert [*marks] == [*told]
    wanted = {"rung": ["right"], "course": ["right"], "mistake": ["wrong"], "cheat": ["not shown", "wrong"],
              "hangs": ["not shown"], "exits": ["not shown"], "syntax": ["cannot run here"],
              "half": ["unwritten"]}  # fmt: skip
    for name, held in told.items():
        assert marks[name] in wanted[held["kind"]], held


def files_of_the_document():
    blocks = re.findall(r"<!-- autograder file: (\S+) -->\n```\w+\n(.*?)```", DOCS, re.DOTALL)
    return dict(blocks)


@pytest.mark.slow
@pytest.mark.parametrize("text", [WRONG, ""])
def test_the_files_for_gradescope_do_what_they_say(tmp_path, text):
    files = files_of_the_document()
    for folder in ("source", "submission", "results"):
        (tmp_path / folder).mkdir()
    (tmp_path / "source" / "rubric.toml").write_text(files["rubric.toml"])
    if text:
        (tmp_path / "submission" / "fully_connected.py").write_text(text)
    (tmp_path / "perflab").write_text(f'#!/bin/sh\nexec {sys.executable} -m perflab "$@"\n')
    (tmp_path / "perflab").chmod(0o755)
    variables = {"AUTOGRADER": str(tmp_path), "PERFLAB": str(tmp_path / "perflab")}
    subprocess.run(
        ["bash", "-c", files["run_autograder"]], check=True, cwd=tmp_path, env=user_environment() | variables
    )
    result = json.loads((tmp_path / "results" / "results.json").read_text())
    assert result["score"] == 0
    if text:
        (test,) = (test for test in result["tests"] if test["name"].startswith("fully_connected"))
        assert "db is a mean over the batch" in test["output"]
        assert sum(test["max_score"] for test in result["tests"]) == 13


@pytest.mark.slow
def test_the_set_up_for_gradescope_installs_the_wheel_beside_it(tmp_path):
    (tmp_path / "source").mkdir()
    with zipfile.ZipFile(tmp_path / "source" / "perflab-0.0-py3-none-any.whl", "w") as wheel:  # needs nothing
        wheel.writestr("perflab.py", "")
        wheel.writestr(
            "perflab-0.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: perflab\nVersion: 0.0\n"
        )
        wheel.writestr(
            "perflab-0.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("perflab-0.0.dist-info/RECORD", "")
    (tmp_path / "apt-get").write_text('#!/bin/sh\necho "$@" >> "$AUTOGRADER/packages"\n')
    (tmp_path / "apt-get").chmod(0o755)
    variables = {"AUTOGRADER": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(
        ["bash", "-c", files_of_the_document()["setup.sh"]], check=True, cwd=tmp_path,
        env=user_environment() | variables,
    )  # fmt: skip
    assert (tmp_path / "packages").read_text().splitlines() == ["update", "install -y python3 python3-venv"]
    assert [*tmp_path.glob("venv/lib/*/site-packages/perflab.py")]


@pytest.mark.slow
def test_the_cell_for_nbgrader_gives_the_points(tmp_path, monkeypatch):
    files = files_of_the_document()
    (tmp_path / "rubric.toml").write_text(files["rubric.toml"])
    text = RIGHT.replace("forward(", "affine_forward(").replace("backward(", "affine_backward(")
    (tmp_path / "layers.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    *statements, value = files["cell.py"].strip().splitlines()
    held = {}
    exec("\n".join(statements), held)
    assert eval(value, held) == 5
