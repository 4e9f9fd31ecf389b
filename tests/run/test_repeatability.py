"""The script that says how far two runs tell the same."""

import json
import subprocess
import sys

from conftest import ROOT


def compared(*folders):
    command = [sys.executable, str(ROOT / "bench" / "repeatability.py"), *map(str, folders)]
    return subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )


def test_a_run_agrees_with_itself(small_run):
    done = compared(small_run, small_run)
    assert done.returncode == 0, done.stderr
    assert "12 of 12 speed-ups overlap: 100.0%" in done.stdout


def test_a_run_that_tells_otherwise_is_found_out(small_run, tmp_path):
    lines = [json.loads(line) for line in (small_run / "records.jsonl").read_text().splitlines()]
    for line in lines:
        if line["kind"] == "block" and line["technique"] == "jit":
            line["rounds_s"] = [100 * s for s in line["rounds_s"]]
    (tmp_path / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = compared(small_run, tmp_path)
    assert done.returncode == 1
    assert "apart: max_pool2d/jit/tiny" in done.stdout
    assert "8 of 12" in done.stdout


def test_what_is_no_run_is_refused(tmp_path):
    assert compared(tmp_path, tmp_path).returncode == 2
    assert compared(tmp_path).returncode == 2
