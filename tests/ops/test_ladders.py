"""The ladder of every operation is a tree, told on cases that exist."""

import pytest

import perflab
from perflab.catalog import installed
from perflab.catalog.cases import costs
from perflab.catalog.find import folder
from perflab.catalog.inputs import pairs
from perflab.contract import FIRST_RUNGS
from perflab.records import tree

every_operation = pytest.mark.parametrize("name", perflab.operations())


@every_operation
def test_every_technique_has_its_place_in_a_tree_whose_root_is_naive(name):
    described = perflab.operation(name)
    assert not tree.fault(described.since)
    assert tuple(described.since) == described.ladder  # so the ladder's order is topological
    assert set(described.ladder) == set(installed.rungs(folder(name)))
    assert [rung for rung, below in described.since.items() if not below] == ["naive"]
    first = {rung: described.since[rung] for rung in FIRST_RUNGS}
    assert first == {"naive": "", "per_neuron": "naive", "vectorized": "per_neuron", "jit": "naive"}


@every_operation
def test_the_cases_of_the_story_exist_and_the_study_case_is_much_larger(name):
    described = perflab.operation(name)
    work = {}
    for case in (described.study_case, described.small_case):
        chosen = described.case(case)
        assert described.derive(chosen.sizes, pairs(described, chosen))
        assert chosen.inputs == "normal"
        work[case] = costs(described, chosen, "float32")["step"].flops
    assert work[described.study_case] > 10 * work[described.small_case]
