"""The tree of a ladder: what it stands on, what is refused, and the order in which it is drawn."""

import pytest

from perflab.records import tree

SINCE = {
    "naive": "",
    "per_neuron": "naive",
    "vectorized": "per_neuron",
    "one_product": "vectorized",
    "shift_and_add": "vectorized",
    "jit": "naive",
    "simd": "jit",
}


def test_a_tree_without_some_techniques_stands_on_the_nearest_that_are_left():
    assert tree.within(SINCE, ["naive", "vectorized", "simd", "mine"]) == {
        "naive": "",
        "vectorized": "naive",
        "simd": "naive",
        "mine": "",
    }
    assert list(tree.ancestors(SINCE, "simd")) == ["jit", "naive"]
    assert tree.linear(["a", "b", "c"]) == {"a": "", "b": "a", "c": "b"}


@pytest.mark.parametrize(
    ("since", "words"),
    [
        ({"a": "b", "b": ""}, "a stands on b, which does not come before it"),
        ({"a": "", "b": "b"}, "b stands on b"),
        ({"a": "", "b": "c"}, "b stands on c"),
        ({"a": "", "b": ""}, "b stands on none, as a does"),
        (tree.linear(map(str, range(tree.MOST_DEEP + 2))), "stands on more than"),
    ],
)
def test_what_is_no_tree_is_named(since, words):
    assert words in tree.fault(since)
    assert not tree.fault(SINCE)
    assert not tree.fault({})


def test_a_drawing_goes_branch_by_branch_and_a_twig_comes_before_what_continues():
    drawn = [(node.technique, node.branch, node.step, node.lane) for node in tree.nodes(SINCE)]
    assert drawn == [
        ("naive", 0, 0, 0),
        ("per_neuron", 1, 0, 1),
        ("vectorized", 1, 1, 1),
        ("shift_and_add", 2, 0, 2),
        ("one_product", 1, 2, 1),
        ("jit", 3, 0, 1),
        ("simd", 3, 1, 1),
    ]


def test_a_technique_set_apart_continues_no_branch():
    nodes = {node.technique: node for node in tree.nodes({**SINCE, "mine": "simd"}, apart=("mine",))}
    assert nodes["mine"].branch not in {node.branch for name, node in nodes.items() if name != "mine"}
    assert nodes["mine"].lane == nodes["simd"].lane + 1
