"""`perflab study OP --why`: what is shown and saved, and bad input in one line."""

import json

import pytest
from conftest import one_line, perflab
from test_study import made_up, summary_of

from perflab import records
from perflab.contract import Contender
from perflab.evidence.causes import gathering
from perflab.records import causes as saved
from perflab.report.study import section as study

FILE = "def forward(x, w, b):\n    return x @ w + b, (x, w)\n\ndef backward(dout, cache):\n    return ()\n"


def found(trials=True):
    moved = saved.Moved(2.0, 1.9, 2.1, 21)
    chance = saved.Moved(1.0, 0.99, 1.01, 21)
    trial = saved.Trial("select for branch", "branches", "it branches", "a selection", "timed", moved, 0.1)
    tested = saved.Tested(0.001, 0.1, chance, (trial,) if trials else ())
    who = Contender("mlp", "medium", "float32", 1, "jit")
    return saved.Causes(who, {"forward": tested, "backward": tested}, {})


@pytest.fixture
def answered(monkeypatch):
    def answer(causes):
        monkeypatch.setattr(
            gathering.process, "call", lambda *_, **__: json.loads(json.dumps(causes.plain()))
        )

    return answer


def test_the_table_the_sentence_and_the_run_that_keeps_it(answered, tmp_path):
    answered(found())
    run = made_up(tmp_path / "run", ladders={"mlp": ("naive", "jit")})
    done = perflab("study", "mlp", "--why", "jit", "--run", run)
    assert done.returncode == 0, done.stderr
    assert "50 % [47, 52]" in done.stdout
    told = "it branches (select for branch: 50 % [47, 52] less time, error 0.100 of its bound)."
    assert told in " ".join(done.stdout.split())
    assert [*records.read(run).of_kind(saved.Causes)] == [found()]
    (section,) = study.sections(summary_of(run))
    assert f"forward, by intervention on medium: {told}" in section.rungs[1].why


def test_json_has_what_is_named(answered, tmp_path):
    answered(found())
    done = perflab("study", "mlp", "--why", "jit", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["named"] == {"forward": ["branches"], "backward": ["branches"]}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("vectorized",), "fully_connected/vectorized: not compiled; wanted a technique that Numba compiles"),
        (("plain.py",), "plain.py: no @njit function; wanted a file with an @njit function"),
        (("none.py",), "none.py: cannot be read: No such file"),
        (("broken.py",), "broken.py: not Python: SyntaxError"),
        (("half.py",), "half.py: no function backward; wanted forward and backward"),
        (("jjit",), "fully_connected/jjit: unknown technique; did you mean jit"),
        (("jit", "--size", "N=3"), "--why: wanted without --size, --asm"),
        (("jit", "--dtype", "int8"), "int8"),
    ],
)
def test_bad_input_is_one_line(words, wanted, tmp_path):
    (tmp_path / "plain.py").write_text(FILE)
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "half.py").write_text("from numba import njit\nforward = njit(lambda x: x)\n")
    assert wanted in one_line(perflab("study", "fully_connected", "--why", *words, cwd=tmp_path), 2)


def test_where_no_intervention_is_applicable_that_is_one_line(answered, tmp_path):
    answered(found(trials=False))
    line = one_line(perflab("study", "mlp", "--why", "jit", cwd=tmp_path), 2)
    assert "mlp/jit: no intervention is applicable to its loops" in line


def test_a_run_without_the_technique_is_refused(answered, tmp_path):
    answered(found())
    run = made_up(tmp_path / "run", ladders={"mlp": ("naive",)})
    assert "holds nothing of mlp/jit" in one_line(perflab("study", "mlp", "--why", "jit", "--run", run), 2)
