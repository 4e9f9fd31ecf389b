"""Shapes of the layers of public networks, and at random about them: a contest that nobody can tune to.

What is drawn follows from the seed and from this file and its table alone: neither from NumPy nor from the
machine, and of Python's generator only `random()` is used, which gives the same in every version.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from perflab.catalog import networks
from perflab.catalog.cases import costs
from perflab.catalog.find import operation
from perflab.catalog.networks import Layer
from perflab.catalog.sizes import own_case
from perflab.contract import Case, Operation, PerflabError
from perflab.records.drawn import is_common

MOST_FLOPS = 12e9  # of a step: 0.2 s on a core that reaches 60 GFLOP/s
MOST_BYTES = 256 << 20  # of the inputs and outputs of a step in float32
SAMPLES = {"conv2d": 128, "max_pool2d": 128, "rnn": 128}  # in a batch, at most
SAMPLES_ELSE = 1024
KEPT = ("HH", "WW")  # a layer's kernel, with its stride and pad, stays as it is
FARTHEST = 2.0  # the other axes are scaled by at most so much, up or down
WEIGHTS = {"conv2d": 5}  # for its share of the shapes; 1 of each other operation
Draw = Callable[[], float]  # a number from 0 to 1
T = TypeVar("T")


@dataclass(frozen=True)
class Shape:
    """A drawn case, and the layer that it is of, or about."""

    case: Case
    origin: str


def operations() -> tuple[str, ...]:
    """The operations that have layers in the table."""
    return tuple(dict.fromkeys(layer.operation for layer in networks.layers()))


def shared(count: int, names: Sequence[str]) -> dict[str, int]:
    """So many shapes shared over operations, at least one each, most to conv2d.

    >>> shared(40, operations())["conv2d"], shared(40, operations())["rnn"], shared(2, ["rnn", "conv2d"])
    (20, 4, {'rnn': 1, 'conv2d': 1})
    """
    numbers = dict.fromkeys(names, 1)
    for _ in range(count - len(names)):  # the next one to that which has least for its weight
        numbers[max(names, key=lambda name: WEIGHTS.get(name, 1) / (numbers[name] + 0.5))] += 1
    return numbers


def draw(name: str, count: int, seed: str) -> tuple[Shape, ...]:
    """So many different shapes of an operation: every second one of a layer as it is, the others about one.

    Half of those of conv2d have a kernel of 3×3 and stride 1, as most of a network's arithmetic has. Batch
    sizes are drawn too. The shapes of a smaller count are the first of a larger one.
    """
    described, number = operation(name), random.Random(f"{seed} {name}").random
    drawn: dict[str, Shape] = {}
    while len(drawn) < count:
        pair, second = divmod(len(drawn), 2)
        kind = pair % len(_kinds(name))
        shape = (_about if second else _of)(described, kind, number)
        if shape.case.name in drawn:  # small layers have few batch sizes
            shape = _about(described, kind, number)
        drawn.setdefault(shape.case.name, shape)
    return tuple(drawn.values())


def _of(described: Operation, kind: int, number: Draw) -> Shape:
    """A layer of the table, its batch a power of two."""
    layer, batches = _pick(_fitting(described.name, kind), number)
    return Shape(_case(described, layer, layer.sizes, _pick(batches, number)), layer.name)


def _about(described: Operation, kind: int, number: Draw) -> Shape:
    """A shape near a layer of the table: each axis is scaled by itself, so that most sizes are odd ones.

    A layer too large for a step may be the one that it is about.
    """
    while True:
        layer = _pick(_kinds(described.name)[kind], number)
        sizes = {
            axis: size if axis in KEPT else max(1, round(size * FARTHEST ** (2 * number() - 1)))
            for axis, size in layer.sizes.items()
        }
        most = max(_batches(described, layer, sizes), default=0)
        share = number()
        if most:
            return Shape(_case(described, layer, sizes, round(most**share)), f"about {layer.name}")


def _pick(choices: Sequence[T], number: Draw) -> T:
    """One of these, each as likely."""
    return choices[int(number() * len(choices))]


@cache
def _kinds(name: str) -> tuple[tuple[Layer, ...], ...]:
    """The layers of an operation, in groups that have equal shares of the shapes."""
    layers = [layer for layer in networks.layers() if layer.operation == name]
    if name != "conv2d":
        return (tuple(layers),)
    common = tuple(layer for layer in layers if is_common(layer.sizes, layer.parameters))
    return common, tuple(layer for layer in layers if layer not in common)


@cache
def _fitting(name: str, kind: int) -> tuple[tuple[Layer, tuple[int, ...]], ...]:
    """The layers of a group of which at least one sample fits, each with its batch sizes."""
    described = operation(name)
    batches = ((layer, _batches(described, layer, layer.sizes)) for layer in _kinds(name)[kind])
    return tuple((layer, some) for layer, some in batches if some)


def _batches(described: Operation, layer: Layer, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The powers of two that a batch of these sizes may have; none where the kernel does not fit."""
    found: list[int] = []
    samples = 1
    while samples <= SAMPLES.get(described.name, SAMPLES_ELSE):
        try:
            cost = costs(described, _case(described, layer, sizes, samples), "float32")["step"]
        except PerflabError:
            break
        if cost.flops > MOST_FLOPS or cost.bytes > MOST_BYTES:
            break
        found.append(samples)
        samples *= 2
    return tuple(found)


def _case(described: Operation, layer: Layer, sizes: Mapping[str, int], samples: int) -> Case:
    return own_case(described, {"N": samples, **sizes, **layer.parameters})
