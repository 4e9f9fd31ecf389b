"""What the machine or a variable lacks is named, and nobody is called wrong for it."""

import json
from dataclasses import replace

import pytest
from conftest import perflab, perflab_process

from perflab import catalog
from perflab.run import compilation, verify
from perflab.run.contender import Stage
from perflab.run.contest import Rejected

JIT = "softmax_loss/jit"
MINE = """
from numba import njit
@njit
def forward(x, w, b):
    return x @ w + b, (x, w)
@njit
def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""


def told(done):
    return {
        f"{v['operation']}/{v['technique']}": (v["status"], v["where"])
        for v in json.loads(done.stdout)["verdicts"]
    }


def test_a_numba_that_is_told_to_compile_nothing_is_no_compiler():
    words = ("verify", JIT, "softmax_loss/naive", "--dtype", "float32", "--case", "many_classes", "--json")
    done = perflab_process(*words, NUMBA_DISABLE_JIT="1")
    assert done.returncode == 2, done.stderr
    verdicts = told(done)
    assert verdicts[JIT] == ("cannot run here", f"{JIT}: NUMBA_DISABLE_JIT=1: nothing is compiled; wanted 0")
    assert verdicts["softmax_loss/naive"][0] == "right"


def test_a_file_that_imports_numba_is_not_run_without_a_compiler(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    words = ("verify", "fully_connected", "--with", "mine.py")
    done = perflab_process(*words, cwd=tmp_path, NUMBA_DISABLE_JIT="1")
    assert done.returncode == 2
    assert done.stderr == "perflab: mine.py: NUMBA_DISABLE_JIT=1: nothing is compiled; wanted 0\n"


@pytest.mark.slow
def test_a_run_goes_on_without_what_cannot_be_compiled(tmp_path):
    words = (
        "run",
        JIT,
        "softmax_loss/vectorized",
        "--preset",
        "smoke",
        "--for",
        "20s",
        "--out",
        tmp_path / "r",
    )
    done = perflab_process(*words, "--json", NUMBA_DISABLE_JIT="1")
    assert done.returncode == 2, done.stderr
    shown = json.loads(done.stdout)
    assert {figure["technique"] for figure in shown["figures"]} == {"vectorized"}
    assert {f["technique"]: f["reason"] for f in shown["findings"]} == {
        "jit": f"cannot run here: {JIT}: NUMBA_DISABLE_JIT=1: nothing is compiled; wanted 0"
    }


@pytest.mark.slow
def test_a_missing_threading_layer_is_named():
    done = perflab_process(
        "verify", "max_pool2d/jit_parallel", "--dtype", "float32", "--json", NUMBA_THREADING_LAYER="nothing"
    )
    assert done.returncode == 2, done.stderr
    status, where = told(done)["max_pool2d/jit_parallel"]
    assert status == "cannot run here"
    assert "NUMBA_THREADING_LAYER=nothing: " in where


@pytest.mark.slow
def test_a_damaged_cache_makes_nobody_wrong(tmp_path):
    words = ("verify", JIT, "--dtype", "float32", "--case", "many_classes")
    kept = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    first = perflab_process(*words, **kept)
    assert first.returncode == 0, first.stderr
    assert "thrown away" not in first.stdout
    files = [file for file in tmp_path.rglob("*.nbi") if "softmax_loss" in str(file)]
    assert files
    for file in files:
        file.write_bytes(b"")
    again = perflab_process(*words, **kept)
    assert again.returncode == 0, again.stderr
    assert f"{JIT}: {len(files)} damaged or stale files of Numba's cache were thrown away" in again.stdout
    assert "thrown away" not in perflab_process(*words, **kept).stdout


@pytest.fixture
def crashing(monkeypatch):
    """Code that crashes when it is called for the first time."""
    dies = "import os, signal, sys; sys.stdin.readline(); os.kill(os.getpid(), signal.SIGSEGV)"
    monkeypatch.setattr(compilation, "WORK", dies)
    monkeypatch.setattr(compilation, "missing", lambda *_: [f"{JIT}/float32"])


def test_code_that_crashes_is_met_in_another_process(crashing):
    verification = verify.verify_all([JIT, "softmax_loss/naive"], dtypes=["float32"], cases=["many_classes"])
    statuses = {verdict.technique: (verdict.status, verdict.where) for verdict in verification.verdicts}
    crashed = "cannot run here", "its compiled code cannot be called: its process died: SIGSEGV"
    assert statuses["jit"] == crashed
    assert statuses["naive"][0] == "right"
    verdict = verify.verify("softmax_loss", "jit", dtype="float32")
    assert (verdict.status, verdict.where) == crashed


def test_the_exit_code_of_a_crash_is_that_of_what_cannot_run(crashing):
    done = perflab("verify", JIT, "--dtype", "float32", "--case", "many_classes")
    assert done.returncode == 2
    assert "cannot run here: softmax_loss/jit float32" in done.stdout


def test_a_compiled_rung_is_shown_only_with_compiled_kernels():
    described, pair = catalog.operation("softmax_loss"), catalog.raw("softmax_loss", "jit")
    stage = Stage(described, described.case(described.small_case), "float32")
    stage.admit(pair)
    interpreted = replace(pair, forward=pair.forward.py_func, backward=pair.backward.py_func)
    with pytest.raises(Rejected, match="not shown: none of its kernels is compiled for arrays of float32"):
        stage.admit(interpreted)


def test_another_processor_is_compiled_for_anew(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compilation.prepare_numba_cache.cache_clear()
    compilation.remember("a/b/float32", 1.0)
    assert compilation.remembered(compilation.numba_threads() > 1) == {"a/b/float32": 1.0}
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    assert compilation.remembered(compilation.numba_threads() > 1) == {}
    compilation.prepare_numba_cache.cache_clear()
