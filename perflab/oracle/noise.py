"""Arrays whose every operation is rounded at random, as far off as any order of its sums may be.

    noise = Noise(seed=1, roundoff=2.0**-24)
    out = noise.in_function(definition)(*map(noise.on, args))     # once more: another result

Monte Carlo arithmetic: Parker, *Monte Carlo Arithmetic: exploiting randomness in floating-point arithmetic*,
1997. An operation's result changes by up to the roundoff of what it is; a sum of k terms by up to k times the
roundoff of the sum of their absolute values, which no order exceeds to first order (Higham, *Accuracy and
Stability of Numerical Algorithms*, 2nd ed., §4.2). The operations are counted too: `noise.flops`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from perflab.contract import Array

# Ufuncs that round nothing: what they give is one of their inputs, but for its sign, or a whole number.
EXACT = frozenset((
    "maximum", "minimum", "fmax", "fmin", "negative", "positive", "absolute", "fabs", "sign", "copysign",
    "floor", "ceil", "trunc", "rint", "conjugate",
))  # fmt: skip
PRODUCTS = frozenset(("matmul", "vecdot", "matvec", "vecmat"))
MULTIPLIED = frozenset(("einsum", "dot", "inner", "vdot", "convolve", "correlate"))
SUMS = MULTIPLIED | {"cumsum", "trace", "bincount", "norm"}
MAKERS = frozenset(
    ("array", "asarray", "ascontiguousarray", "empty", "zeros", "ones", "full", "eye", "linspace", "arange")
)
HALF = np.float32(0.5)


class Noise:
    """A source of random roundings, and the count of the operations that it rounded.

    Each is between half of the largest one and the whole of it, up or down: small ones would show nothing.
    """

    def __init__(self, seed: int, roundoff: float) -> None:
        self.roundoff, self.flops = roundoff, 0
        self._rng = np.random.default_rng(seed)

    def on(self, value: Any) -> Any:
        """The same value, whose operations are rounded at random: a float or an array of floats."""
        if isinstance(value, (np.ndarray, np.floating)) and value.dtype.kind == "f":
            noisy = np.asarray(value).view(Noisy)
            noisy.noise = self
            return noisy
        return tuple(map(self.on, value)) if type(value) is tuple else value

    def rounded(self, value: Array) -> Array:
        """A copy with each element changed in its last place."""
        return self._changed(np.array(value), np.abs(value))

    def in_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function whose new arrays are noisy too, in the functions of its module that it calls as well.

        It is made again over a copy of its module's names, where NumPy's makers of arrays are `MAKERS`'.
        """
        if not isinstance(function, FunctionType):
            return function
        names: dict[str, Any] = {}
        for name, value in function.__globals__.items():
            if isinstance(value, ModuleType) and value.__name__ == "numpy":
                value = _Numpy(self)
            elif isinstance(value, FunctionType) and value.__globals__ is function.__globals__:
                value = _over(value, names)
            names[name] = value
        return _over(function, names)

    def result(self, value: Any, scale: Any, count: int) -> Any:
        """A result of `count` operations, changed in place by up to `scale` times the roundoff."""
        self.flops += count
        if not (isinstance(value, (np.ndarray, np.floating)) and value.dtype.kind == "f"):
            return value
        return self.on(value if scale is None else self._changed(np.asarray(value), np.asarray(scale)))

    def _changed(self, value: Array, scale: Array) -> Array:
        drawn = self._rng.random(value.shape, np.float32)
        drawn -= HALF
        drawn += np.copysign(HALF, drawn)  # from a half to one, or from minus one to minus a half
        with np.errstate(all="ignore"):
            change = np.asarray(scale * drawn)
            change *= self.roundoff
            if not np.isfinite(change).all():
                change[~np.isfinite(change)] = 0
            value += change
        return value


