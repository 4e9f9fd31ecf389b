"""A network: layers chained by their forward/backward pairs, the loss's gradient carried back through them.

A layer hands its output to the next one, and keeps what its own backward needs. Back, each layer takes the
gradient of the loss by its output and gives those by its input, which goes on to the layer before, and by its
weights, which move against it: W ← W − α·dW.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from perflab.contract import Array


@dataclass(frozen=True)
class Layer:
    """One layer: a pair of functions and the weights that it learns.

    forward(x, *weights, *settings) -> (out, cache);  backward(dout, cache) -> (dx, *gradients of weights).
    `operation` and `technique` are empty where it is none of perflab's. A `flat` one takes rows: images
    become a row each. `decays` says which weights the regularisation holds small: all but biases.
    """

    name: str
    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[[Any, Any], tuple[Array, ...]]
    weights: tuple[Array, ...] = ()
    settings: tuple[Any, ...] = ()
    operation: str = ""
    technique: str = ""
    flat: bool = False
    decays: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Call:
    """What one layer did in a step: its inputs, its upstream gradient, what it gave, and the seconds."""

    args: tuple[Any, ...]
    dout: Any
    out: Any
    gradients: tuple[Array, ...]
    forward_s: float
    backward_s: float


def relu_forward(x: Array) -> tuple[Array, Array]:
    """Numbers of any shape -> max(x, 0), and x for the way back. NaN stays NaN."""
    return np.maximum(x, 0), x


def relu_backward(dout: Array, x: Array) -> tuple[Array]:
    """The gradient passes where the input was above 0, and nowhere else."""
    return (dout * (x > 0),)


class Network:
    """Layers in order, the last of them a loss of the rows before it and of the labels."""

    def __init__(self, layers: Sequence[Layer], reg: float = 0.0) -> None:
        """`reg` adds ½·reg·ΣW² for every weight that decays, the loss layer's by itself."""
        *self.layers, self.last = layers
        self.reg = reg

    @property
    def every(self) -> list[Layer]:
        """All layers, the loss last."""
        return [*self.layers, self.last]

    def step(self, x: Array, y: Array) -> tuple[float, list[Call]]:
        """The loss of a batch, x (N, …) with labels y (N,), and what each layer did, gradients included."""
        calls: list[Any] = []
        for layer in self.layers:
            x, call = _ahead(layer, x, layer.settings)
            calls.append(call)
        dtype = self.last.weights[0].dtype.type
        loss, call = _ahead(self.last, x, (y, dtype(self.reg)))
        calls.append(call)
        dout: Any = dtype(1.0)
        done: list[Call] = []
        for layer, (shape, args, out, cache, forward_s) in zip(self.every[::-1], calls[::-1], strict=True):
            began = perf_counter()
            dx, *gradients = layer.backward(dout, cache)
            ended = perf_counter()
            done.append(Call(args, dout, out, (dx, *gradients), forward_s, ended - began))
            dout = dx.reshape(shape)
        return float(loss) + self._decay(), done[::-1]

    def gradients(self, calls: Sequence[Call]) -> list[tuple[Array, ...]]:
        """The gradients of each layer's weights after a step, with that of the regularisation."""
        found = []
        for layer, call in zip(self.every, calls, strict=True):
            own = call.gradients[1:]
            if self.reg and layer is not self.last:
                held = zip(own, layer.weights, layer.decays, strict=True)
                own = tuple(g + g.dtype.type(self.reg) * w if decays else g for g, w, decays in held)
            found.append(own)
        return found

    def descend(self, calls: Sequence[Call], rate: float) -> None:
        """W ← W − α·dW, in place."""
        for layer, gradients in zip(self.every, self.gradients(calls), strict=True):
            for w, gradient in zip(layer.weights, gradients, strict=True):
                w -= w.dtype.type(rate) * gradient

    def scores(self, x: Array) -> Array:
        """The classes' scores (N, C) of x (N, …)."""
        for layer in self.layers:
            x, _ = _ahead(layer, x, layer.settings)
        return np.asarray(x.reshape(len(x), -1) @ self.last.weights[0])

    def _decay(self) -> float:
        if not self.reg:
            return 0.0
        return 0.5 * self.reg * sum(
            float((w * w).sum())
            for layer in self.layers
            for w, decays in zip(layer.weights, layer.decays, strict=True)
            if decays
        )  # fmt: skip


def _ahead(layer: Layer, x: Array, settings: tuple[Any, ...]) -> tuple[Any, Any]:
    """One layer forward: its output; its input's shape, its arguments, its output, its cache, the seconds."""
    shape = x.shape
    args = (x.reshape(len(x), -1) if layer.flat else x, *layer.weights, *settings)
    began = perf_counter()
    out, cache = layer.forward(*args)
    return out, (shape, args, out, cache, perf_counter() - began)
