"""A network from words: `conv:16x3,relu,pool:2,fc:64,softmax`; its sizes, techniques and first weights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perflab import catalog, errors
from perflab.contract import Array, PerflabError
from perflab.learn.training.network import RELU, Layer, Network

IMAGE, CLASSES = (1, 8, 8), 10
MODELS: Mapping[str, str] = {"cnn": "conv,relu,pool,fc,softmax", "linear": "softmax"}
OPERATIONS = {
    "conv": "conv2d", "relu": "", "pool": "max_pool2d", "fc": "fully_connected", "softmax": "softmax_loss",
}  # fmt: skip
FASTEST_NAME = "fastest"
# The fastest rungs at a network's small shapes (batches of 32 digits of 8×8, one thread). A product of some
# microseconds stays in the cache, so rungs that avoid memory traffic gain nothing.
FASTEST = {
    "conv2d": "vectorized", "max_pool2d": "simd", "fully_connected": "vectorized", "softmax_loss": "jit_exp",
}  # fmt: skip
FASTEST_IN_FLOAT64 = FASTEST | {"max_pool2d": "jit_parallel"}
INSTEAD = "vectorized"  # where an operation lacks a technique that other operations of the network have
DEFAULTS = {"conv": (16, 3), "pool": (2,), "fc": (64,)}
FORMS = {"conv": "conv:FILTERSxTAPS", "pool": "pool:WINDOW", "fc": "fc:NEURONS"}
LARGEST = 4096


@dataclass(frozen=True)
class Spec:
    """One layer with its sizes: `sizes` are its operation's axes without N, `shape` its output's axes."""

    name: str
    kind: str
    sizes: Mapping[str, int]
    shape: tuple[int, ...]
    weights: tuple[tuple[int, ...], ...] = ()
    settings: tuple[Any, ...] = ()

    @property
    def operation(self) -> str:
        """The layer's operation; empty for ReLU."""
        return OPERATIONS[self.kind]


def specs(text: str) -> list[Spec]:
    """The layers of a comma-separated list, each with its sizes.

    Raises PerflabError for an unknown layer, a wrong size, a size that does not fit the layer before, and a
    chain that does not end in its only softmax.
    """
    words = [word.strip() for word in text.split(",")]
    kinds = [word.partition(":")[0] for word in words]
    for word, kind in zip(words, kinds, strict=True):
        if kind not in OPERATIONS:
            raise PerflabError(errors.unknown("layer", word or "''", OPERATIONS, kind))
    if kinds.count("softmax") != 1 or kinds[-1] != "softmax":
        raise PerflabError(f"{','.join(words)}: wanted one softmax, and that as the last layer")
    shape: tuple[int, ...] = IMAGE
    layers: list[Spec] = []
    for at, (word, kind) in enumerate(zip(words, kinds, strict=True)):
        name = kind if kinds.count(kind) == 1 else f"{kind}{kinds[: at + 1].count(kind)}"
        layers.append(_sized(name, word, kind, shape))
        shape = layers[-1].shape
    return layers


