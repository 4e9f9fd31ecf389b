"""Shared by the tests: one small run, made once, that many tests read, and the command line."""

import atexit
import contextlib
import fcntl
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import numba
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from perflab import catalog, cli, machine
from perflab.catalog import admission, own
from perflab.contract import DTYPES, FIRST_RUNGS
from perflab.run.compilation import compile_first, missing

ROOT = Path(__file__).parent.parent
CHEATS = ROOT / "perflab" / "data" / "corpus" / "cheats"
# A right file for fully_connected, of a user's or a student's own.
RIGHT = """
def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""
# Files from outside, which no test session imports.
collect_ignore = ["catalog/assignments", "evidence/loops", "oracle/mistakes", "oracle/unknown_mistakes"]
hypothesis.settings.register_profile(
    "same everywhere", deadline=None, derandomize=True, database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)  # fmt: skip
hypothesis.settings.load_profile("same everywhere")
set_hypothesis_home_dir(kept := tempfile.mkdtemp(prefix="perflab-tests-"))  # not the checkout
atexit.register(shutil.rmtree, kept, ignore_errors=True)
for name in [name for name in os.environ if name.startswith("PYTEST_XDIST")]:
    del os.environ[name]  # the processes that tests start are a user's, no workers of this session
for name in ("COLUMNS", "LINES"):  # which readline sets for the workers of a session
    os.environ.pop(name, None)
# The test command installs without compiling, so that each process would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


# Rungs whose kernels take longest to compile: the slow tests have them.
DEAR = {
    *("conv2d/jit_parallel", "conv2d/simd", "conv2d/implicit", "conv2d/winograd2", "conv2d/winograd4"),
    *("fully_connected/accumulators", "fully_connected/packed", "fully_connected/cores"),
    *("max_pool2d/jit_parallel", "max_pool2d/simd"),
    *("mlp/packed", "mlp/cores", "rnn/fused", "rnn/cores"),
}


def quick(operation, technique, dtype):
    """Whether the quick tests call this rung: the first rungs in both dtypes, most others in float32.

    In a new clone everything that they call is compiled first, which is most of their time. A test that
    names no operation, "", is of one that has such a rung.
    """
    dear = any(name.endswith(f"{operation}/{technique}") for name in DEAR)
    return technique in FIRST_RUNGS or (dtype == "float32" and not dear)


def pytest_sessionstart(session):
    """Before the whole suite, compile on all cores what no cache holds yet: workers would do it twice.

    The tests call the kernels of one thread, which compile in half the time; `test_threads.py` has those of
    several.
    """
    numba.set_num_threads(1)
    whole = session.config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if whole and not hasattr(session.config, "workerinput"):
        catalog.prepare_numba_cache()
        names = missing({op: catalog.techniques(op) for op in catalog.operations()}, DTYPES)
        if session.config.option.markexpr == "not slow":
            names = [name for name in names if quick(*name.split("/"))]
        compile_first(names, lambda event: None)


# The longest tests, which begin first: a worker that begins one last keeps the other waiting.
LONGEST = (
    "test_narrower_registers",
    "test_threads",
    "test_corpus",
    "test_estimate",
    "test_selfcheck",
    "test_wheel",
    "test_other_systems",
)


def slow_but(quick, values):
    """These values as parameters of a test, all but the `quick` ones marked as slow."""
    return [pytest.param(value, marks=() if value in quick else pytest.mark.slow) for value in values]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark as slow the tests of rungs that the quick tests do not compile; put the longest tests first."""
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        rung = params.get("door") or SimpleNamespace(**params)
        operation, technique = getattr(rung, "operation", ""), getattr(rung, "technique", "")
        if technique and not quick(operation, technique, params.get("dtype", "float32")):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.path.stem not in LONGEST)


def user_environment():
    """The environment of a user's shell: without what perflab set for itself in this test process."""
    own = ("NUMBA_CACHE_DIR", "MPLCONFIGDIR")
    return {k: v for k, v in os.environ.items() if k not in own} | {"PYTHONPATH": str(ROOT)}


