"""A network: layers chained by their forward/backward pairs, trained by back-propagation.

A layer passes its output to the next one and keeps what its own backward needs. Backward, each layer takes
the gradient of the loss by its output. It returns the gradient by its input, for the layer before, and the
gradients by its weights, which are updated: W ← W − α·dW.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from perflab.contract import Array, Implementation


@dataclass(frozen=True)
class Layer:
    """One layer: an implementation and its weights.

    forward(x, *weights, *settings) -> (out, cache);  backward(dout, cache) -> (dx, *gradients of weights).
    A `flat` layer takes each image as one row.
    """

    name: str
    implementation: Implementation
    weights: tuple[Array, ...]
    settings: tuple[Any, ...]
    flat: bool

    def arguments(self, x: Array, *further: Any) -> tuple[Any, ...]:
        """All arguments of forward for the output x (N, …) of the layer before."""
        return x.reshape(len(x), -1) if self.flat else x, *self.weights, *self.settings, *further


@dataclass(frozen=True)
class Call:
    """One layer's part in a step: its arguments, upstream gradient, output, gradients, and the seconds."""

    args: tuple[Any, ...]
    dout: Any
    out: Any
    gradients: tuple[Array, ...]
    forward_s: float
    backward_s: float


def relu_forward(x: Array) -> tuple[Array, Array]:
    """An array of any shape -> max(x, 0), and x as the cache. NaN stays NaN."""
    return np.maximum(x, 0), x


def relu_backward(dout: Array, x: Array) -> tuple[Array]:
    """The upstream gradient where the input was above 0, zero elsewhere."""
    return (dout * (x > 0),)


RELU = Implementation("", "", relu_forward, relu_backward)  # no operation of perflab


class Network:
    """Layers in order; the last one is a loss of the rows before it and of the labels."""

    def __init__(self, layers: Sequence[Layer], reg: float = 0.0) -> None:
        """`reg` adds ½·reg·ΣW² for all weights but biases; the loss layer adds its own."""
        self.every = list(layers)  # the loss last
        *self.layers, self.last = layers
        self.reg = reg

    def step(self, x: Array, y: Array) -> tuple[float, list[Call]]:
        """The loss of a batch, x (N, …) with labels y (N,), and each layer's call, gradients included."""
        dtype = self.last.weights[0].dtype.type
        forwards: list[tuple[Any, ...]] = []
        for layer in self.every:
            shape, args = x.shape, layer.arguments(x, *((y, dtype(self.reg)) if layer is self.last else ()))
            began = perf_counter()
            out, cache = layer.implementation.forward(*args)
            forwards.append((layer, shape, args, out, cache, perf_counter() - began))
            x = out
        dout: Any = dtype(1.0)
        calls: list[Call] = []
        for layer, shape, args, out, cache, forward_s in reversed(forwards):
            began = perf_counter()
            dx, *gradients = layer.implementation.backward(dout, cache)
            backward_s = perf_counter() - began
            calls.append(Call(args, dout, out, (dx, *gradients), forward_s, backward_s))
            dout = dx.reshape(shape)
        return float(x) + self._decay(), calls[::-1]

    def gradients(self, calls: Sequence[Call]) -> list[tuple[Array, ...]]:
        """The gradients of each layer's weights after a step, with that of the regularisation."""
        by_layer = []
        for layer, call in zip(self.every, calls, strict=True):
            gradients = call.gradients[1:]
            if self.reg and layer is not self.last:
                pairs = zip(gradients, layer.weights, strict=True)
                gradients = tuple(g + g.dtype.type(self.reg) * w if w.ndim > 1 else g for g, w in pairs)
            by_layer.append(gradients)
        return by_layer

    def descend(self, calls: Sequence[Call], rate: float) -> None:
        """W ← W − α·dW, in place."""
        for layer, gradients in zip(self.every, self.gradients(calls), strict=True):
            for w, gradient in zip(layer.weights, gradients, strict=True):
                w -= w.dtype.type(rate) * gradient

    def scores(self, x: Array) -> Array:
        """The classes' scores (N, C) of x (N, …)."""
        for layer in self.layers:
            x, _ = layer.implementation.forward(*layer.arguments(x))
        return np.asarray(x.reshape(len(x), -1) @ self.last.weights[0])

    def _decay(self) -> float:
        """½·reg·ΣW² over the layers before the loss."""
        if not self.reg:
            return 0.0
        weights = (w for layer in self.layers for w in layer.weights if w.ndim > 1)
        return 0.5 * self.reg * sum(float((w * w).sum()) for w in weights)
