"""The self-check: its judgements on contests that were made up, and one real, short round of it."""

import json
import time

import numpy as np
import pytest
from conftest import perflab

from perflab import records
from perflab.catalog import cases
from perflab.machine import saved
from perflab.records import Plan
from perflab.run import selfcheck


def made_up(tmp_path, wanted: Plan, seconds):
    """A run of the plan's blocks in order, whose times `seconds(block, place)` gives."""
    folder = tmp_path / "run"
    records.begin(folder, wanted, cases.describe(wanted), {})
    writer = records.Writer(folder)
    place = 0
    for process in range(wanted.processes):
        for block in wanted.blocks(wanted.threads[0], process):
            cell = block.cell
            writer.append(
                "block", operation=cell.operation, case=cell.case, dtype=cell.dtype, threads=cell.threads,
                technique=cell.technique, direction=cell.direction, process=process,
                **{"pass": block.pass_}, iterations=1, rounds_s=[seconds(block, place)], after="same bits",
            )  # fmt: skip
            place += 1
    writer.close()
    return records.read(folder)


def contests(tmp_path, noise, five=0.05, half=0.005, seed=0):
    rng = np.random.default_rng(seed)
    slow = {"0": 0.0, "1": five, "2": half}

    def seconds(block, place):
        name = block.cell.technique
        share = slow[name[0]] if name.endswith("b") else 0.0
        return 1e-3 * (1 + share) * rng.lognormal(0, noise)

    wanted = selfcheck.contest_plan(tmp_path)
    return {line.name: line for line in selfcheck.judge_contests(made_up(tmp_path, wanted, seconds))}


def test_a_quiet_machine_is_fit(tmp_path):
    assert {line.state for line in contests(tmp_path, noise=0.01).values()} == {"fit"}


def test_a_noisy_machine_is_told_and_why(tmp_path):
    lines = contests(tmp_path, noise=0.06)
    assert lines["idle noise"].state == "noisy"
    assert lines["slower by 5 %"].state == "unfit"
    assert "measure longer" in lines["slower by 5 %"].advice


def test_a_slow_down_that_is_not_there_is_not_found(tmp_path):
    lines = contests(tmp_path, noise=0.01, five=0.0)
    assert lines["slower by 5 %"].state == "unfit", "the check itself can fail"


def test_a_half_per_cent_that_is_more_is_called_out(tmp_path):
    assert contests(tmp_path, noise=0.005, half=0.05)["slower by 0.5 %"].state == "noisy"


def test_a_copy_that_is_no_copy_is_flagged(tmp_path):
    rng = np.random.default_rng(0)

    def seconds(block, place):
        return 1e-3 * (1.03 if block.cell.technique.endswith("b") else 1.0) * rng.lognormal(0, 0.01)

    run = made_up(tmp_path, selfcheck.contest_plan(tmp_path), seconds)
    line = next(iter(selfcheck.judge_contests(run)))
    assert line.state == "unfit"
    assert "flagged at 95 %" in line.found


@pytest.mark.parametrize(("factor", "state"), [(1.0, "fit"), (3.0, "noisy"), (350.0, "noisy")])
def test_carry_over_from_another_pool_is_found(tmp_path, factor, state):
    rng = np.random.default_rng(1)
    before = [""]

    def seconds(block, place):
        kind = block.cell.technique.partition("_")[0]
        after_other = before[0] == "blas" and kind == "numba"
        before[0] = kind
        return 1e-3 * (factor if after_other else 1.0) * rng.lognormal(0, 0.01)

    line = selfcheck.judge_carry_over(made_up(tmp_path, selfcheck.carry_plan(tmp_path), seconds))
    assert line.state == state
    if factor > 1:
        assert "numba" in line.found


def test_a_drift_of_ten_per_cent_moves_a_ratio_by_less_than_one(capsys):
    line = selfcheck.judge_drift()
    with capsys.disabled():
        print(f" {line.name}: {line.found} ", end="")  # noqa: T201
    assert line.state == "fit"


@pytest.mark.parametrize(("steal", "state"), [(0, "fit"), (3, "noisy"), (20, "unfit")])
def test_steal_is_judged_by_its_share(steal, state):
    before = {"user": 100, "idle": 100, "steal": 5}
    after = {"user": 150, "idle": 150 - steal, "steal": 5 + steal}
    assert selfcheck.judge_steal(before, after).state == state


def test_the_answer_is_kept_for_this_machine_and_forgotten_after_a_week(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert selfcheck.stored()["state"] == "unknown"
    line = selfcheck.Line("steal", "7%", "1% or less", "unfit", "Measure later.")
    selfcheck.store(selfcheck.Fitness("unfit", (line,), 3, 40, time.time()))
    held = selfcheck.stored()
    assert (held["state"], held["false_alarms"], held["contests"]) == ("unfit", 3, 40)
    assert held["reasons"] == ["steal: 7%, wanted 1% or less. Measure later."]
    monkeypatch.setattr(saved, "identity", lambda: "another machine")
    assert selfcheck.stored()["state"] == "unknown"
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    selfcheck.store(selfcheck.Fitness("fit", (), 0, 40, time.time() - 8 * 24 * 3600))
    assert selfcheck.stored()["state"] == "unknown"
    (tmp_path / "perflab" / "selfcheck.json").write_text("{")
    assert selfcheck.stored()["state"] == "unknown"


def test_a_home_that_cannot_be_written_keeps_nothing_and_says_nothing(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/x")
    selfcheck.store(selfcheck.Fitness("fit", (), 0, 40, time.time()))
    assert selfcheck.stored()["state"] == "unknown"


@pytest.mark.slow
def test_the_command_measures_all_contests_and_answers(tmp_path, monkeypatch):
    """With fewer pairs of each contest than a user's, to take less time."""
    few = {name: (6, slower) for name, (_, slower) in selfcheck.CONTESTS.items()}
    monkeypatch.setattr(selfcheck, "CONTESTS", few)
    done = perflab("selfcheck", "--json", XDG_CACHE_HOME=str(tmp_path / "cache"))
    held = json.loads(done.stdout)
    assert held["state"] in ("fit", "noisy", "unfit")
    assert done.returncode == (3 if held["state"] == "unfit" else 0)
    assert held["contests"] == 6
    names = [line["name"] for line in held["lines"]]
    assert "a copy against itself" in names
    assert "steal" in names
    kept = json.loads((tmp_path / "cache" / "perflab" / "selfcheck.json").read_text())
    assert kept["false_alarms"] == held["false_alarms"]
