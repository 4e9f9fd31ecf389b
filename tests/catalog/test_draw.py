"""Shapes drawn from the layers of networks: the table, what follows from a seed, that a rung is right."""

import pytest

from perflab import catalog, oracle
from perflab.catalog import draw, networks
from perflab.catalog.cases import costs
from perflab.catalog.inputs import output_sizes
from perflab.catalog.sizes import own_case, with_cases
from perflab.oracle.verdict import on_own_sizes
from perflab.records.drawn import is_common

OPERATIONS = draw.operations()
LAYERS = {layer.name: layer for layer in networks.layers()}
COUNT = 40
OUT = {  # the height of the output, as the papers' tables say it
    "LeNet-5 C1": 28, "AlexNet conv1": 55, "AlexNet in one tower conv2": 27, "VGG-16 conv3_2": 56,
    "GoogLeNet conv1": 112, "GoogLeNet 3a 5×5": 28, "Inception-v3 first 3×3": 149,
    "Inception-v3 fourth 3×3": 71, "Inception-v3 17×17, 1×7": 17, "ResNet-50 conv1": 112,
    "ResNet-50 conv3_1 projection": 28, "ResNet-18 conv5_1": 7, "DenseNet-121 block 3, 3×3": 14,
    "SqueezeNet conv1": 111, "U-Net level 2, second": 280, "MobileNetV2 first": 112,
}  # fmt: skip
POOLED = {
    "AlexNet pool1": 27, "AlexNet pool2": 13, "AlexNet pool5": 6, "VGG-16 pool5": 7,
    "SqueezeNet maxpool8": 13, "Inception-v3 pool1": 73, "Inception-v3 17×17 to 8×8": 8,
    "U-Net level 1 to 2": 284,
}  # fmt: skip

OF_ONE = [  # of the seed "one": the same on every machine and in every Python, as long as the table stays
    "N4-C96-H14-W14-F208-HH3-WW3-stride1-pad1", "N3-C66-H14-W32-F274-HH3-WW3-stride1-pad1",
    "N2-C256-H14-W14-F1024-HH1-WW1-stride1-pad0", "N30-C258-H15-W9-F119-HH1-WW1-stride1-pad0",
]  # fmt: skip


def heights(name):
    """The output's height of every layer of an operation, by the layer's name."""
    described = catalog.operation(name)
    layers = (layer for layer in networks.layers() if layer.operation == name)
    cases = {each.name: own_case(described, {"N": 1, **each.sizes, **each.parameters}) for each in layers}
    return {name: output_sizes(described, case)["OH"] for name, case in cases.items()}


def test_every_layer_has_a_source_and_sizes_that_its_operation_takes():
    assert set(OPERATIONS) == set(catalog.operations())
    assert len({layer.network for layer in networks.layers()}) >= 10
    for layer in networks.layers():
        assert layer.source
        case = own_case(catalog.operation(layer.operation), {"N": 1, **layer.sizes, **layer.parameters})
        assert {"N": 1, **layer.sizes} == case.sizes, "every axis but the batch's"
    names = [(layer.operation, layer.name) for layer in networks.layers()]
    assert len(names) == len({*names})


def test_outputs_are_as_large_as_the_networks_have_them():
    convolved, pooled = heights("conv2d"), heights("max_pool2d")
    assert {name: convolved[name] for name in OUT} == OUT
    assert {name: pooled[name] for name in POOLED} == POOLED


def test_what_cannot_be_computed_is_named_and_not_in_the_table():
    text = " ".join(networks.LEFT_OUT)
    assert "two groups" in text
    assert "depthwise" in text
    assert not {"AlexNet conv2", "AlexNet conv4", "AlexNet conv5"} & {*LAYERS}


def test_a_seed_draws_the_same_shapes_everywhere():
    names = [shape.case.name for shape in draw.draw("conv2d", 4, "one")]
    assert names == [shape.case.name for shape in draw.draw("conv2d", COUNT, "one")[:4]], "a part of more"
    assert names == OF_ONE
    assert [shape.case for shape in draw.draw("rnn", 9, "2")] != [s.case for s in draw.draw("rnn", 9, "3")]


@pytest.mark.parametrize("name", OPERATIONS)
def test_shapes_differ_fit_and_are_of_or_near_the_layer_that_they_name(name):
    described = catalog.operation(name)
    shapes = draw.draw(name, COUNT, "a seed")
    assert len({shape.case.name for shape in shapes}) == COUNT
    for shape in shapes:
        cost = costs(described, shape.case, "float32")["step"]
        assert cost.flops <= draw.MOST_FLOPS
        assert cost.bytes <= draw.MOST_BYTES
        layer = LAYERS.get(shape.origin.removeprefix("about "))
        like = [each for each in networks.layers() if each.operation == name and each.name == layer.name]
        sizes = {axis: size for axis, size in shape.case.sizes.items() if axis != "N"}
        for axis, size in sizes.items():
            assert like[0].sizes[axis] / 2 - 0.5 <= size <= like[0].sizes[axis] * 2 + 0.5
        assert {key: shape.case.parameters[key] for key in like[0].parameters} == like[0].parameters
        if shape.origin == like[0].name:
            assert sizes == like[0].sizes
    exact = [not shape.origin.startswith("about ") for shape in shapes]
    assert COUNT / 4 <= sum(exact) <= COUNT / 2, "one layer in one batch size is drawn once"
    batches = {shape.case.sizes["N"] for shape in shapes}
    assert len(batches) > 3
    assert any(size % 2 for size in batches)


def test_half_of_the_convolutions_have_the_common_kernel():
    shapes = [shape.case for shape in draw.draw("conv2d", COUNT, "kernels")]
    assert sum(is_common(case.sizes, case.parameters) for case in shapes) == COUNT / 2


def test_most_shapes_can_be_drawn():
    assert len(draw.draw("rnn", 500, "many")) == 500


def test_shapes_are_shared_with_one_for_each_operation_at_least():
    assert draw.shared(6, OPERATIONS) == dict.fromkeys(OPERATIONS, 1)
    for count in (7, 8, 23, 40, 500):
        numbers = draw.shared(count, OPERATIONS)
        assert sum(numbers.values()) == count
        assert max(numbers, key=numbers.__getitem__) == "conv2d"
    assert draw.shared(5, ["rnn"]) == {"rnn": 5}


@pytest.fixture
def _small(monkeypatch):
    """Shapes of which verification takes no time."""
    monkeypatch.setattr(draw, "MOST_FLOPS", 3e6)
    monkeypatch.setattr(draw, "MOST_BYTES", 1 << 20)
    draw._fitting.cache_clear()
    yield
    draw._fitting.cache_clear()


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_rung_is_right_on_small_shapes_that_are_drawn(name):
    described = catalog.operation(name)
    for shape in draw.draw(name, 3, "small"):
        sized = with_cases(described, [shape.case])
        for dtype in ("float32", "float64"):
            checks = on_own_sizes(sized, [shape.case])
            verdict = oracle.examine(sized, catalog.raw(name, "vectorized"), dtype, checks)
            assert verdict, f"{name} {dtype} on {shape.case.name}: {verdict.where}"
