"""An operation of one's own in a folder: begun, verified, refused in one line, run like a built-in one."""

import json
import shutil
import sys
from dataclasses import fields
from types import SimpleNamespace

import pytest
from conftest import ROOT, forget_own_operations, one_line, perflab

import perflab as lab
from perflab import catalog
from perflab.catalog import admission, find, own, scaffold
from perflab.contract import Operation, PerflabError
from perflab.machine import process
from perflab.run import presets


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """No folder of another test is known, none stays, and no other process imports it first."""
    here = SimpleNamespace(call=lambda _, arguments, limit_s: admission.trial(**arguments))
    monkeypatch.setattr(admission, "process", here)
    monkeypatch.setenv(own.VARIABLE, "")
    yield
    forget_own_operations()


def made(folder, **edits):
    """A new operation without its compiled rung; `edits` replace text in a file, {"init": [(old, new)]}."""
    scaffold.write(folder)
    (folder / "jit.py").unlink()
    init = [('    "jit": "naive",\n', ""), *edits.pop("init", ())]
    for stem, pairs in {"__init__": init, **edits}.items():
        file = folder / f"{stem}.py"
        text = file.read_text("utf-8")
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        file.write_text(text, "utf-8")
    return folder


def test_a_new_operation_is_right_at_once_and_its_bound_is_estimated(tmp_path):
    made(tmp_path / "mine")
    done = perflab("verify", "./mine", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    held = json.loads(done.stdout)
    assert {(v["technique"], v["dtype"], v["status"]) for v in held["verdicts"]} == {
        (technique, dtype, "right")
        for technique in ("naive", "vectorized")
        for dtype in ("float32", "float64")
    }
    assert held["mutants"] == {"mine": {"weights_squared": True, "half_a_gradient": True}}
    assert held["faults"] == []
    assert all("estimated from the definition" in verdict["remarks"][0] for verdict in held["verdicts"])


def test_every_field_of_an_operation_is_explained_in_a_new_folder():
    text = (scaffold.TEMPLATE / "__init__.py").read_text("utf-8")
    assert [
        f.name for f in fields(Operation) if f"    {f.name}=" not in text and f"# {f.name}=" not in text
    ] == []


FAULTS = {
    "a wrong gradient": (
        [("return 2 * dout", "return 3 * dout")],
        "__init__.py: gradient is not the derivative of definition: case odd: dx[",
    ),
    "too few operations": (
        [("forward = Cost(3 * N * D,", "forward = Cost(3 * N,")],
        "__init__.py: cost is wrong: case odd: forward has 15 operations; the definition makes about",
    ),
    "half the operations": (
        [("forward = Cost(3 * N * D,", "forward = Cost(N * D,")],
        "__init__.py: cost is wrong: case odd: forward has 35 operations; the definition makes about",
    ),
    "an array left out of the bytes": (
        [("itemsize * (N * D + D + N))", "itemsize * (D + N))")],
        "__init__.py: cost is wrong: case odd, float64: forward has 96 bytes; inputs and output have 376",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_with_a_description_is_told_in_one_line_with_its_file(tmp_path, name):
    edits, told = FAULTS[name]
    made(tmp_path / "mine", init=edits)
    done = perflab("verify", "./mine/vectorized", "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    (line,) = json.loads(done.stdout)["faults"]
    assert line.startswith(f"{tmp_path / 'mine'}")
    assert told in line
    refused = one_line(perflab("run", "./mine", "--preset", "smoke", "--out", "r", cwd=tmp_path), 2)
    assert line in refused, "what is compared with a wrong description has no number"
    assert not (tmp_path / "r").exists()


def test_a_known_mistake_that_no_check_finds_is_told_with_its_file(tmp_path):
    made(tmp_path / "mine", _mutants=[("return dx / 2, dw", "return dx, dw")])
    done = perflab("verify", "./mine/vectorized", "--dtype", "float32", cwd=tmp_path)
    assert done.returncode == 1
    assert "known mistakes: 1 of 2 caught; missed: mine/half_a_gradient" in done.stdout
    assert f"{tmp_path / 'mine' / '_mutants.py'}: half_a_gradient is not caught" in " ".join(
        done.stdout.split()
    )


REFUSED = {
    "a case that does not fit": (
        [('case("odd", 5, 7)', 'case("odd", 5, 0)')],
        "__init__.py: `checks`: case odd does not fit: x: D = 0; wanted at least one input",
    ),
    "an axis without a size": (
        [('("D",), scale', '("K",), scale')],
        "__init__.py: `cases`: case tiny does not fit: no size of K, an axis of w; it has N, D",
    ),
    "a parameter that is none": (
        [('{"N": N, "D": D}, **more', '{"N": N, "D": D}, {"pad": 1}, **more')],
        "__init__.py: `cases`: case tiny does not fit: pad is no parameter; there are none",
    ),
    "inputs of no kind": (
        [('inputs="integers"', 'inputs="whole"')],
        "__init__.py: `checks`: case integers does not fit: `inputs` is 'whole'; wanted one of normal,",
    ),
    "a direction without a cost": (
        [('"step": step}', '"steps": step}')],
        "__init__.py: `cases`: case tiny does not fit: `cost` gives None for step; wanted a Cost",
    ),
    "no gradient for its wrt": (
        [("    gradient=gradient,\n", "")],
        "__init__.py: `gradient` is missing; wanted one, or an empty `wrt`",
    ),
    "a gradient without wrt": (
        [('wrt=("x", "w")', "wrt=()")],
        "__init__.py: `wrt` is empty; wanted the names",
    ),
    "wrt of no array": ([('wrt=("x", "w")', 'wrt=("x", "v")')], "`wrt` names v; wanted arrays among the"),
    "an output of another shape": (
        [('out_shape=("N",)', 'out_shape=("N", "D")')],
        "__init__.py: case odd: out: shape (5,); wanted (5, 7)",
    ),
    "a definition that raises": (
        [("return (x * x * w).sum(axis=1)", "return (x * x * q).sum(axis=1)")],
        "__init__.py: case odd: NameError: name 'q' is not defined",
    ),
    "another name than the folder's": ([('name="mine"', 'name="yours"')], "its operation is named 'yours'"),
    "an import that fails": (
        [("import numpy as np\n", "import numpy as np\nimport no_such_module\n")],
        "__init__.py: cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "an import that exits": (
        [("import numpy as np\n", "raise SystemExit(3)\n")],
        "__init__.py: cannot be imported: SystemExit: 3",
    ),
    "an import that ends its process": (
        [("import numpy as np\n", "import os\nos._exit(3)\n")],
        "mine: its import: it ended its process with exit status 3; wanted one that ends",
    ),
}
IN_ANOTHER_PROCESS = "an import that ends its process"


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_describes_no_operation_is_refused_in_one_line(tmp_path, monkeypatch, name):
    edits, told = REFUSED[name]
    if name == IN_ANOTHER_PROCESS:
        monkeypatch.setattr(admission, "process", process)
    made(tmp_path / "mine", init=edits)
    assert told in one_line(perflab("verify", "./mine", cwd=tmp_path), 2)


@pytest.mark.parametrize("file", ["__init__", "vectorized"])
def test_an_import_that_hangs_is_given_up(tmp_path, monkeypatch, file):
    folder = made(tmp_path / "mine")
    with (folder / f"{file}.py").open("a", encoding="utf-8") as opened:
        opened.write("while True: ...\n")
    monkeypatch.setattr(admission, "process", process)
    monkeypatch.setattr(admission, "IMPORT_S", 1.5)
    told = one_line(perflab("verify", "./mine", cwd=tmp_path), 2)
    assert "mine: its import: it gave no answer for 2 s; wanted one that ends" in told


def test_a_rung_without_a_backward_is_told_by_its_name(tmp_path):
    made(tmp_path / "mine", vectorized=[("def backward", "def backwards")])
    assert "vectorized: no function backward" in one_line(perflab("list", "./mine", cwd=tmp_path), 2)


def test_a_folder_that_is_no_operation_is_refused_in_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    made(tmp_path / "other").rename(tmp_path / "conv2d")
    made(tmp_path / "none", init=[("operation = Operation(", "other = Operation(")])
    alone = made(tmp_path / "alone")
    for file in ("naive.py", "vectorized.py"):
        (alone / file).unlink()
    shutil.copytree(tmp_path / "none", tmp_path / "a-name")
    for target, told in {
        "./gone": "./gone: no such folder; wanted the folder of an operation",
        "./empty": "empty: no __init__.py in it",
        "./conv2d": "conv2d: there is an operation conv2d already; wanted another name of the folder",
        "./none": "__init__.py: has no `operation = Operation(...)`",
        "./alone": "alone: no technique in it; wanted naive.py",
        "./a-name": "a-name: its name is the operation's; wanted letters, digits and underscores",
        "nothing": "nothing: unknown operation",
    }.items():
        for verb in ("verify", "study", "run"):
            assert told in one_line(perflab(verb, target, cwd=tmp_path), 2), (verb, target)


def test_of_two_folders_of_one_name_the_second_is_refused(tmp_path):
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        made(tmp_path / place / "mine")
    told = one_line(perflab("verify", "one/mine", "./two/mine", cwd=tmp_path), 2)
    assert f"./two/mine: {tmp_path / 'one' / 'mine'} is an operation mine already" in told.replace(
        "two", "./two", 1
    )


@pytest.mark.parametrize("target", ["./mine", "mine", "mine/", "{}/mine", "./mine/naive", "mine/naive"])
def test_a_folder_is_named_by_its_path_and_a_technique_behind_it(tmp_path, monkeypatch, target):
    made(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert catalog.named([target.format(tmp_path)]) == ("mine/naive" if "naive" in target else "mine",)
    assert catalog.operations()[-1] == "mine"
    assert catalog.package("mine") == "perflab_own.mine"


def test_a_folder_that_follows_an_option_of_several_words_is_a_target(tmp_path):
    made(tmp_path / "mine")
    done = perflab("verify", "--dtype", "float32", "--case", "odd", "./mine/naive", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (verdict,) = json.loads(done.stdout)["verdicts"]
    assert (verdict["operation"], verdict["technique"], verdict["dtype"]) == ("mine", "naive", "float32")


def test_a_folder_that_has_changed_is_read_again_in_the_same_process(tmp_path):
    folder = made(tmp_path / "mine")
    assert lab.verify(str(folder), "vectorized")
    text = (folder / "vectorized.py").read_text("utf-8")
    (folder / "vectorized.py").write_text(text.replace("(x * x) @ w", "(x + x) @ w"), "utf-8")
    verdict = lab.verify(str(folder), "vectorized")
    assert verdict.status == "wrong"
    assert not [
        module for module in sys.modules if module.startswith("perflab_own.") and "mine" not in module
    ]
    assert not (folder / "__pycache__").exists()


def test_a_study_and_a_list_of_a_folder_need_no_run(tmp_path):
    made(tmp_path / "mine")
    done = perflab("study", "./mine", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    held = json.loads(done.stdout)
    assert held["derivation"].startswith("# mine: the derivation")
    assert [rung["technique"] for rung in held["rungs"]] == ["naive", "vectorized"]
    assert "for figures, `perflab run ./mine`, then" in perflab("study", "./mine", cwd=tmp_path).stdout
    assert list(json.loads(perflab("list", "./mine", "--json", cwd=tmp_path).stdout)) == ["mine"]


def test_the_command_that_shows_a_fault_again_names_the_folder_by_its_path(tmp_path):
    text = (made(tmp_path / "mine") / "vectorized.py").read_text("utf-8")
    (tmp_path / "mine" / "vectorized.py").write_text(text.replace("(x * x) @ w", "(x + x) @ w"), "utf-8")
    told = perflab("verify", "./mine/vectorized", cwd=tmp_path).stdout
    assert "again: perflab verify ./mine/vectorized --dtype float32 --case" in told


def test_a_file_may_be_begun_from_a_folder_and_is_right_at_once(tmp_path):
    made(tmp_path / "mine")
    assert perflab("new", "./mine", "further.py", cwd=tmp_path).returncode == 0
    done = perflab("verify", "./mine", "--with", "further.py", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {v["technique"] for v in json.loads(done.stdout)["verdicts"]} == {"further"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--operation", "conv2d"], "conv2d: there is an operation conv2d already; wanted a new name"),
        (["--operation", "layer-norm"], "layer-norm: is no name of an operation: letters, digits"),
        (["--operation", "random"], "random: would hide the module random from the files beside it"),
        (["--operation", "here"], "here: exists already"),
        (["--operation", "no/where"], "no/where: cannot be written: No such file or directory"),
        (["conv2d", "--operation", "mine"], "--operation: begins a new one; wanted no OP"),
    ],
)
def test_a_name_that_no_new_operation_can_have_is_refused(tmp_path, words, told):
    (tmp_path / "here").mkdir()
    assert told in one_line(perflab("new", *words, cwd=tmp_path), 2)


def test_what_is_forward_only_is_not_run_beside_what_is_not():
    catalog.admit(ROOT / "examples" / "histogram")
    with pytest.raises(
        PerflabError, match=r"histogram: is forward only, which rnn is not; wanted a run of each"
    ):
        presets.make({"rnn": ("naive",), "histogram": ("naive",)}, "smoke")
    assert find.operation("histogram").gradient is None


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a folder, with the folder beside it."""
    place = tmp_path_factory.mktemp("own")
    made(place / "mine")
    done = perflab("run", "./mine", "--preset", "smoke", "--out", "r", cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


@pytest.mark.slow
def test_a_folder_is_measured_in_processes_of_its_own_and_reported(run):
    records = [json.loads(line) for line in (run / "r" / "records.jsonl").read_text("utf-8").splitlines()]
    timed = {(r["technique"], r["direction"]) for r in records if r["kind"] == "block"}
    assert timed == {(t, way) for t in ("naive", "vectorized") for way in ("forward", "backward")}
    assert records[0]["plan"]["own"] == {"mine": str(run / "mine")}
    kept = {r["name"] for r in records if r["kind"] == "source"}
    assert kept == {"mine/derivation.md", "mine/__init__.py", "mine/naive.py", "mine/vectorized.py"}
    page = (run / "r" / "report.html").read_text("utf-8")
    assert "Weighted squares" in page
    assert "estimated from the definition" in page
    assert perflab("report", "r", cwd=run).returncode == 0, "a report needs no folder"
    assert perflab("compare", "r", "r", cwd=run).returncode == 0
    shown = json.loads(perflab("study", "./mine", "--run", "r", "--json", cwd=run).stdout)
    assert shown["rungs"][1]["gains"]


@pytest.mark.slow
def test_a_run_of_a_folder_goes_on_unless_its_files_have_changed(run, tmp_path):
    shutil.copytree(run / "r", tmp_path / "r")
    records = (tmp_path / "r" / "records.jsonl").read_text("utf-8").splitlines(keepends=True)
    last = max(place for place, line in enumerate(records) if '"block"' in line)
    (tmp_path / "r" / "records.jsonl").write_text("".join(records[:last]), "utf-8")
    done = perflab("run", "--resume", "--out", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (run / "mine" / "naive.py").read_text("utf-8")
    (run / "mine" / "naive.py").write_text(text + "# another\n", "utf-8")
    told = one_line(perflab("run", "--resume", "--out", "r", cwd=tmp_path), 2)
    assert "mine/naive.py has changed since the run began; wanted a new run" in told
    (run / "mine" / "naive.py").write_text(text, "utf-8")


@pytest.mark.slow
def test_a_file_of_ones_own_is_raced_beside_the_rungs_of_a_folder(run):
    assert perflab("new", "./mine", "raced.py", cwd=run).returncode == 0
    words = ("--with", "raced.py", "--preset", "watch", "--out", "raced")
    done = perflab("run", "./mine", *words, cwd=run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "raced" in done.stdout
