"""What the next process measures: breadth first, then what is not precise enough; and the rule to stop."""

import math
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
from test_selfcheck import made_up

from perflab import records
from perflab.contract import Contender
from perflab.records import Part, Phase, Run, kinds
from perflab.run import presets
from perflab.run.schedule import next_part, wishes
from perflab.statistics import median_interval

TINY, SMALL = ("conv2d", "tiny", "float32"), ("conv2d", "small", "float32")
BOTH = {"conv2d": ("naive", "jit")}


def phase(least=6, most=60, techniques=BOTH):
    return Phase("sizes", {"conv2d": ("tiny", "small")}, ("float32",), techniques, least, most)


def run(tmp_path, noise, **changed):
    """A run with 4 processes of 2 passes on two cases, with so much noise on each."""
    wanted = presets.make(BOTH, "quick", cases=("tiny", "small"), dtypes=("float32",))
    wanted = replace(wanted, **{"phases": (), "processes": 4, "passes": 2, "for_s": 0.0} | changed)
    rng = np.random.default_rng(0)

    def seconds(block, place):
        return (1e-2 if block.cell.technique == "naive" else 1e-4) * rng.lognormal(0, noise[block.cell.case])

    return made_up(tmp_path, wanted, seconds)


def groups(part):
    return list(part.groups) if part else []


def test_what_has_too_few_turns_comes_first_in_the_order_of_the_phase(tmp_path):
    saved = run(tmp_path, {"tiny": 0.6, "small": 0.001})
    assert groups(next_part(saved, phase(least=9), 1)) == [TINY, SMALL]
    nothing = replace(saved, records=())
    assert groups(next_part(nothing, phase(), 1)) == [TINY, SMALL]
    assert next_part(nothing, phase(least=1, most=1), 1).passes == 1


def test_only_what_is_not_precise_enough_is_measured_on_the_least_precise_first(tmp_path):
    assert groups(next_part(run(tmp_path / "a", {"tiny": 0.2, "small": 0.001}), phase(), 1)) == [TINY]
    both = next_part(run(tmp_path / "b", {"tiny": 0.1, "small": 0.6}), phase(), 1)
    assert groups(both) == [SMALL, TINY]
    assert both.techniques == ("conv2d/jit", "conv2d/naive")


@pytest.mark.parametrize(("base", "cases"), [("naive", [TINY, SMALL]), ("torch", [])])
def test_ratios_are_to_be_precise_over_the_plans_baseline_a_peers_too(base, cases, tmp_path):
    """The times of torch swing by 3 %, those of jit with them by 6 %: over torch all ratios swing by 3 %."""
    saved = run(tmp_path, {"tiny": 0.0, "small": 0.0})
    swings = {"naive": 0, "torch": 1, "jit": 2}

    def timed(record, technique):
        swing = 1.03 ** (swings[technique] * (-1) ** record.pass_)
        who = replace(record.contender, technique=technique)
        return replace(record, contender=who, rounds_s=(1e-3 * swing,))

    blocks = [r for r in saved.of_kind(kinds.Timed) if r.contender.technique == "naive"]
    three = tuple(timed(block, name) for block in blocks for name in swings)
    plan = replace(saved.plan, techniques={"conv2d": (*swings,)}, homes={"torch": "torch"}, baseline=base)
    wanted = wishes(replace(saved, plan=plan, records=three), phase(techniques=plan.techniques), 1)
    assert [wish.group for wish in wanted] == cases


def test_a_phase_ends_when_all_is_precise_or_has_its_most_turns(tmp_path):
    assert next_part(run(tmp_path / "a", {"tiny": 0.001, "small": 0.001}), phase(), 1) is None
    assert next_part(run(tmp_path / "b", {"tiny": 0.6, "small": 0.6}), phase(most=8), 1) is None


def test_what_is_not_compiled_predicted_or_failed_is_not_waited_for(tmp_path):
    saved = run(tmp_path, {"tiny": 0.6, "small": 0.6})
    (first, _) = wishes(saved, phase(least=9), 1, lambda op, technique, dtype: technique != "jit")
    assert first.techniques == ("naive",)
    assert first.width == math.inf
    jit = Contender("conv2d", "tiny", "float32", 1, "jit")
    failed = replace(saved, records=(*saved.records, kinds.Failure(jit, 0, "wrong")))
    assert {wish.techniques for wish in wishes(failed, phase(least=9), 1)} == {("naive",)}
    longer = kinds.Prediction(jit, 0, {"step": 50.0}, "flops^1.00 from small")
    predicted = replace(saved, records=(*saved.records, longer))
    assert [wish.techniques for wish in wishes(predicted, phase(least=9), 1)] == [
        ("naive",),
        ("naive", "jit"),
    ]


