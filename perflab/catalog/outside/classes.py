"""Layers as classes: __init__(W, b, …), forward(x), backward(dout) -> dx, gradients kept in the object.

    Affine(W, b)                          Convolution(W, b, stride, pad)
    Pooling(pool_h, pool_w, stride)       SoftmaxWithLoss(): forward(x, t) -> loss, backward(dout=1) -> dx

dW and db are attributes, or stand in a dictionary or a list named grads or gradients. An object is made for
each forward and is the cache of the pair; what it has of gradients is put back before each backward.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perflab.catalog.outside import losses, unwritten
from perflab.catalog.outside.calls import accepts, call, number
from perflab.contract import Implementation, WrongForm

NAMES = {
    "fully_connected": r"affine|linear|dense|fullyconnected|fc|innerproduct",
    "conv2d": r"conv|convolution|convolutional|conv2d|convolution2d",
    "max_pool2d": r"pool|pooling|maxpool|maxpooling|maxpool2d|maxpooling2d|pooling2d",
    "softmax_loss": r"softmax(with|cross)?(entropy)?loss|softmaxcrossentropy",
}
SUFFIX = r"(?:layer|_layer|_naive)?"
WEIGHTS, BIAS = ("w", "weight", "weights"), ("b", "bias", "biases")
GRADIENTS = ("grads", "gradients", "grad", "dparams")


def implementations(names: Mapping[str, Any], path: Path) -> tuple[Implementation, ...]:
    """Every class among a module's names that is one of these layers."""
    found = [_read(cls, operation, path) for cls, operation in _layers(names)]
    return tuple(each for each in found if each is not None)


def others(names: Mapping[str, Any], path: Path) -> Iterator[str]:
    """The layers among a module's classes that cannot be read, and why."""
    for cls, operation in _layers(names):
        if _read(cls, operation, path) is None:
            wanted = "the window and its stride" if operation == "max_pool2d" else "W and b"
            yield f"{cls.__name__} (its __init__ does not take {wanted})"