@contextlib.contextmanager
def interruptible():
    """What is started inside obeys SIGINT, also where this session was started in the background.

    Such a session ignores SIGINT, and so would its children. A handler is not inherited, and they start with
    the default.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def perflab_process(*words, cwd=None, timeout=600, **variables):
    """Run the command line as a user would, in a process of its own; the finished process."""
    environment = user_environment() | variables
    return subprocess.run(
        [sys.executable, "-m", "perflab", *map(str, words)],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def forget_own_operations():
    """Forget the folders of operations that were admitted, as the end of a process does."""
    for name in {*admission._admitted, *own.folders()}:
        admission._forget(name)


def perflab(*words, cwd=None, **variables):
    """Run the command line in this process; its exit code and output, as of a finished process.

    A command pins the thread pools by variables that hold for good; here they keep this process's count.
    """
    catalog.prepare_numba_cache()
    before, out, err = dict(os.environ), io.StringIO(), io.StringIO()
    os.environ.update(dict.fromkeys(machine.POOLS, str(numba.config.NUMBA_NUM_THREADS)) | variables)
    try:
        with contextlib.chdir(cwd or "."), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main([str(word) for word in words])
    except SystemExit as end:  # argparse's
        code = end.code
    finally:
        forget_own_operations()
        os.environ.clear()
        os.environ.update(before)
    return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


def one_line(done, code):
    """The single line that a mistake of the user's gets, and the exit code with it."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("perflab: ")
    return lines[0]


def made_once(request, factory, name, make):
    """The folder `name`, filled by `make(folder)` in the first worker that asks for it, and read by all."""
    base = factory.getbasetemp()
    base = base.parent if hasattr(request.config, "workerinput") else base
    folder, finished = base / name, base / f"{name}-finished"
    with (base / f"{name}-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            finished.touch()
    return folder


@pytest.fixture(scope="session")
def measured_run(request, tmp_path_factory):
    """A whole run of two operations on one small case, as measured: (folder, what it printed); to be read."""

    def make(folder):
        targets = [f"{op}/{rung}" for op in ("fully_connected", "max_pool2d") for rung in FIRST_RUNGS]
        words = ("--preset", "smoke", "--case", "tiny", "--out", folder / "small")
        done = perflab_process("run", *targets, *words)
        assert done.returncode == 0, done.stderr
        (folder / "printed.txt").write_text(done.stdout)

    folder = made_once(request, tmp_path_factory, "measured", make)
    return folder / "small", (folder / "printed.txt").read_text()


SECONDS = {"naive": 0.016, "per_neuron": 0.0011, "vectorized": 1.3e-5, "jit": 2.4e-5}


def with_fixed_times(record, turn):
    """A record of the small run with all that was measured replaced, so that no test depends on a clock."""
    if record["kind"] == "block":
        took = SECONDS[record["technique"]] * (2 if record["direction"] == "backward" else 1)
        spread = 1 + 0.002 * ((7 * turn) % 11 - 5)
        return record | {"iterations": 1, "rounds_s": [took * spread, took * spread * 1.001]}
    if record["kind"] == "verdict":
        compiled = record["technique"] == "jit"
        first = dict.fromkeys(record["first_s"], SECONDS[record["technique"]])
        return record | {
            "cold_compile_s": 1.5 if compiled else None, "load_s": 0.1 if compiled else 0.0,
            "first_s": first, "warm_s": first,
        }  # fmt: skip
    if record["kind"] == "process":
        return record | {"wall_s": 2.5, "steal": 0.0}
    if record["kind"] == "fitness":  # what a self-check on this machine said, if there was one
        return record | {"state": "unknown", "reasons": ["no self-check in the last week: perflab selfcheck"]}
    return record


@pytest.fixture(scope="session")
def small_run(request, measured_run, tmp_path_factory):
    """A folder to be read: the measured run with fixed times in place of its own, and the report of it."""

    def make(folder):
        shutil.copy(measured_run[0] / "environment.json", folder)
        measured = map(json.loads, (measured_run[0] / "records.jsonl").read_text().splitlines())
        kept = [record for record in measured if record["kind"] != "ceilings"]  # of this machine, if any
        fixed = [with_fixed_times(record, turn) for turn, record in enumerate(kept)]
        (folder / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in fixed))
        done = perflab("report", folder)
        assert done.returncode == 0, done.stderr

    return made_once(request, tmp_path_factory, "small", make)
