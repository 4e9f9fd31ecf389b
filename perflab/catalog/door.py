"""The door: arguments are checked and made canonical before any kernel sees them.

A compiled kernel does not look where it reads. So the public face passes every call through `bind`, which
refuses by name what does not fit an operation's arguments, and hands on what does: labels as int64, pairs
as two ints, scalars in the arrays' dtype.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from perflab.contract import DTYPES, Argument, Array, Implementation, Operation

LARGEST_PARAMETER = 2**31 - 1


@dataclass(frozen=True)
class Cache:
    """What a checked `forward` hands to its `backward`: the technique's cache, and what `dout` must be."""

    implementation: tuple[str, str]
    value: Any
    out_shape: tuple[int, ...]
    dtype: np.dtype[Any]


def checked(operation: Operation, raw: Implementation) -> Implementation:
    """The same implementation with both functions behind the door.

    `forward` raises ValueError or TypeError that names the argument, what it was and what was wanted.
    `backward` takes only a cache that this implementation's `forward` made.
    """
    name = f"{raw.operation}/{raw.technique}"

    def forward(*args: Any, **kwargs: Any) -> tuple[Any, Cache]:
        canonical, sizes = bind(operation, args, kwargs)
        out, value = raw.forward(*canonical)
        dtype = float_dtype(operation, canonical)
        shape = tuple(sizes[axis] for axis in operation.out_shape)
        if not shape and type(out) is float:
            out = dtype.type(out)
        return out, Cache((name, raw.source), value, shape, dtype)

    def backward(dout: Any, cache: Cache) -> tuple[Array, ...]:
        if not isinstance(cache, Cache) or cache.implementation != (name, raw.source):
            raise TypeError(f"cache: {_what(cache)}; wanted the cache that {name}'s forward returned")
        grads = raw.backward(_upstream(dout, cache), cache.value)
        if not isinstance(grads, tuple):
            raise TypeError(f"{name}: backward returned {_what(grads)}; wanted a tuple of gradients")
        return grads

    forward.__doc__ = raw.forward.__doc__
    backward.__doc__ = raw.backward.__doc__
    return replace(raw, forward=forward, backward=backward)


def bind(
    operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, int]]:
    """The arguments of a call in canonical form and order, and the size of every axis.

    Raises TypeError for a missing, unknown, doubled or wrongly typed argument, ValueError for one whose
    rank, sizes or values do not fit.
    """
    given = _match(operation, args, kwargs)
    sizes: dict[str, int] = {}
    owner: dict[str, str] = {}
    dtype: np.dtype[Any] | None = None
    first = ""
    for argument in operation.arguments.values():
        if argument.kind not in ("array", "labels"):
            continue
        array = _array(argument, given[argument.name])
        if argument.kind == "array":
            if dtype is None:
                dtype, first = array.dtype, argument.name
            elif array.dtype != dtype:
                raise TypeError(
                    f"{argument.name}: {array.dtype} where {first} is {dtype}; one dtype is wanted for all"
                )
        _agree(argument, array, sizes, owner)
        given[argument.name] = array
    assert dtype is not None, "an operation has at least one array"
    for argument in operation.arguments.values():
        value = given[argument.name]
        if argument.kind == "labels":
            given[argument.name] = _labels(argument, value, sizes[argument.upper])
        elif argument.kind == "pair":
            given[argument.name] = _pair(argument, value)
        elif argument.kind == "scalar":
            given[argument.name] = _real(argument.name, value, dtype)
    parameters = {a.name: given[a.name] for a in operation.arguments.values() if a.kind == "pair"}
    sizes = operation.derive(sizes, parameters)
    return tuple(given[name] for name in operation.arguments), sizes


def float_dtype(operation: Operation, canonical: Sequence[Any]) -> np.dtype[Any]:
    """The one float dtype of a bound call."""
    for argument, value in zip(operation.arguments.values(), canonical, strict=True):
        if argument.kind == "array":
            found: np.dtype[Any] = value.dtype
            return found
    raise AssertionError("an operation has at least one array")


