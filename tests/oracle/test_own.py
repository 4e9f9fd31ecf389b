"""Files of one's own on the command line: what was found, what is unwritten, what was raced, and why not."""

import json

import pytest
from conftest import CHEATS, RIGHT, ROOT, one_line, perflab

HERE = ROOT / "tests"
LAYERS = HERE / "catalog" / "assignments" / "filled" / "cs231n" / "layers.py"
TEMPLATE = HERE / "catalog" / "assignments" / "template" / "cs231n" / "layers.py"
SOFTMAX = HERE / "catalog" / "assignments" / "filled" / "cs231n" / "classifiers" / "softmax.py"


def test_an_assignment_is_read_without_naming_an_operation():
    done = perflab("verify", "--with", LAYERS)
    assert done.returncode == 0, done.stdout
    for name in ("fully_connected/layers.affine", "conv2d/layers.naive", "max_pool2d/layers.naive"):
        assert name in done.stdout
    assert "left out odd, rectangular, gaps, integers: conv_param holds one stride" in done.stdout
    assert "wrong" not in done.stdout


def test_what_is_a_todo_is_unwritten_and_not_wrong():
    done = perflab("verify", "--with", TEMPLATE, "--json")
    assert done.returncode == 1, "there is something left to write"
    verdicts = json.loads(done.stdout)["verdicts"]
    assert {verdict["status"] for verdict in verdicts} == {"unwritten"}
    wheres = {f"{v['operation']}": v["where"] for v in verdicts}
    assert wheres["conv2d"] == "backward still to be written"
    assert wheres["fully_connected"] == "forward and backward still to be written"


def test_one_operation_of_a_file_may_be_chosen():
    done = perflab("verify", "fully_connected", "--with", LAYERS, "--json")
    assert {v["operation"] for v in json.loads(done.stdout)["verdicts"]} == {"fully_connected"}


def test_a_seed_draws_the_cases_anew(tmp_path):
    (tmp_path / "mine.py").write_text(RIGHT)
    words = ("verify", "fully_connected", "--with", "mine.py", "--case", "odd", "--json")
    one, other = (perflab(*words, "--seed", seed, cwd=tmp_path) for seed in (3, 4))
    assert one.returncode == other.returncode == 0
    errors = [[v["error"] for v in json.loads(done.stdout)["verdicts"]] for done in (one, other)]
    assert errors[0] != errors[1]


def test_a_loss_without_dx_is_checked_and_not_raced():
    assert perflab("verify", "--with", SOFTMAX).returncode == 0
    assert "nothing to race in it" in one_line(perflab("run", "--with", SOFTMAX, "--preset", "smoke"), 2)


@pytest.mark.slow
def test_what_cannot_be_raced_stays_out_and_the_rest_is_raced(tmp_path):
    (tmp_path / "layers.py").write_text(
        "import numpy as np\n"
        "def affine_forward(x, w, b):\n    return x @ w + b, (x, w)\n"
        "def affine_backward(dout, cache):\n    x, w = cache\n"
        "    return dout @ w.T, x.T @ dout, dout.sum(axis=0)\n"
        "def max_pool_forward_naive(x, pool_param):\n    out = None\n    # TODO\n    pass\n"
        "    return out, (x, pool_param)\n"
        "def max_pool_backward_naive(dout, cache):\n    dx = None\n    # TODO\n    pass\n    return dx\n"
    )
    folder = tmp_path / "run"
    targets = ("fully_connected/vectorized", "max_pool2d/vectorized")
    done = perflab("run", *targets, "--with", "layers.py", "--preset", "smoke", "--out", folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "unwritten" in done.stderr, "beside the progress, before the table"
    lines = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    raced = {(r["operation"], r["technique"]) for r in lines if r["kind"] == "block"}
    assert ("fully_connected", "layers.affine") in raced
    assert not [technique for operation, technique in raced if operation == "max_pool2d" and "." in technique]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("verify", "conv2d", "--with", LAYERS, "--case", "od"), "od: unknown check case; did you mean odd"),
        (("verify", "conv2d/jit", "--with", LAYERS), "wanted OP as TARGET"),
        (("verify", "conv2d", "--seed", "3"), "--seed: for files of your own"),
        (("verify", "softmax_loss", "--with", CHEATS / "naive.py"), "no such file"),
        (("new", "conv2d", HERE / "conftest.py"), "conftest.py"),
        (("board", "conv2d", "--in", HERE), "no saved run in it"),
    ],
)
def test_a_mistake_is_one_line(words, told):
    assert told in one_line(perflab(*words), 2)


def test_an_exception_while_a_mistake_is_explained_costs_the_explanation_alone(tmp_path, monkeypatch):
    def broken(*_):
        raise KeyError("explanation")

    monkeypatch.setattr("perflab.oracle.diagnosis.diagnose", broken)
    (tmp_path / "mine.py").write_text(RIGHT.replace("dout.sum(", "dout.mean("))
    done = perflab("verify", "fully_connected", "--with", "mine.py", "--dtype", "float32", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "wrong: fully_connected/mine float32" in done.stdout
    assert "which mistake it is could not be found out: KeyError: 'explanation'" in done.stdout
