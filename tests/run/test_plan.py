"""Plans: what is measured, in which order, and how it is named."""

from collections import Counter
from dataclasses import asdict

import pytest

from perflab.catalog.find import operation, targets, techniques
from perflab.contract import PerflabError
from perflab.records import Block, Plan, typed
from perflab.run import presets


def test_every_cell_is_met_once_in_every_pass_of_every_process():
    plan = presets.make(targets([]), "quick")
    met = [block for process in range(plan.processes) for block in plan.blocks(1, process)]
    assert len(met) == len(set(met)) == plan.size
    per_cell = Counter(block.cell for block in met)
    assert set(per_cell.values()) == {plan.processes * plan.passes}


def test_an_interval_is_within_reach_of_every_preset():
    for name, preset in presets.PRESETS.items():
        if name in (presets.WATCH_PRESET, presets.CLIMB_PRESET):  # an answer in seconds
            continue
        assert preset.processes * preset.passes >= 6, name
        assert preset.processes >= 2, name


@pytest.mark.parametrize("count", [3, 4])
def test_contenders_follow_one_another_and_each_pass_begins_with_another(count):
    names = ("naive", "per_neuron", "vectorized", "jit")[:count]
    plan = presets.make({"conv2d": names}, "quick", cases=("tiny",))
    order = [b for process in range(plan.processes) for b in plan.blocks(1, process)]
    turns = {}
    for block in order:
        key = (block.cell.dtype, block.cell.direction, block.process, block.pass_)
        turns.setdefault(key, []).append(block.cell.technique)
    assert all(sorted(each) == sorted(names) for each in turns.values())
    for direction in plan.directions:
        firsts = [
            each[0] for (dtype, way, *_), each in turns.items() if way == direction and dtype == "float32"
        ]
        for at in range(len(firsts) - count + 1):
            assert set(firsts[at : at + count]) == set(names), "each contender opens one of so many passes"


def test_names_of_blocks_are_short_strings_that_read_back():
    for block in presets.make(targets([]), "smoke").blocks(1, 1):
        assert Block.parse(block.name) == block


def test_a_plan_survives_json():
    plan = presets.make(targets(["conv2d"]), "full", dtypes=("float64",), threads=(1, 2))
    assert typed.read(Plan, asdict(plan)) == plan


def test_an_operation_without_the_case_is_left_out_and_an_unknown_case_refused():
    with pytest.raises(PerflabError, match="did you mean digits"):
        presets.make(targets([]), "quick", cases=("digitz",))


def test_targets_name_operations_and_techniques_in_ladder_order():
    assert targets(["conv2d/jit", "conv2d/naive", "max_pool2d"]) == {
        "conv2d": ("naive", "jit"),
        "max_pool2d": techniques("max_pool2d"),
    }


def test_further_rungs_are_measured_on_the_largest_cases_unless_they_are_named():
    plan = presets.make({"conv2d": ("naive", "one_product")}, "quick")
    assert plan.contenders("conv2d", "tiny") == ("naive",)
    assert plan.contenders("conv2d", "large") == ("naive", "one_product")
    assert plan.size == len(list(blocks_of(plan)))
    named = presets.make({"conv2d": ("naive", "one_product")}, "quick", named=("conv2d/one_product",))
    assert named.contenders("conv2d", "tiny") == ("naive", "one_product")
    chosen = presets.make({"conv2d": ("naive", "one_product")}, "quick", cases=("tiny",))
    assert chosen.contenders("conv2d", "tiny") == ("naive", "one_product")
    assert typed.read(Plan, asdict(plan)) == plan


def test_the_contest_takes_its_own_cases_and_leaves_the_plain_loops_out():
    plan = presets.make(targets(["conv2d"]), "peers")
    assert plan.cases["conv2d"] == tuple(operation("conv2d").contest)
    assert not {"naive", "per_neuron", "jit"} & set(plan.techniques["conv2d"])
    named = presets.make(targets(["conv2d/jit"]), "peers", named=("conv2d/jit",))
    assert named.techniques["conv2d"] == ("jit",)
    assert "c64" not in presets.make(targets(["conv2d"]), "full").cases["conv2d"]
    assert presets.make(targets(["conv2d"]), "quick", cases=("c64",)).cases["conv2d"] == ("c64",)


def test_only_the_smallest_explain_nothing():
    silent = {name for name, preset in presets.PRESETS.items() if not preset.explain}
    assert silent == {"smoke", presets.WATCH_PRESET, presets.GRADE_PRESET, presets.CLIMB_PRESET}


def blocks_of(plan):
    return [b for process in range(plan.processes) for b in plan.blocks(1, process)]