def _sized(name: str, word: str, kind: str, shape: tuple[int, ...]) -> Spec:
    given = _numbers(word, kind)
    if kind in ("conv", "pool"):
        if len(shape) == 1:
            raise PerflabError(f"{word}: takes images, but the layer before gives rows of {shape[0]} numbers")
        C, H, W = shape
        sizes = {"C": C, "H": H, "W": W}
        weights: tuple[tuple[int, ...], ...] = ()
        if kind == "conv":
            F, taps = given
            sizes |= {"F": F, "HH": taps, "WW": taps}
            pairs = {"stride": (1, 1), "pad": (taps // 2, taps // 2)}
            weights = ((F, C, taps, taps), (F,))
        else:
            pairs = {"size": (given[0], given[0]), "stride": (given[0], given[0])}
        try:
            out = catalog.operation(OPERATIONS[kind]).derive({"N": 1, **sizes}, pairs)
        except ValueError as wrong:
            raise PerflabError(f"{word}: does not fit the layer before: {wrong}") from wrong
        output = (sizes.get("F", C), out["OH"], out["OW"])
        return Spec(name, kind, sizes, output, weights, tuple(pairs.values()))
    D = int(np.prod(shape))
    if kind == "fc":
        (M,) = given
        return Spec(name, kind, {"D": D, "M": M}, (M,), ((D, M), (M,)))
    if kind == "softmax":
        return Spec(name, kind, {"D": D, "C": CLASSES}, (CLASSES,), ((D, CLASSES),))
    return Spec(name, kind, {}, shape)


def _numbers(word: str, kind: str) -> tuple[int, ...]:
    """The sizes in a layer's word, with defaults for those that it leaves out."""
    _, colon, text = word.partition(":")
    if not colon:
        return DEFAULTS.get(kind, ())
    if kind not in FORMS:
        raise PerflabError(f"{word}: {kind} takes no size; wanted {kind}")
    parts = re.findall(r"\d+", text, re.ASCII)
    if "x".join(parts) != text or not 1 <= len(parts) <= len(DEFAULTS[kind]):
        raise PerflabError(f"{word}: no size; wanted {FORMS[kind]}")
    numbers = tuple(int(part) if len(part) < 9 else LARGEST + 1 for part in parts)
    if not all(1 <= number <= LARGEST for number in numbers):
        raise PerflabError(f"{word}: wanted sizes from 1 to {LARGEST}")
    return (*numbers, *DEFAULTS[kind][len(numbers) :])


def techniques(
    layers: Sequence[Spec], technique: str, by_layer: Mapping[str, str] | None = None, dtype: str = "float32"
) -> tuple[dict[str, str], list[str]]:
    """The technique of each layer that has an operation, and a line for each that takes another than asked.

    Raises PerflabError for a technique that no layer's operation has, and for an unknown layer.
    """
    operations = {spec.name: spec.operation for spec in layers if spec.operation}
    known = {  # the operation's own: outside code does not run in this process
        layer: [FASTEST_NAME, *(t for t in catalog.techniques(op) if t not in catalog.outsiders(op))]
        for layer, op in operations.items()
    }
    every = dict.fromkeys(name for names in known.values() for name in names)
    if technique not in every:
        raise PerflabError(errors.unknown("technique", technique, every))
    chosen = {layer: technique if technique in names else INSTEAD for layer, names in known.items()}
    notes = [f"{layer}: {operations[layer]} has no {technique}; {name} instead"
             for layer, name in chosen.items() if name != technique]  # fmt: skip
    for layer, name in (by_layer or {}).items():
        if layer not in operations:
            raise PerflabError(errors.unknown("layer with a technique", layer, operations))
        if name not in known[layer]:
            raise PerflabError(errors.unknown("technique", f"{layer}={name}", known[layer], name))
        chosen[layer] = name
    best = FASTEST_IN_FLOAT64 if dtype == "float64" else FASTEST
    fastest = {layer: best[operations[layer]] for layer, name in chosen.items() if name == FASTEST_NAME}
    return chosen | fastest, notes


def build(layers: Sequence[Spec], chosen: Mapping[str, str], dtype: str, seed: int, reg: float) -> Network:
    """The network, each layer in its chosen technique, with newly drawn weights."""
    rng = np.random.default_rng(seed)
    built = []
    for spec in layers:
        implementation = catalog.raw(spec.operation, chosen[spec.name]) if spec.operation else RELU
        weights = tuple(_first_weights(rng, shape).astype(dtype) for shape in spec.weights)
        flat = spec.kind in ("fc", "softmax")
        built.append(Layer(spec.name, implementation, weights, spec.settings, flat))
    return Network(built, reg)


def _first_weights(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """He initialisation: normal with variance 2 / inputs of a neuron, in float64; biases 0."""
    if len(shape) == 1:
        return np.zeros(shape)
    inputs = shape[0] if len(shape) == 2 else int(np.prod(shape[1:]))
    return np.asarray(rng.standard_normal(shape) * np.sqrt(2.0 / inputs))
