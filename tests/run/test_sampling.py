"""Measuring on: what is not precise enough yet, within the seconds set aside for it."""

from dataclasses import replace

import numpy as np
from test_selfcheck import made_up

from perflab import records
from perflab.run import presets
from perflab.run.sampling import next_groups


def run(tmp_path, noise, **changed):
    wanted = presets.make({"conv2d": ("naive", "jit")}, "quick", cases=("tiny", "small"), dtypes=("float32",))
    wanted = replace(wanted, **{"extend_s": 30.0} | changed)
    rng = np.random.default_rng(0)

    def seconds(block, place):
        return (1e-2 if block.cell.technique == "naive" else 1e-4) * rng.lognormal(0, noise[block.cell.case])

    return made_up(tmp_path, wanted, seconds)


def test_only_what_is_not_precise_enough_is_measured_on(tmp_path):
    found = next_groups(run(tmp_path, {"tiny": 0.2, "small": 0.001}), 1)
    assert found == [("conv2d", "tiny", "float32")]


def test_the_least_precise_comes_first(tmp_path):
    found = next_groups(run(tmp_path, {"tiny": 0.1, "small": 0.6}), 1)
    assert [case for _, case, _ in found] == ["small", "tiny"]


def test_nothing_is_measured_on_once_all_is_precise_or_the_seconds_are_spent(tmp_path):
    assert next_groups(run(tmp_path / "a", {"tiny": 0.001, "small": 0.001}), 1) == []
    assert next_groups(run(tmp_path / "b", {"tiny": 0.5, "small": 0.5}, extend_s=0.0), 1) == []
    noisy = run(tmp_path / "c", {"tiny": 0.5, "small": 0.5})
    writer = records.Writer(noisy.folder)
    writer.append("process", process=noisy.plan.processes, threads=1, wall_s=29.0, started=0.0)
    writer.close()
    assert next_groups(records.read(noisy.folder), 1) == []


def test_a_process_that_measures_on_has_the_blocks_of_its_groups_alone(tmp_path):
    held = run(tmp_path, {"tiny": 0.5, "small": 0.001})
    group = ("conv2d", "tiny", "float32")
    blocks = list(held.plan.blocks(1, held.plan.processes, {group}))
    assert {(b.cell.operation, b.cell.case, b.cell.dtype) for b in blocks} == {group}
    assert len(blocks) == 2 * held.plan.passes * len(held.plan.directions)
