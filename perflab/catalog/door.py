"""The door: arguments are checked and made canonical before any kernel reads them.

A compiled kernel does not check its indices. So the public face passes every call through `bind`, which
raises an error that names the argument that does not fit, and returns the others in one form: labels as
int64, pairs as two ints, scalars in the arrays' dtype.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from perflab.contract import DTYPES, Argument, Array, Implementation, Operation, WrongForm

LARGEST_PARAMETER = 2**31 - 1


@dataclass(frozen=True)
class Cache:
    """The cache of a checked `forward`: the technique's own cache, and the shape and dtype of `dout`."""

    implementation: tuple[str, str]
    value: Any
    out_shape: tuple[int, ...]
    dtype: np.dtype[Any]


def checked(operation: Operation, raw: Implementation) -> Implementation:
    """The same implementation; both functions check their arguments first.

    `forward` raises ValueError or TypeError that names the argument, what it was and what was wanted.
    `backward` takes only a cache that this implementation's `forward` made.
    """
    name = f"{raw.operation}/{raw.technique}"

    def forward(*args: Any, **kwargs: Any) -> tuple[Any, Cache]:
        canonical, sizes = bind(operation, args, kwargs)
        out, value = pair(raw.forward(*canonical))
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
            raise WrongForm(f"backward returned {_what(grads)}; wanted a tuple of gradients")
        return grads

    forward.__doc__ = raw.forward.__doc__
    backward.__doc__ = raw.backward.__doc__
    return replace(raw, forward=forward, backward=backward)


def pair(returned: Any) -> tuple[Any, Any]:
    """Out and cache, as `forward` returned them. Raises WrongForm for anything else."""
    if not isinstance(returned, (tuple, list)) or len(returned) != 2:
        raise WrongForm(f"forward returned {_what(returned)}; wanted out and its cache")
    out, cache = returned
    return out, cache


def bind(
    operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, int]]:
    """The arguments of a call in canonical form and order, and the size of every axis.

    Raises TypeError for a missing, unknown, doubled or wrongly typed argument, ValueError for one whose
    rank, sizes or values do not fit.
    """
    values = _match(operation, args, kwargs)
    arguments = operation.arguments.values()
    arrays = [argument for argument in arguments if argument.kind in ("array", "labels")]
    values |= {argument.name: _array(argument, values[argument.name]) for argument in arrays}
    dtype = float_dtype(operation, list(values.values()))
    sizes = _sizes(arrays, values, dtype)
    for argument in arguments:
        value = values[argument.name]
        if argument.kind == "labels":
            values[argument.name] = _labels(argument, value, sizes[argument.upper])
        elif argument.kind == "pair":
            values[argument.name] = _pair(argument, value)
        elif argument.kind == "scalar":
            values[argument.name] = _real(argument.name, value, dtype)
    parameters = {argument.name: values[argument.name] for argument in arguments if argument.kind == "pair"}
    return tuple(values.values()), operation.derive(sizes, parameters)


def float_dtype(operation: Operation, canonical: Sequence[Any]) -> np.dtype[Any]:
    """The one float dtype of a bound call."""
    bound = zip(operation.arguments.values(), canonical, strict=True)
    return next(np.dtype(value.dtype) for argument, value in bound if argument.kind == "array")


