"""A network from words: `conv:16x3,relu,pool:2,fc:64,softmax`; its sizes, techniques and first weights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perflab import catalog, errors
from perflab.contract import Array, PerflabError
from perflab.learn.training.network import Layer, Network, relu_backward, relu_forward

IMAGE, CLASSES = (1, 8, 8), 10
MODELS: Mapping[str, str] = {"cnn": "conv,relu,pool,fc,softmax", "linear": "softmax"}
OPERATIONS = {
    "conv": "conv2d", "relu": "", "pool": "max_pool2d", "fc": "fully_connected", "softmax": "softmax_loss",
}  # fmt: skip
FASTEST_NAME = "fastest"
# The rungs that are fastest at a network's small shapes (batches of 32 digits of 8×8, one thread). Where a
# product takes some microseconds, the rungs that save passes over memory have nothing left to save.
FASTEST = {
    "conv2d": "vectorized", "max_pool2d": "simd", "fully_connected": "vectorized", "softmax_loss": "jit_exp",
}  # fmt: skip
FASTEST_IN_FLOAT64 = FASTEST | {"max_pool2d": "jit_parallel"}
INSTEAD = "vectorized"  # where an operation lacks a technique that others of the network have
DEFAULTS = {"conv": (16, 3), "pool": (2,), "fc": (64,)}
FORMS = {"conv": "conv:FILTERSxTAPS", "pool": "pool:WINDOW", "fc": "fc:NEURONS"}
LARGEST = 4096


@dataclass(frozen=True)
class Spec:
    """One layer, sized: `sizes` are its operation's axes without N, `shape` its output's."""

    name: str
    kind: str
    sizes: Mapping[str, int]
    shape: tuple[int, ...]
    weights: tuple[tuple[int, ...], ...] = ()
    settings: tuple[Any, ...] = ()

    @property
    def operation(self) -> str:
        """The operation behind it; empty for ReLU."""
        return OPERATIONS[self.kind]


def specs(words: str | Sequence[str]) -> list[Spec]:
    """The layers that the words name, each with its sizes.

    Raises PerflabError for an unknown layer, a size that is none, one that does not fit the layer before, and
    a chain that does not end in its one softmax.
    """
    named = [word.strip() for word in (words.split(",") if isinstance(words, str) else words)]
    kinds = [word.partition(":")[0] for word in named]
    for word, kind in zip(named, kinds, strict=True):
        if kind not in OPERATIONS:
            raise PerflabError(errors.unknown("layer", word or "''", OPERATIONS, kind))
    if kinds.count("softmax") != 1 or kinds[-1] != "softmax":
        raise PerflabError(f"{','.join(named)}: wanted one softmax, and that as the last layer")
    shape: tuple[int, ...] = IMAGE
    found: list[Spec] = []
    for at, (word, kind) in enumerate(zip(named, kinds, strict=True)):
        name = kind if kinds.count(kind) == 1 else f"{kind}{kinds[: at + 1].count(kind)}"
        found.append(_sized(name, word, kind, shape))
        shape = found[-1].shape
    return found


def _sized(name: str, word: str, kind: str, shape: tuple[int, ...]) -> Spec:
    given = _numbers(word, kind)
    if kind in ("conv", "pool") and len(shape) == 1:
        raise PerflabError(f"{word}: takes images, but the layer before gives rows of {shape[0]} numbers")
    if kind == "conv":
        (F, taps), (C, H, W) = given, shape
        pad = (taps // 2, taps // 2)
        sizes = {"C": C, "H": H, "W": W, "F": F, "HH": taps, "WW": taps}
        out = _derived(word, "conv2d", sizes, {"stride": (1, 1), "pad": pad})
        weights = ((F, C, taps, taps), (F,))
        return Spec(name, kind, sizes, (F, out["OH"], out["OW"]), weights, ((1, 1), pad))
    if kind == "pool":
        window, (C, H, W) = given[0], shape
        sizes, pair = {"C": C, "H": H, "W": W}, (window, window)
        out = _derived(word, "max_pool2d", sizes, {"size": pair, "stride": pair})
        return Spec(name, kind, sizes, (C, out["OH"], out["OW"]), (), (pair, pair))
    D = int(np.prod(shape))
    if kind == "fc":
        M = given[0]
        return Spec(name, kind, {"D": D, "M": M}, (M,), ((D, M), (M,)))
    if kind == "softmax":
        return Spec(name, kind, {"D": D, "C": CLASSES}, (CLASSES,), ((D, CLASSES),))
    return Spec(name, kind, {}, shape)


def _numbers(word: str, kind: str) -> tuple[int, ...]:
    _, colon, text = word.partition(":")
    if not colon:
        return DEFAULTS.get(kind, ())
    if kind not in FORMS:
        raise PerflabError(f"{word}: {kind} takes no size; wanted {kind}")
    found = re.findall(r"\d+", text, re.ASCII)
    if "x".join(found) != text or not 1 <= len(found) <= len(DEFAULTS[kind]):
        raise PerflabError(f"{word}: no size; wanted {FORMS[kind]}")
    numbers = tuple(int(one) if len(one) < 9 else LARGEST + 1 for one in found)
    if not all(1 <= number <= LARGEST for number in numbers):
        raise PerflabError(f"{word}: wanted sizes from 1 to {LARGEST}")
    return (*numbers, *DEFAULTS[kind][len(numbers) :])


def _derived(
    word: str, operation: str, sizes: Mapping[str, int], pairs: Mapping[str, Any]
) -> Mapping[str, int]:
    try:
        return catalog.operation(operation).derive({"N": 1, **sizes}, pairs)
    except ValueError as wrong:
        raise PerflabError(f"{word}: does not fit the layer before: {wrong}") from wrong


def techniques(
    layers: Sequence[Spec], technique: str, by_layer: Mapping[str, str] | None = None, dtype: str = "float32"
) -> tuple[dict[str, str], list[str]]:
    """Which technique each layer with an operation takes, and a line for each that takes another than asked.

    Raises PerflabError for a technique that no layer's operation has, and for a layer that there is none of.
    """
    operations = {spec.name: spec.operation for spec in layers if spec.operation}
    every = dict.fromkeys(name for op in operations.values() for name in _known(op))
    if technique not in every:
        raise PerflabError(errors.unknown("technique", technique, every))
    chosen, notes = {}, []
    for layer, op in operations.items():
        wanted = technique if technique in _known(op) else INSTEAD
        if wanted != technique:
            notes.append(f"{layer}: {op} has no {technique}; {wanted} instead")
        chosen[layer] = wanted
    for layer, wanted in (by_layer or {}).items():
        if layer not in operations:
            raise PerflabError(errors.unknown("layer with a technique", layer, operations))
        if wanted not in _known(operations[layer]):
            raise PerflabError(
                errors.unknown("technique", f"{layer}={wanted}", _known(operations[layer]), wanted)
            )
        chosen[layer] = wanted
    best = FASTEST_IN_FLOAT64 if dtype == "float64" else FASTEST
    resolved = {
        layer: best[operations[layer]] if name == FASTEST_NAME else name for layer, name in chosen.items()
    }
    return resolved, notes


def _known(operation: str) -> list[str]:
    """What may be asked for: the operation's own rungs. Outside code is not run in this process."""
    outside = catalog.outsiders(operation)
    return [FASTEST_NAME, *(name for name in catalog.techniques(operation) if name not in outside)]