class Noisy(np.ndarray[Any, Any]):
    """An array of floats that `noise` rounds."""

    noise: Noise

    def __array_finalize__(self, obj: Any) -> None:
        if isinstance(obj, Noisy):
            self.noise = obj.noise

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        noise, plain = _noise_of((inputs, out)), [_plain(value) for value in inputs]
        options = {name: _plain(value) for name, value in options.items()}
        if out is not None:
            options["out"] = _plain(out)
        if method == "at":
            return _at(noise, ufunc, *plain)
        if method == "reduce":  # a number stays an array, so that what is made of it is rounded too
            scale, count = _of_reduction(ufunc, plain[0], options)
        elif ufunc.__name__ in PRODUCTS and method == "__call__":
            terms = plain[0].shape[-1] if plain[0].ndim else 1
            scale = terms * ufunc(*map(np.abs, plain))
            count = 2 * terms * np.size(scale)
        else:
            scale, count = None, 0
        result = getattr(ufunc, method)(*plain, **options)
        if isinstance(result, tuple):
            return tuple(noise.result(each, np.abs(each), np.size(each)) for each in result)
        if method == "accumulate" and ufunc is np.add:
            axis = options.get("axis", 0)
            scale = plain[0].shape[axis] * np.add.accumulate(np.abs(plain[0]), axis=axis)
        elif not count and ufunc.__name__ not in EXACT:
            scale = np.abs(result)
        return noise.result(result, scale, count or np.size(result))

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        noise = _noise_of((args, options))
        if function.__name__ not in SUMS:
            result = super().__array_function__(function, types, args, options)
            return [*map(noise.on, result)] if isinstance(result, list) else noise.on(result)
        plain, named = _plain(args), _plain(dict(options))
        value, scale, terms = (
            function(*_mapped(change, plain), **_mapped(change, named)) for change in (_same, np.abs, _ones)
        )
        each = 2 if function.__name__ in MULTIPLIED else 1
        if function.__name__ == "norm":  # of so many ones it is the root of their number
            terms = terms * terms
        return noise.result(value, terms * scale, round(each * float(np.sum(terms))))

    def __getitem__(self, key: Any) -> Any:
        return self.noise.on(super().__getitem__(key))

    def dot(self, other: Any, out: Any = None) -> Any:
        """As `numpy.dot`, which the method would not ask."""
        return np.dot(self, other)

    def cumsum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """As `numpy.add.accumulate`."""
        return np.add.accumulate(self.ravel() if axis is None else self, axis=axis or 0)


class _Numpy:
    """NumPy, whose new arrays of floats are noisy."""

    def __init__(self, noise: Noise) -> None:
        self._noise = noise

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        return (lambda *args, **options: self._noise.on(found(*args, **options))) if name in MAKERS else found


def _over(function: FunctionType, names: dict[str, Any]) -> FunctionType:
    """The function over other globals."""
    closure, defaults = function.__closure__, function.__defaults__
    made = FunctionType(function.__code__, names, function.__name__, defaults, closure)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _of_reduction(ufunc: np.ufunc, value: Any, options: dict[str, Any]) -> tuple[Any, int]:
    """What a reduction's rounding is relative to, and its operations."""
    size = int(np.size(value))
    if ufunc.__name__ in EXACT:
        return None, size
    further = {name: option for name, option in options.items() if name in ("axis", "keepdims", "where")}
    scale = ufunc.reduce(np.abs(value), **further)
    return max(size // max(np.size(scale), 1), 1) * np.abs(scale), size


def _at(noise: Noise, ufunc: np.ufunc, target: Any, places: Any, *values: Any) -> None:
    """`ufunc.at`: each element is rounded as often as it is met."""
    before = np.abs(target)
    ufunc.at(target, places, *values)
    met, size = np.zeros(target.shape), np.zeros(target.shape, target.dtype)
    np.add.at(met, places, 1)
    if values:
        np.add.at(size, places, np.abs(values[0]))
    noise.result(target, met * (before + size), int(met.sum()))


def _noise_of(values: Any) -> Noise:
    """The noise of the first noisy array among nested values; there is one."""
    pending = [values]
    while pending:
        value = pending.pop()
        if isinstance(value, Noisy):
            return value.noise
        if isinstance(value, Mapping):
            pending += value.values()
        elif isinstance(value, (tuple, list)):
            pending += value
    raise TypeError("no noisy array among these")


def _mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """Nested values with `change` applied to every array of floats."""
    if isinstance(value, Mapping):
        return {name: _mapped(change, each) for name, each in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_mapped(change, each) for each in value)
    return change(value) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def _plain(value: Any) -> Any:
    """Nested values with every noisy array as the plain one that it is a view of."""
    return _mapped(lambda array: array.view(np.ndarray), value)


def _same(array: Array) -> Array:
    return array


def _ones(array: Array) -> Array:
    return np.ones_like(array)
