"""Temporary folders: gone when their block has ended, and those of killed processes a little later."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import user_environment

from perflab.machine import scratch

HOLD = """
import sys
from perflab.machine import scratch
with scratch.folder("test") as folder:
    (folder / "inner").mkdir()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_nothing_is_left_of_a_folder(place):
    with scratch.folder("test") as folder:
        assert folder.parent == place
        (folder / "file").write_text("text")
        assert len([*place.iterdir()]) == 2
    assert not [*place.iterdir()]


def test_what_a_killed_process_left_is_removed_and_what_one_uses_is_not(place):
    environment = user_environment() | {"TMPDIR": str(place)}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    try:
        killed, living = (Path(child.stdout.readline().strip()) for child in children)
        children[0].kill()
        children[0].wait()
        with scratch.folder("test"):
            assert killed.is_dir(), "its lock is new"
        for held in place.glob("*.lock"):
            os.utime(held, (0, 0))
        with scratch.folder("test"):
            assert not killed.exists()
            assert living.is_dir()
            assert len([*place.glob("*.lock")]) == 2
        children[1].communicate("")
        assert not [*place.iterdir()]
    finally:
        for child in children:
            child.kill()
            child.communicate()


def test_what_is_no_folder_of_ours_stays(place):
    (place / "elsewhere").mkdir()
    (place / "perflab-a").symlink_to(place / "elsewhere")
    for name in ("perflab-a.lock", "other.lock", "perflab-b.lock"):
        (place / name).touch()
        os.utime(place / name, (0, 0))
    with scratch.folder("test"):
        assert (place / "elsewhere").is_dir()
        assert (place / "other.lock").exists()


def test_a_folder_in_place_of_one_that_cannot_be_written_goes_with_its_process(place):
    code = "from pathlib import Path; from perflab.machine.saved import writable_folder as w"
    code += "; print(w(Path('/dev/null/inner')).is_dir())"
    environment = user_environment() | {"TMPDIR": str(place)}
    printed = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert printed == "True\n"
    assert not [*place.iterdir()]
