"""The examples are operations of one's own that hold: each is right, told on two branches, and runs."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT, forget_own_operations, perflab

import perflab as lab
from perflab import catalog, oracle
from perflab.catalog import admission, kernels, own
from perflab.contract import DTYPES
from perflab.oracle import description
from perflab.records import tree
from perflab.records.texts import DERIVATION

EXAMPLES = ROOT / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/__init__.py"))

every_example = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    monkeypatch.setenv(own.VARIABLE, "")
    monkeypatch.setattr(admission, "process", SimpleNamespace(call=lambda *_: ""))
    yield
    forget_own_operations()


def test_there_are_examples():
    assert NAMES == ["histogram", "layer_norm", "pairwise_distance"]


@every_example
def test_an_example_has_a_derivation_and_a_ladder_of_five_rungs_on_two_branches(name):
    described = catalog.operation(catalog.admit(EXAMPLES / name))
    assert len(described.ladder) >= 5
    tops = [rung for rung in described.ladder if not [*tree.standing_on(described.since, rung)]]
    compiled = {kernels.may_compile(name, rung) for rung in tops}
    assert len(tops) >= 2
    assert compiled == {True, False}, "a branch in NumPy, a branch compiled"
    assert "$$" in (EXAMPLES / name / DERIVATION).read_text("utf-8")
    assert set(described.formulas) == {"out", *(f"d{each}" for each in described.wrt)}


@every_example
def test_an_example_is_right_in_every_rung_of_numpy_and_its_mistakes_are_caught(name):
    described = catalog.operation(catalog.admit(EXAMPLES / name))
    assert list(description.faults(described)) == []
    for rung in described.ladder:
        if not kernels.may_compile(name, rung):
            for dtype in DTYPES:
                verdict = oracle.examine(described, catalog.raw(name, rung), dtype)
                assert verdict.ok, f"{rung}: {verdict.where}"
                assert verdict.exact is (True if described.exact_on_integers else None)
    derivation = " ".join((EXAMPLES / name / DERIVATION).read_text("utf-8").split())
    for mutant in catalog.mutants(name):
        assert not all(oracle.examine(described, mutant, dtype) for dtype in DTYPES), mutant.name
        assert mutant.breaks in derivation, mutant.name


def test_one_example_is_forward_only_with_integer_inputs():
    described = catalog.operation(catalog.admit(EXAMPLES / "histogram"))
    assert described.forward_only
    assert [argument.kind for argument in described.arguments.values()] == ["labels", "array", "array"]
    implementation = lab.implementation("histogram", "naive")
    out, _ = implementation.forward(np.array([0, 2, 2]), np.ones(3), np.zeros(3))
    assert out.tolist() == [1, 0, 2]
    with pytest.raises(ValueError, match=r"bins: bins\[1\] = 7; wanted labels in \[0, B\) = \[0, 3\)"):
        implementation.forward(np.array([0, 7, 2]), np.ones(3), np.zeros(3))


@pytest.mark.slow
@every_example
def test_an_example_is_verified_measured_and_reported(name, tmp_path):
    done = perflab("verify", EXAMPLES / name, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    held = json.loads(done.stdout)
    catalog.admit(EXAMPLES / name)  # what a command admitted is forgotten when it ends
    assert {verdict["technique"] for verdict in held["verdicts"]} == set(catalog.techniques(name))
    done = perflab("run", EXAMPLES / name, "--for", "10s", "--out", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    records = [
        json.loads(line) for line in (tmp_path / "r" / "records.jsonl").read_text("utf-8").splitlines()
    ]
    assert not [record for record in records if record["kind"] == "failure"]
    timed = {record["direction"] for record in records if record["kind"] == "block"}
    assert timed == ({"forward"} if name == "histogram" else {"forward", "backward", "step"})
    page = (tmp_path / "r" / "report.html").read_text("utf-8")
    assert f"study-{name}-naive" in page
    assert catalog.operation(catalog.admit(EXAMPLES / name)).title in page