def _match(operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every argument by name, in the operation's order."""
    names = list(operation.arguments)
    signature = f"{operation.name}({', '.join(names)})"
    if len(args) > len(names):
        raise TypeError(f"{signature}: {len(args)} positional arguments; at most {len(names)} are wanted")
    values = dict(zip(names, args, strict=False))
    for name in kwargs:
        if name not in names:
            raise TypeError(f"{name}: no argument of {signature}")
        if name in values:
            raise TypeError(f"{name}: given twice to {signature}")
    values |= kwargs
    for name, argument in operation.arguments.items():
        if name not in values and argument.required:
            raise TypeError(f"{name}: missing; {signature} wants {_wanted(argument)}")
        values.setdefault(name, argument.default)
    return {name: values[name] for name in names}


def _array(argument: Argument, value: Any) -> Array:
    dtype = value.dtype if _is_plain(value) else np.dtype(object)
    fits = dtype.name in DTYPES and dtype.isnative if argument.kind == "array" else dtype.kind in "iu"
    if not fits:
        raise TypeError(f"{argument.name}: {_what(value)}; wanted {_wanted(argument)}")
    if value.ndim != len(argument.shape):
        rank = f"shape {value.shape} has {value.ndim} axes"
        raise ValueError(f"{argument.name}: {rank}; wanted {_wanted(argument)}")
    return _ordinary(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray)


def _sizes(arguments: Sequence[Argument], values: Mapping[str, Any], dtype: np.dtype[Any]) -> dict[str, int]:
    """The size of every axis. Raises where two arrays differ in an axis' size, or in dtype."""
    sizes: dict[str, int] = {}
    owner: dict[str, str] = {}
    for argument in arguments:
        array = values[argument.name]
        if argument.kind == "array" and array.dtype != dtype:
            first = next(other.name for other in arguments if other.kind == "array")
            both = f"{argument.name}: {array.dtype} where {first} is {dtype}"
            raise TypeError(f"{both}; one dtype is wanted for all")
        for axis, size in zip(argument.shape, array.shape, strict=True):
            if sizes.setdefault(axis, size) != size:
                raise ValueError(
                    f"{argument.name}: shape {array.shape}, so {axis} = {size}, but {owner[axis]} says"
                    f" {axis} = {sizes[axis]}; wanted {axes(argument.shape)}"
                )
            owner.setdefault(axis, argument.name)
    return sizes


def _labels(argument: Argument, labels: Array, upper: int) -> Array:
    outside = np.flatnonzero((labels < 0) | (labels >= upper))
    if outside.size:
        first = f"{argument.name}[{outside[0]}] = {labels[outside[0]]}"
        wanted = f"labels in [0, {argument.upper}) = [0, {upper})"
        raise ValueError(f"{argument.name}: {first}; wanted {wanted}")
    return np.ascontiguousarray(labels, dtype=np.int64)


def _pair(argument: Argument, value: Any) -> tuple[int, int]:
    both = (value, value) if isinstance(value, Integral) else value
    whole = isinstance(both, (tuple, list)) and all(isinstance(v, Integral) for v in both)
    if not whole or len(both) != 2 or any(isinstance(v, (bool, np.bool_)) for v in both):
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
        raise ValueError(f"{name}: larger than any float; wanted a finite real number") from None
    with np.errstate(over="ignore"):
        cast = dtype.type(number)
    if not np.isfinite(cast):
        raise ValueError(f"{name}: {number}; wanted a finite real number in {dtype}'s range")
    return cast


def _upstream(dout: Any, cache: Cache) -> Any:
    if cache.out_shape == ():
        return _real("dout", dout, cache.dtype)
    if not _is_plain(dout):
        raise TypeError(f"dout: {_what(dout)}; wanted a {cache.dtype} array of shape {cache.out_shape}")
    if dout.dtype != cache.dtype:
        raise TypeError(f"dout: {dout.dtype}; wanted {cache.dtype}, as the inputs are")
    if dout.shape != cache.out_shape:
        raise ValueError(f"dout: shape {dout.shape}; wanted {cache.out_shape}, the shape of the output")
    return _ordinary(dout)


def _ordinary(array: Array) -> Array:
    """No subclass, such as np.matrix, whose arithmetic is its own; a copy of what cannot be written.

    Numba compiles every kernel anew for read-only arrays, which takes longer than a copy.
    """
    plain = np.asarray(array)
    return plain if plain.flags.writeable else plain.copy()


def axes(names: Sequence[str]) -> str:
    """The names of an array's axes as a shape; a number has none.

    >>> axes(("N", "D")), axes(("M",)), axes(())
    ('(N, D)', '(M,)', 'a number')
    """
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})" if names else "a number"


def _wanted(argument: Argument) -> str:
    return {
        "array": f"a float32 or float64 array of shape {axes(argument.shape)}",
        "labels": f"an integer array of shape {axes(argument.shape)} with labels in [0, {argument.upper})",
        "pair": f"an int of at least {argument.minimum}, or a pair of them",
        "scalar": "a real number",
    }[argument.kind]


def _what(value: Any) -> str:
    if isinstance(value, np.ma.MaskedArray):
        return f"a masked array of shape {value.shape}"
    if isinstance(value, np.ndarray):
        order = "" if value.dtype.isnative else " of foreign byte order"
        return f"a {value.dtype.name} array{order} of shape {value.shape}"
    if isinstance(value, (int, float, complex, str, tuple, list)) and len(repr(value)) <= 40:
        return f"{value!r} ({type(value).__name__})"
    return f"a {type(value).__name__}"
