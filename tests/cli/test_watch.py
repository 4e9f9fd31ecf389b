"""`--watch` answers every save, lives through a file that cannot be read, and ends with Ctrl-C."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import RIGHT, interruptible, one_line, perflab, user_environment

from perflab.cli import watch


class Watching:
    """A command that watches; `until` gives what it printed up to the next pause."""

    def __init__(self, folder, *words):
        with interruptible():
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", "perflab", *words, "--watch"], cwd=folder,
                env=user_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)

    def until_it_waits(self):
        told, deadline = [], time.monotonic() + 600
        while time.monotonic() < deadline:
            line = self.lines.get(timeout=deadline - time.monotonic())
            told.append(line)
            if "watching " in line:
                return "".join(told)
        raise AssertionError("".join(told))

    def end(self):
        os.kill(self.process.pid, signal.SIGINT)
        code = self.process.wait(timeout=600)
        self.process.stdout.close()
        return code


def save(file, text):
    file.write_text(text)


def test_verify_answers_every_save(tmp_path):
    file = tmp_path / "mine.py"
    save(file, RIGHT)
    watching = Watching(tmp_path, "verify", "fully_connected", "--with", "mine.py")
    assert "2 of 2 right" in watching.until_it_waits()
    save(file, RIGHT.replace("dout.sum(axis=0)", "dout.sum(axis=0) * 3"))
    told = watching.until_it_waits()
    assert "0 of 2 right" in told
    assert "db[" in told
    save(file, RIGHT.replace("return x @ w + b", "return x @ w + b)"))
    told = watching.until_it_waits()
    assert "cannot be imported: SyntaxError" in told
    assert "Traceback" not in told
    file.unlink()
    assert "no such file" in watching.until_it_waits()
    save(file, RIGHT)
    assert "2 of 2 right" in watching.until_it_waits()
    assert watching.end() == 0


@pytest.mark.slow
def test_run_races_every_save_that_is_right(tmp_path):
    file = tmp_path / "mine.py"
    save(file, RIGHT.replace("+ b", ""))
    watching = Watching(tmp_path, "run", "fully_connected", "--with", "mine.py")
    told = watching.until_it_waits()
    assert "out[" in told
    assert "cells measured" not in told
    save(file, RIGHT)
    told = watching.until_it_waits()
    assert "2 of 2 right" in told
    assert "vectorized" in told
    assert "cells measured" in told
    assert watching.end() == 0
    assert {path.name for path in tmp_path.iterdir()} <= {"mine.py", "__pycache__"}, "nothing is kept"


def test_what_a_file_imports_is_watched_too(tmp_path):
    (tmp_path / "helper.py").write_text("FACTOR = 2\n")
    save(
        tmp_path / "mine.py", "from helper import FACTOR\n" + RIGHT.replace("x @ w + b", "x @ w * FACTOR + b")
    )
    watching = Watching(tmp_path, "verify", "fully_connected", "--with", "mine.py")
    told = watching.until_it_waits()
    assert "0 of 2 right" in told
    assert "helper.py" in told
    save(tmp_path / "helper.py", "FACTOR = 1\n")
    assert "2 of 2 right" in watching.until_it_waits()
    assert watching.end() == 0


def test_a_change_of_time_or_size_is_a_change(tmp_path):
    file = tmp_path / "mine.py"
    before = watch.stamps([file])
    assert before == {file: None}
    file.write_text("1")
    os.utime(file, (1, 1))
    once = watch.stamps([file])
    file.write_text("12")
    os.utime(file, (1, 1))
    assert len({str(before), str(once), str(watch.stamps([file]))}) == 3


@pytest.mark.parametrize(
    "words", [("verify", "fully_connected", "--watch"), ("run", "fully_connected", "--watch")]
)
def test_there_must_be_a_file_to_watch(words):
    assert "--with" in one_line(perflab(*words), 2)