def test_what_was_predicted_is_measured_when_the_time_that_was_granted_suffices(tmp_path):
    jit = Contender("conv2d", "tiny", "float32", 1, "jit")
    saved = run(tmp_path, {"tiny": 0.1, "small": 0.1}, for_s=100.0, budget_s=2.0)
    eight_calls = kinds.Prediction(jit, 0, {"step": 2.25}, "one call, untimed rounds")
    saved = replace(saved, records=(*saved.records, eight_calls))
    assert saved.predicted() == {jit}
    more = replace(saved, records=(*saved.records, kinds.Granted(700.0)))
    assert more.granted_s == 800.0
    assert more.cell_s == 16.0
    assert more.predicted() == {jit}, "18 s for a cell, 16 s granted"
    assert replace(more, records=(*more.records, kinds.Granted(200.0))).predicted() == set()
    needs_memory = kinds.Prediction(jit, 0, {}, "it needs about 2 TiB of memory")
    assert replace(more, records=(*more.records, needs_memory)).predicted() == {jit}


def test_a_process_gets_no_more_than_fits_into_the_time_left(tmp_path):
    saved = run(tmp_path, {"tiny": 0.6, "small": 0.6})
    assert len(groups(next_part(saved, phase(), 1, left_s=60.0))) == 2
    assert len(groups(next_part(saved, phase(), 1, left_s=2.1))) == 1, (
        "one in any case; its turns end in time"
    )


def test_a_part_has_the_blocks_of_its_groups_and_techniques_alone(tmp_path):
    plan = run(tmp_path, {"tiny": 0.5, "small": 0.5}).plan
    part = Part((TINY,), ("conv2d/jit",), 2)
    blocks = list(plan.blocks(1, 7, part))
    assert {(b.cell.operation, b.cell.case, b.cell.dtype) for b in blocks} == {TINY}
    assert {(b.cell.technique, b.process, b.pass_) for b in blocks} == {("jit", 7, 0), ("jit", 7, 1)}
    assert len(blocks) == 2 * len(plan.directions)


def test_parts_and_granted_time_survive_their_records(tmp_path):
    saved = run(tmp_path, {"tiny": 0.5, "small": 0.5}, for_s=10.0)
    part = Part((TINY, SMALL), ("conv2d/jit",), 2)
    records.save(saved.folder, "part", [{"process": 4, "threads": 1, **asdict(part)}])
    records.save(saved.folder, "granted", [{"for_s": 5.0}])
    again = records.read(saved.folder)
    assert again.parts(1) == {0: None, 1: None, 2: None, 3: None, 4: part}
    assert again.granted_s == 15.0


# ------------------------------------------------------------------------------- the rule to stop, simulated


def drawn(shape, noise, rng, count):
    """Ratios to the true one, whose median is 1."""
    if shape == "normal":
        return 1 + noise * rng.normal(size=count)
    if shape == "lognormal":
        return np.exp(noise * rng.normal(size=count))
    slow = rng.random(count) < 0.25  # every fourth turn meets another program
    return np.exp(noise * (0.5 * rng.normal(size=count) + 3 * slow)) / np.exp(noise * 0.5 * 0.4307)


def stopped(saved, rule, shape, noise, rng):
    """The ratios of a contest of two that is measured until the rule ends it."""
    plan = saved.plan
    base, other = (Contender(*TINY[:2], "float32", 1, name) for name in ("naive", "jit"))
    found, ratios = [], []
    while part := next_part(replace(saved, records=tuple(found)), rule, 1):
        process = len(found) // (2 * part.passes)
        for turn, ratio in enumerate(drawn(shape, noise, rng, part.passes)):
            for who, seconds in ((base, 1.0), (other, 1 / ratio)):
                way = plan.directions[0]
                found.append(kinds.Timed(who, way, process, turn, 1, (seconds,), "same bits"))
            ratios.append(ratio)
    return ratios


@pytest.mark.parametrize("shape", ["normal", "lognormal", "bimodal"])
@pytest.mark.parametrize("noise", [0.03, 0.06])
def test_an_interval_holds_under_the_very_rule_that_stops_a_run(shape, noise, tmp_path, capsys):
    """The default run's phase: at least 12 turns, 6 a process, until ±5 %. T3: 92 to 98 % where n ≥ 10."""
    wanted = presets.make(BOTH, "quick", cases=("tiny",), dtypes=("float32",))
    wanted = replace(wanted, directions=("step",))
    saved = Run(tmp_path, wanted, {}, {}, 0.0, ())
    last = wanted.phases[-1]
    assert last.most > last.least == wanted.turns == 12
    rng, trials = np.random.default_rng(11), 500
    ended = [stopped(saved, replace(last, most=90), shape, noise, rng) for _ in range(trials)]
    held = [low <= 1 <= high for low, high in map(median_interval, ended)]
    lengths = [len(ratios) for ratios in ended]
    bias = np.mean([np.median(ratios) for ratios in ended]) - 1
    coverage = np.mean(held)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{shape}, noise {noise:.0%}: {np.median(lengths):.0f} turns, at most {max(lengths)},"
            f" coverage {coverage:.3f}, bias {bias:+.2%} "
        )
    assert len(set(lengths)) > 1 or noise < 0.05, "a rule that never waits shows nothing"
    assert 0.92 <= coverage <= 0.985
    assert abs(bias) < 0.01
