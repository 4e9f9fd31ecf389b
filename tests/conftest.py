"""Shared by the tests: one small run, made once, that many tests read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perflab import grid
from perflab.compilation import compile_first, missing
from perflab.contract import DTYPES, FIRST_RUNGS

ROOT = Path(__file__).parent.parent
# Files from outside, which no test session imports.
collect_ignore = ["assignments", "cheats", "mistakes", "unknown_mistakes"]
for name in [name for name in os.environ if name.startswith("PYTEST_XDIST")]:
    del os.environ[name]  # the processes that tests start are a user's, no workers of this session


def pytest_sessionstart(session):
    """Before the whole suite, compile on all cores what no cache holds yet: workers would do it twice."""
    whole = session.config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if whole and not hasattr(session.config, "workerinput"):
        grid.prepare_numba_cache()
        every = {op: grid.techniques(op) for op in grid.operations()}
        compile_first(missing(every, DTYPES), lambda event: None)


def user_environment():
    """The environment of a user's shell: without what perflab set for itself in this test process."""
    own = ("NUMBA_CACHE_DIR", "MPLCONFIGDIR")
    return {k: v for k, v in os.environ.items() if k not in own} | {"PYTHONPATH": str(ROOT)}


def perflab(*words, cwd=None, timeout=400, **variables):
    """Run the command line as a user would; the finished process."""
    environment = user_environment() | variables
    return subprocess.run(
        [sys.executable, "-m", "perflab", *map(str, words)],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def one_line(done, code):
    """The single line that a mistake of the user's gets, and the exit code with it."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("perflab: ")
    return lines[0]


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """A whole run of two operations on one small case: (folder, the finished process)."""
    targets = [f"{op}/{rung}" for op in ("fully_connected", "max_pool2d") for rung in FIRST_RUNGS]
    folder = tmp_path_factory.mktemp("run") / "small"
    done = perflab("run", *targets, "--preset", "smoke", "--case", "tiny", "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder, done