def _match(operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    names = list(operation.arguments)
    signature = f"{operation.name}({', '.join(names)})"
    if len(args) > len(names):
        raise TypeError(f"{signature}: {len(args)} positional arguments; at most {len(names)} are wanted")
    given = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in operation.arguments:
            raise TypeError(f"{name}: no argument of {signature}")
        if name in given:
            raise TypeError(f"{name}: given twice to {signature}")
        given[name] = value
    for name, argument in operation.arguments.items():
        if name not in given:
            if argument.required:
                raise TypeError(f"{name}: missing; {signature} wants {_wanted(argument)}")
            given[name] = argument.default
    return given


def _array(argument: Argument, value: Any) -> Array:
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{argument.name}: {_what(value)}; wanted {_wanted(argument)}")
    array = np.asarray(value)  # a subclass (np.matrix, say) has arithmetic of its own
    if argument.kind == "array":
        if array.dtype.name not in DTYPES or not array.dtype.isnative:
            raise TypeError(f"{argument.name}: {_what(array)}; wanted {_wanted(argument)}")
    elif array.dtype.kind not in "iu":
        raise TypeError(f"{argument.name}: {_what(array)}; wanted {_wanted(argument)}")
    if array.ndim != len(argument.shape):
        raise ValueError(
            f"{argument.name}: shape {array.shape} has {array.ndim} axes; wanted {_wanted(argument)}"
        )
    return array


def _agree(argument: Argument, array: Array, sizes: dict[str, int], owner: dict[str, str]) -> None:
    for axis, size in zip(argument.shape, array.shape, strict=True):
        if sizes.setdefault(axis, size) != size:
            raise ValueError(
                f"{argument.name}: shape {array.shape}, so {axis} = {size}, but {owner[axis]} says"
                f" {axis} = {sizes[axis]}; wanted {_axes(argument)}"
            )
        owner.setdefault(axis, argument.name)


def _labels(argument: Argument, labels: Array, upper: int) -> Array:
    bad = np.flatnonzero((labels < 0) | (labels >= upper))
    if bad.size:
        at = int(bad[0])
        raise ValueError(
            f"{argument.name}: {argument.name}[{at}] = {labels[at]}; wanted labels in"
            f" [0, {argument.upper}) = [0, {upper})"
        )
    return np.ascontiguousarray(labels, dtype=np.int64)


def _pair(argument: Argument, value: Any) -> tuple[int, int]:
    both = (value, value) if isinstance(value, Integral) else value
    if (
        not isinstance(both, (tuple, list))
        or len(both) != 2
        or not all(isinstance(v, Integral) and not isinstance(v, (bool, np.bool_)) for v in both)
    ):
        raise TypeError(f"{argument.name}: {_what(value)}; wanted {_wanted(argument)}")
    pair = (int(both[0]), int(both[1]))
    if min(pair) < argument.minimum or max(pair) > LARGEST_PARAMETER:
        raise ValueError(f"{argument.name}: {value!r}; wanted {_wanted(argument)}")
    return pair


def _real(name: str, value: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: {_what(value)}; wanted a real number")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name}: past every float; wanted a finite real number") from None
    with np.errstate(over="ignore"):
        cast = dtype.type(number)
    if not np.isfinite(cast):
        raise ValueError(f"{name}: {number}; wanted a finite real number in {dtype}'s range")
    return cast


def _upstream(dout: Any, cache: Cache) -> Any:
    if cache.out_shape == ():
        return _real("dout", dout, cache.dtype)
    if not isinstance(dout, np.ndarray) or isinstance(dout, np.ma.MaskedArray):
        raise TypeError(f"dout: {_what(dout)}; wanted a {cache.dtype} array of shape {cache.out_shape}")
    if dout.dtype != cache.dtype:
        raise TypeError(f"dout: {dout.dtype}; wanted {cache.dtype}, as the inputs are")
    if dout.shape != cache.out_shape:
        raise ValueError(f"dout: shape {dout.shape}; wanted {cache.out_shape}, the shape of the output")
    return np.asarray(dout)


def _axes(argument: Argument) -> str:
    inner = ", ".join(argument.shape) + ("," if len(argument.shape) == 1 else "")
    return f"({inner})"


def _wanted(argument: Argument) -> str:
    if argument.kind == "array":
        return f"a float32 or float64 array of shape {_axes(argument)}"
    if argument.kind == "labels":
        return f"an integer array of shape {_axes(argument)} with labels in [0, {argument.upper})"
    if argument.kind == "pair":
        return f"an int of at least {argument.minimum}, or a pair of them"
    return "a real number"


def _what(value: Any) -> str:
    if isinstance(value, np.ma.MaskedArray):
        return f"a masked array of shape {value.shape}"
    if isinstance(value, np.ndarray):
        order = "" if value.dtype.isnative else " of foreign byte order"
        return f"a {value.dtype.name} array{order} of shape {value.shape}"
    if isinstance(value, (int, float, complex, str, tuple, list)) and len(repr(value)) <= 40:
        return f"{value!r} ({type(value).__name__})"
    return f"a {type(value).__name__}"
