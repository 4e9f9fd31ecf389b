"""Shared by the tests: one small run, made once, that many tests read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perflab.contract import FIRST_RUNGS

ROOT = Path(__file__).parent.parent


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