def first_weights(layers: Sequence[Spec], seed: int) -> list[tuple[Array, ...]]:
    """He's: normal with variance 2 / inputs of a neuron, in float64; biases 0."""
    rng = np.random.default_rng(seed)
    found = []
    for spec in layers:
        drawn = []
        for shape in spec.weights:
            inputs = shape[0] if len(shape) == 2 else int(np.prod(shape[1:]))
            bias = len(shape) == 1
            drawn.append(np.zeros(shape) if bias else rng.standard_normal(shape) * np.sqrt(2.0 / inputs))
        found.append(tuple(drawn))
    return found


def build(layers: Sequence[Spec], chosen: Mapping[str, str], dtype: str, seed: int, reg: float) -> Network:
    """The network, each layer in its technique, with weights of its own."""
    built = []
    for spec, weights in zip(layers, first_weights(layers, seed), strict=True):
        forward: Any = relu_forward
        backward: Any = relu_backward
        if spec.operation:
            raw = catalog.raw(spec.operation, chosen[spec.name])
            forward, backward = raw.forward, raw.backward
        built.append(
            Layer(
                spec.name, forward, backward,
                weights=tuple(w.astype(dtype) for w in weights), settings=spec.settings,
                operation=spec.operation, technique=chosen.get(spec.name, ""),
                flat=spec.kind in ("fc", "softmax"), decays=tuple(w.ndim > 1 for w in weights),
            )
        )  # fmt: skip
    return Network(built, reg)