def _layers(names: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    for value in names.values():
        if inspect.isclass(value) and all(callable(getattr(value, n, None)) for n in ("forward", "backward")):
            plain = value.__name__.lower()
            for operation, pattern in NAMES.items():
                if re.fullmatch(f"(?:{pattern}){SUFFIX}", plain):
                    yield value, operation


def _read(cls: Any, operation: str, path: Path) -> Implementation | None:
    parameters = [name.lower() for name in _parameters(cls)]
    if operation == "softmax_loss":
        pair = _loss(cls) if accepts(cls, 0) and accepts(cls.forward, 3) else None
    elif operation == "max_pool2d":
        pair = _pool(cls, parameters)
    else:
        is_plain = parameters[:1] and parameters[0] in WEIGHTS and parameters[1:2] and parameters[1] in BIAS
        pair = _weighted(cls, parameters, operation) if is_plain else None
    if pair is None:
        return None
    notes = ["an object is made for each forward; its gradients are read from it"]
    if operation == "softmax_loss":
        notes = ["the products with W, and the regularisation, are perflab's"]
    return Implementation(
        operation, f"{path.stem}.{cls.__name__}", *pair, str(path.resolve()), f"class {cls.__name__}",
        unwritten=unwritten.still_to_write(cls.forward, cls.backward), notes=tuple(notes),
    )  # fmt: skip


def _parameters(cls: Any) -> list[str]:
    try:
        return list(inspect.signature(cls).parameters)
    except (TypeError, ValueError):
        return []


Pair = tuple[Callable[..., Any], Callable[..., Any]]


def _loss(cls: Any) -> Pair:
    def loss(x: Any, y: Any) -> tuple[Any, Any]:
        layer = cls()
        value = layer.forward(x, y)
        return value, layer.backward(1)

    loss.__name__ = cls.__name__
    return losses.of_scores(loss)


def _pool(cls: Any, parameters: list[str]) -> Pair | None:
    by_name = {name.lower(): name for name in _parameters(cls)}
    step = by_name.get("stride") or by_name.get("strides")
    high = next((name for name in parameters if re.fullmatch(r"(pool|kernel)_?(h|height)", name)), "")
    wide = next((name for name in parameters if re.fullmatch(r"(pool|kernel)_?(w|width)", name)), "")
    side = next((name for name in parameters if re.fullmatch(r"((pool|kernel)_?)?size|f|k", name)), "")
    if step is None or not (side or (high and wide)):
        return None

    def forward(x: Any, size: Any = 2, stride: Any = 2) -> tuple[Any, Any]:
        of = {step: number(stride, cls.__name__, "stride")}
        height, width = size if isinstance(size, tuple) else (size, size)
        if high and wide:
            of |= {by_name[high]: int(height), by_name[wide]: int(width)}
        else:
            of |= {by_name[side]: number(size, cls.__name__, "size")}
        layer = cls(**of)
        return call(layer.forward, x), layer

    def backward(dout: Any, layer: Any) -> tuple[Any, ...]:
        return (call(layer.backward, dout),)

    return forward, backward


def _weighted(cls: Any, parameters: list[str], operation: str) -> Pair:
    by_name = {name.lower(): name for name in _parameters(cls)}
    step = by_name.get("stride") or by_name.get("strides")
    border = by_name.get("pad") or by_name.get("padding")

    def forward(x: Any, w: Any, b: Any, stride: Any = 1, pad: Any = 0) -> tuple[Any, Any]:
        of = {}
        if operation == "conv2d":
            stride, pad = number(stride, cls.__name__, "stride"), number(pad, cls.__name__, "pad")
            of = {name: value for name, value in ((step, stride), (border, pad)) if name}
        layer = cls(w, b, **of)
        out = call(layer.forward, x)
        return out, (layer, [(slot, slot.value.copy()) for slot in _slots(layer) if _is_array(slot.value)])

    def backward(dout: Any, cache: Any) -> tuple[Any, ...]:
        layer, begun = cache
        for slot, start in begun:
            slot.put(start.copy())
        dx = call(layer.backward, dout)
        if isinstance(dx, tuple):
            return dx
        slots = _slots(layer)
        if len(slots) != 2:
            raise WrongForm(f"{cls.__name__} keeps no dW and db: no attributes, no dictionary of gradients")
        return (dx, *(slot.value for slot in slots))

    return forward, backward


@dataclass(frozen=True)
class _Slot:
    """Where an object keeps a gradient: an attribute, or a place in a dictionary or list."""

    holder: Any
    key: Any

    @property
    def value(self) -> Any:
        """The gradient."""
        return getattr(self.holder, self.key) if self.is_plain else self.holder[self.key]

    @property
    def is_plain(self) -> bool:
        """Whether it is an attribute."""
        return not isinstance(self.holder, dict | list)

    def put(self, value: Any) -> None:
        """Keep another array there."""
        if self.is_plain:
            setattr(self.holder, self.key, value)
        else:
            self.holder[self.key] = value


def _slots(layer: Any) -> list[_Slot]:
    """The places of dW and db in an object; fewer where it has no such places yet."""
    found: list[_Slot] = []
    for index, names in enumerate((WEIGHTS, BIAS)):
        keys = {key for name in names for key in (name, f"d{name}", f"grad_{name}", f"{name}_grad")} - {
            *names
        }
        found += [_Slot(layer, key) for key in vars(layer) if key.lower() in keys][:1]
        for held in (getattr(layer, name, None) for name in GRADIENTS):
            if len(found) > index:
                break
            if isinstance(held, dict):
                found += [_Slot(held, key) for key in held if str(key).lower() in {*keys, *names}][:1]
            elif isinstance(held, list) and len(held) == 2:
                found.append(_Slot(held, index))
    return found


def _is_array(value: Any) -> bool:
    return hasattr(value, "copy") and hasattr(value, "dtype")
