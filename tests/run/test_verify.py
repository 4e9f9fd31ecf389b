"""`perflab.verify` from Python: one verdict, or all that the verb finds; the verb only asks and prints."""

import subprocess
import sys

import pytest
from conftest import ROOT

import perflab
from perflab.contract import PerflabError, Verdict
from perflab.oracle.verdict import examine
from perflab.run import verify as engine

WRONG = """
def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.mean(axis=0)
"""
OF_FILES = "wanted OP as TARGET, and OP/TECHNIQUE by itself"


def test_with_a_technique_it_gives_one_verdict():
    verdict = perflab.verify("fully_connected", "vectorized", case="odd")
    assert isinstance(verdict, Verdict)
    assert verdict.ok
    assert verdict.dtype == "float32+float64"


@pytest.mark.slow
def test_with_an_operation_alone_it_verifies_every_technique():
    verification = perflab.verify("fully_connected", dtype="float64", case="odd")
    assert verification
    assert [verdict.technique for verdict in verification.verdicts] == [
        *perflab.techniques("fully_connected")
    ]
    assert not verification.pairs, "one case alone does not compare pairs"
    assert not verification.caught


def test_pairs_are_compared_on_all_cases():
    heard = []
    targets = ["fully_connected/naive", "fully_connected/vectorized"]
    verification = engine.verify_all(targets, dtypes=["float32"], tell=heard.append)
    assert [(pair.first, pair.second) for pair in verification.pairs] == [("naive", "vectorized")]
    assert verification.pairs[0].identical_integers
    assert "fully_connected: every two techniques, float32" in heard
    assert repr(verification) == "<2 of 2 right>"


def test_without_targets_the_known_mistakes_are_tried_and_a_missed_one_is_named(monkeypatch):
    def blind(operation, implementation, dtype, cases=None):
        seen = (
            examine(operation, implementation, dtype, ["odd"])
            if hasattr(implementation, "technique")
            else None
        )
        return seen or Verdict(operation.name, implementation.name, dtype, "right", 0.0, "")

    monkeypatch.setattr(engine.catalog, "targets", lambda names: {"fully_connected": ("vectorized",)})
    seeing = perflab.verify()
    assert seeing.ok
    assert seeing.missed == ()
    assert seeing.lines() == [f"known mistakes: {len(seeing.caught['fully_connected'])} of"
                              f" {len(seeing.caught['fully_connected'])} caught"]  # fmt: skip
    monkeypatch.setattr(engine.oracle, "examine", blind)
    missing = perflab.verify()
    assert all(missing.verdicts)
    assert not missing
    assert len(missing.missed) == len(seeing.caught["fully_connected"])
    assert missing.missed[0].startswith("fully_connected/")


@pytest.mark.parametrize("several", [False, True])
def test_outside_files_are_reviewed(tmp_path, several):
    file = tmp_path / "mean.py"
    file.write_text(WRONG)
    verification = perflab.verify("fully_connected", files=[file] if several else file, case="odd", seed=3)
    assert not verification.ok
    assert [verdict.status for verdict in verification.verdicts] == ["wrong", "wrong"]
    assert file in verification.outside.files
    assert not verification.outside.reviews[0].ok
    (described,) = engine.to_json(verification)["files"]
    assert (described["technique"], described["ok"]) == ("mean", False)


@pytest.mark.parametrize(
    ("ask", "named"),
    [
        (lambda: perflab.verify("conv2f"), "conv2f: unknown operation; did you mean conv2d"),
        (lambda: perflab.verify("conv2d/jitt"), "conv2d/jitt: unknown technique"),
        (lambda: perflab.verify("conv2d", case="od"), "conv2d: od: unknown check case; did you mean odd"),
        (lambda: perflab.verify(dtype="float16"), "float16: unknown dtype"),
        (lambda: perflab.verify("conv2d", seed=1), OF_FILES),
        (lambda: perflab.verify("conv2d/jit", files="mine.py"), OF_FILES),
        (lambda: perflab.verify("conv2d", "jit", files="mine.py"), OF_FILES),
        (lambda: perflab.verify("conv2d", files="none.py"), "none.py: no such file"),
    ],
)
def test_a_mistake_is_one_line(ask, named):
    with pytest.raises(PerflabError) as refused:
        ask()
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_public_names_can_be_called_before_and_after_the_folder_of_the_same_name_is_loaded():
    code = (
        "import inspect, perflab\n"
        "assert callable(perflab.run)\n"
        "import perflab.run.runner, perflab.run.verify, perflab.results\n"
        "from perflab import run, verify\n"
        "assert run is perflab.run and callable(run) and inspect.isfunction(verify)\n"
        "assert inspect.signature(run) == inspect.signature(perflab.results.run)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
