"""The command line: exit codes, one clear line for every mistake, JSON, and a quick start."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CHEATS, ROOT, one_line, perflab

from perflab import catalog
from perflab.catalog.find import techniques

OWN = str(CHEATS / "zeros.py")
MISTAKES = {
    "unknown operation": (["run", "conv2f"], ["conv2f", "did you mean conv2d"]),
    "unknown technique": (["verify", "conv2d/jitt"], ["conv2d/jitt", "did you mean jit"]),
    "unknown case": (["run", "--case", "digit"], ["digit", "did you mean digits"]),
    "unknown check case": (["verify", "conv2d", "--case", "od"], ["od", "did you mean odd"]),
    "unknown preset": (["run", "--preset", "quik"], ["quik", "did you mean quick"]),
    "unknown dtype": (["run", "--dtype", "float16"], ["float16", "float32"]),
    "too many threads": (["run", "--threads", "4096"], ["4096", "wanted a number from 1"]),
    "threads of nothing": (["run", "--threads", "0"], ["'0'", "wanted a number from 1"]),
    "outside file of no operation": (
        ["verify", "--with", OWN],
        ["zeros.py", "wanted an operation as TARGET"],
    ),
    "outside file missing": (["verify", "conv2d", "--with", "none.py"], ["none.py", "no such file"]),
    "no run to report": (["report", "."], ["no run here", "records.jsonl"]),
    "no run to resume": (["run", "--resume"], ["--resume", "wanted --out DIR"]),
    "resume of nothing": (["run", "--resume", "--out", "none"], ["none", "no run here"]),
    "resume of another plan": (["run", "--resume", "--preset", "full"], ["--resume", "no other choice"]),
    "no time": (["run", "--for", "0"], ["--for: '0'", "wanted a time, such as 90s, 10m or 1h30m"]),
    "less than no time": (["run", "--for", "-5s"], ["--for", "-5s", "wanted a time"]),
    "words that are no time": (["run", "--for", "abc"], ["--for: 'abc'", "wanted a time"]),
    "no time to resume for": (["run", "--resume", "--for", "0s"], ["--for: '0s'", "wanted a time"]),
    "baseline that is not measured": (
        ["run", "conv2d/jit", "--baseline", "winograd2"],
        ["winograd2: unknown baseline", "jit"],
    ),
    "unwritable folder": (["run", "--out", "/dev/null/x"], ["/dev/null/x", "cannot be written"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_one_line_and_exit_code_2(name, tmp_path):
    words, told = MISTAKES[name]
    line = one_line(perflab(*words, cwd=tmp_path), 2)
    for part in told:
        assert part in line
    assert not list(tmp_path.iterdir()), "a refused command leaves nothing behind"


def test_usage_errors_exit_with_2(tmp_path):
    assert perflab("frobnicate", cwd=tmp_path).returncode == 2
    assert perflab("run", "--preset", cwd=tmp_path).returncode == 2


@pytest.mark.slow
def test_verify_passes_on_the_whole_grid_and_counts_the_mutants(tmp_path):
    done = perflab("verify", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    held = json.loads(done.stdout)
    assert len(held["verdicts"]) == 2 * sum(len(techniques(op)) for op in catalog.operations())
    assert {v["status"] for v in held["verdicts"]} == {"right"}
    assert all(pair["identical_integers"] in (True, None) for pair in held["pairs"])
    assert all(all(found.values()) for found in held["mutants"].values())
    assert sum(map(len, held["mutants"].values())) >= 20


def test_verify_prints_a_table_with_share_index_and_verdict(tmp_path):
    done = perflab("verify", "conv2d/jit", cwd=tmp_path)
    assert done.returncode == 0
    assert "conv2d/jit" in done.stdout
    assert "right" in done.stdout
    assert "identical" in done.stdout
    assert "[" in done.stdout, "the worst index"


WRONG = '''
"""A mean where a sum is wanted."""
def forward(x, w, b):
    return x @ w + b, (x, w)
def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.mean(axis=0)
'''


def test_a_wrong_outside_file_is_a_finding_with_a_command_that_shows_it_again(tmp_path):
    (tmp_path / "mine.py").write_text(WRONG)
    done = perflab("verify", "fully_connected", "--with", "mine.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "got" in done.stdout
    again = next(line for line in done.stdout.splitlines() if "again: perflab " in line)
    words = again.split("again: perflab ")[1].split()
    repeated = perflab(*words, cwd=tmp_path)
    assert repeated.returncode == 1
    assert "db[" in repeated.stdout


def test_list_names_every_operation_technique_and_case(tmp_path):
    held = json.loads(perflab("list", "--json", cwd=tmp_path).stdout)
    assert list(held) == ["softmax_loss", "fully_connected", "conv2d", "max_pool2d", "rnn", "mlp"]
    for name, described in held.items():
        assert tuple(described["techniques"]) == techniques(name)
        assert {"naive", "per_neuron", "vectorized", "jit"} <= set(described["techniques"])
        assert {"tiny", "digits", "cs231n"} <= set(described["cases"])
    assert "Σ over c,u,v of x[n,c" in perflab("list", cwd=tmp_path).stdout


def test_machine_tells_what_figures_would_be_measured_on(tmp_path):
    held = json.loads(perflab("machine", "--json", "--no-ceilings", cwd=tmp_path).stdout)
    assert held["cpu"]
    assert held["cores_allowed"] >= 1
    assert held["numpy"]
    assert held["blas"][0]["name"]
    assert "ceilings" not in held


def test_options_take_several_words_and_a_target_after_them(tmp_path):
    done = perflab("verify", "--dtype", "float32", "float64", "conv2d/naive", "--json", cwd=tmp_path)
    held = json.loads(done.stdout)
    assert {(v["technique"], v["dtype"]) for v in held["verdicts"]} == {
        ("naive", "float32"),
        ("naive", "float64"),
    }


LOADED = "import sys, json; {}; print(json.dumps([m for m in {} if m in sys.modules]))"


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import perflab", ["numpy", "numba", "scipy", "matplotlib", "rich", "pytest"]),
        (
            "import perflab.cli; perflab.cli.parser().format_help()",
            ["numpy", "numba", "scipy", "matplotlib", "rich", "pytest"],
        ),
        (
            "import perflab; perflab.operation('conv2d'); perflab.techniques('conv2d')",
            ["numba", "scipy", "matplotlib"],
        ),
    ],
)
def test_a_quick_start_loads_nothing_heavy(statement, heavy, tmp_path):
    code = LOADED.format(statement, heavy)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_a_closed_pipe_is_no_error(tmp_path):
    command = f"{sys.executable} -m perflab list | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_the_report_command_makes_the_page_again(small_run, tmp_path):
    folder = shutil.copytree(small_run, tmp_path / "run")
    page = folder / "report.html"
    page.unlink()
    done = perflab("report", folder)
    assert done.returncode == 0, done.stderr
    assert page.is_file()
    assert str(Path(folder) / "report.html") in done.stdout.replace("\n", "")


def test_without_words_it_shows_what_it_can_do():
    bare, help = perflab(), perflab("help")
    assert bare.returncode == help.returncode == 0
    assert bare.stdout == help.stdout == perflab("--help").stdout
    assert "perflab study conv2d" in " ".join(bare.stdout.split())


def test_help_explains_a_verb():
    assert perflab("help", "run").stdout == perflab("run", "--help").stdout
    assert perflab("help", "run").stdout.startswith("usage: perflab run")


@pytest.mark.parametrize("words", [("studdy",), ("help", "studdy"), ("studdy", "conv2d")])
def test_an_unknown_verb_is_one_line_with_the_nearest(words):
    assert "studdy: unknown verb; did you mean study?" in one_line(perflab(*words), 2)
