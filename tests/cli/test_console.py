"""The console is a place too: what it cannot show, where nobody reads, and a disk that is full."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT, perflab_process, user_environment

PERFLAB = f"{sys.executable} -m perflab"
MINE = "def forward(x, w, b):\n    raise ValueError('×²½Ω€')\n\n\ndef backward(dout, cache):\n    return ()\n"


def shell(command, cwd, **variables):
    environment = user_environment() | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(["bash", "-c", command], cwd=cwd, env=environment, capture_output=True, check=False)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")  # noqa: PTH110
@pytest.mark.parametrize("words", ["list", "list conv2d --json", "--help", "help verify"])
def test_a_full_output_is_one_line(tmp_path, words):
    done = shell(f"{PERFLAB} {words} > /dev/full", tmp_path)
    assert done.returncode == 2
    assert done.stderr == b"perflab: standard output: No space left on device\n"


def test_a_closed_output_is_one_line(tmp_path):
    done = shell(f"{PERFLAB} list >&-", tmp_path)
    assert done.returncode == 2
    assert done.stderr == b"perflab: standard output: it is closed\n"


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_a_closed_input_or_error_hinders_nobody(tmp_path, closed):
    done = shell(f"{PERFLAB} list {closed}", tmp_path)
    assert done.returncode == 0
    assert b"conv2d" in done.stdout
    assert done.stderr == b""


def test_a_line_for_a_full_or_closed_error_goes_nowhere(tmp_path):
    for stream in ("2>&-", "2>/dev/full", ">&- 2>&-"):
        done = shell(f"{PERFLAB} nonsense {stream}", tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")


@pytest.mark.parametrize("coding", ["ascii", "ascii:strict", "cp1252", "latin-1:strict", "utf-8:strict"])
def test_what_cannot_be_encoded_is_replaced(tmp_path, coding):
    file = tmp_path / os.fsdecode(b"half\xffname.py")
    file.write_text(MINE, "utf-8")
    words = ("verify", "fully_connected", "--with", file, "--case", "odd", "--dtype", "float32")
    environment = user_environment() | {"PYTHONIOENCODING": coding, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "perflab", *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert b"Traceback" not in done.stdout + done.stderr
    assert done.returncode == 2
    assert b"cannot run here" in done.stdout


@pytest.mark.slow
def test_no_bar_is_written_to_a_file(tmp_path):
    words = ("verify", "softmax_loss/naive", "--case", "many_classes")
    for variables in (
        {},
        {"FORCE_COLOR": "1"},
        {"COLUMNS": "20"},
        {"TERM": "xterm-256color", "FORCE_COLOR": "3"},
    ):
        done = perflab_process(*words, cwd=tmp_path, **variables)
        assert done.returncode == 0
        assert done.stderr == ""
        assert "\r" not in done.stdout
        assert "\x1b[?" not in done.stdout
        assert "\x1b[2K" not in done.stdout
