"""The peak that the system counts: what is held beyond inputs and outputs, and nothing else."""

import subprocess
import sys

import pytest
from conftest import perflab

from perflab import records
from perflab.contract import Cell
from perflab.evidence import pages
from perflab.machine.threads import for_child
from perflab.report.summarise import summarise
from perflab.report.tables import memory_table

pytestmark = pytest.mark.skipif(not pages.available(), reason="this system does not tell a process's peak")

CALL = """
from dataclasses import replace
import numpy as np
from perflab import catalog
from perflab.evidence import pages
op = catalog.operation("conv2d")
held = catalog.raw("conv2d", {technique!r})
def greedy(*args, **more):
    np.ones({extra})
    return held.forward(*args, **more)
print(pages.peak(op, replace(held, forward=greedy), op.case("c256_1x1"), "float32")["forward"])
"""


def peak(technique, extra=1):
    """Of a forward call in a process of its own: `peak` changes how its process gives memory back."""
    code = CALL.format(technique=technique, extra=extra)
    done = subprocess.run(
        [sys.executable, "-c", code], env=for_child(1), capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_the_columns_of_im2col_are_counted():
    columns = 16 * 28 * 28 * 256 * 4
    assert columns <= peak("vectorized") < 1.2 * columns


def test_what_a_call_holds_for_a_moment_is_counted_and_its_outputs_are_not():
    out = 16 * 64 * 28 * 28 * 4  # taken off, though it is not there yet at that moment
    assert abs(peak("vectorized", 10_000_000) - (80e6 - out)) < 1e6  # pages are counted in batches


@pytest.mark.slow
def test_a_run_of_the_contest_tells_the_memory_of_its_cells(tmp_path):
    folder = tmp_path / "run"
    targets = ["max_pool2d/simd", "max_pool2d/vectorized"]
    done = perflab(
        "run", *targets, "--preset", "peers", "--case", "odd_57", "--dtype", "float32", "--out", folder
    )
    assert done.returncode == 0, done.stderr
    summary = summarise(records.read(folder))
    for technique in ("simd", "vectorized"):
        for direction in ("forward", "backward", "step"):
            cell = Cell("max_pool2d", "odd_57", "float32", 1, direction, technique)
            assert 0 < summary.memory[cell] < 1e9
    table = memory_table(summary, "max_pool2d", "float32", 1)
    assert table.rows[0][0] == "odd_57"
    assert table.title in (folder / "report.md").read_text("utf-8")
