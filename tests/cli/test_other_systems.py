"""perflab where something is missing: what only Unix has, a home, rights, short paths without spaces.

Windows and macOS are not here. Their lack is made: modules and calls are taken away from perflab in every
process of a run.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, one_line, perflab_process, user_environment

from perflab.catalog.implementations import OLDEST_NUMBA

TAKEN_AWAY = """
import builtins, os, signal, subprocess

for name in ("sched_getaffinity", "sched_setaffinity", "getloadavg", "sysconf", "killpg", "setsid", "fork"):
    delattr(os, name)
for name in ("setitimer", "alarm", "SIGBUS"):
    delattr(signal, name)
real_import, real_start = builtins.__import__, subprocess.Popen.__init__


def refuse(name, globals=None, *more, **named):
    unix = ("fcntl", "resource", "pwd", "grp", "termios", "select", "selectors")
    if name.partition(".")[0] in unix and (globals or {}).get("__name__", "").startswith("perflab"):
        raise ImportError(name)
    return real_import(name, globals, *more, **named)


def start(self, *words, pass_fds=(), preexec_fn=None, **options):
    if pass_fds or preexec_fn:
        raise ValueError("not supported on Windows platforms")
    real_start(self, *words, **options)


builtins.__import__, subprocess.Popen.__init__ = refuse, start
"""
TWO = ("fully_connected/naive", "fully_connected/vectorized")


@pytest.mark.slow
def test_without_what_only_unix_has_it_lists_verifies_runs_and_reports(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(TAKEN_AWAY)
    shutil.copy(ROOT / "perflab/ops/fully_connected/vectorized.py", tmp_path / "mine.py")
    without = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    run = tmp_path / "a run"
    for words in (
        ("list",),
        ("machine", "--no-ceilings"),
        ("verify", *TWO),
        ("verify", "fully_connected", "--with", tmp_path / "mine.py"),
        ("run", *TWO, "--with", tmp_path / "mine.py", "--case", "digits", "--out", run),
        ("report", run),
    ):
        done = perflab_process(*words, cwd=tmp_path, **without)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        if words[0] == "machine":
            assert "the memory of outside code is not limited" in " ".join(done.stdout.split())
        if "verify" in words and "--with" in words:
            assert "its memory is not limited on this system" in done.stdout
    lines = [json.loads(line) for line in (run / "records.jsonl").read_text().splitlines()]
    for kind in ("block", "evidence"):
        measured = {line["technique"] for line in lines if line["kind"] == kind}
        assert measured >= {"vectorized", "mine"}


@pytest.mark.slow
@pytest.mark.skipif(
    os.geteuid() == 0 and not shutil.which("setpriv"), reason="needs setpriv, to give up root's rights"
)
def test_it_runs_without_rights_and_home_from_a_read_only_place_with_spaces(tmp_path):
    site, place = tmp_path / "read only site", tmp_path / "my work"
    place.mkdir()
    for source, name in (("perflab", "perflab"), ("bench", "perflab/_bench")):
        shutil.copytree(ROOT / source, site / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (site, *site.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    environment = user_environment() | {"PYTHONPATH": str(site), "HOME": "/nonexistent"}
    environment.pop("XDG_CACHE_HOME", None)
    without_rights = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    command = [*without_rights, sys.executable, "-m", "perflab"]
    denied = subprocess.run([*without_rights, "touch", site / "new"], capture_output=True, check=False)
    assert denied.returncode != 0, "the place can be written after all"
    for words in (
        ("verify", "fully_connected/jit", "--case", "one_sample"),
        ("run", *TWO, "fully_connected/jit", "--preset", "smoke", "--case", "tiny", "--out", "my run"),
    ):
        done = subprocess.run(
            [*command, *words], cwd=place, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert (place / "my run" / "report.html").is_file()


REFUSED = [
    ("import sys; sys.version_info = (3, 10, 13, 'final', 0)", "found Python 3.10; wanted 3.11 to 3.15"),
    ("import sys; sys.version_info = (3, 16, 0, 'final', 0)", "found Python 3.16; wanted 3.11 to 3.15"),
    (
        "import sys; sys.version = '3.14.0 free-threading build (main)'",
        "which was not tried; wanted one with the lock",
    ),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_a_python_that_is_not_supported_is_refused_in_one_line(change, message, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(change)
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = perflab_process("list", PYTHONPATH=paths)
    assert message in one_line(done, 2)
    code = "import perflab"
    environment = user_environment() | {"PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert b"ImportError: perflab: found" in done.stderr


def test_a_numba_without_what_a_rung_needs_is_named(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import llvmlite.ir; del llvmlite.ir.VectorType")
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = perflab_process("verify", "fully_connected/tiles", PYTHONPATH=paths)
    assert (done.returncode, done.stderr) == (2, "")
    line = next(line for line in done.stdout.splitlines() if line.startswith("  fully_connected/tiles:"))
    assert "cannot be imported" in line
    assert "found Numba" in line
    assert f"wanted {OLDEST_NUMBA} or newer" in line
    assert "cannot run here: fully_connected/tiles float32" in done.stdout
    assert f'"numba>={OLDEST_NUMBA}"' in (ROOT / "pyproject.toml").read_text()
