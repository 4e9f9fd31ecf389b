"""What Numba compiled: the kernels and arrays that a function reaches."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np


def would_deadlock(dispatchers: list[Any]) -> bool:
    """Whether a traced kernel would wait for ever: with one thread, it still runs on another one."""
    if not any(dispatcher.targetoptions.get("parallel") for dispatcher in dispatchers):
        return False
    try:
        return str(sys.modules["numba"].threading_layer()) != "omp"
    except ValueError:  # none of them ran
        return False


def dispatchers_of(function: Any) -> list[Any]:
    """The Numba dispatchers that a function reaches."""
    return [value for value in _reached(function) if not isinstance(value, np.ndarray)]


def workspace(function: Any, dtype: str) -> int:
    """Bytes of the arrays that a function reaches without being given them."""
    arrays = [value for value in _reached(function) if isinstance(value, np.ndarray)]
    return sum(array.nbytes for array in arrays if array.dtype.kind != "f" or array.dtype == dtype)


def _reached(function: Any) -> list[Any]:
    """Dispatchers and arrays: the function itself, or by its names, its cells, and its caches."""
    results: dict[int, Any] = {}
    visited: set[int] = set()
    alive: list[Any] = []  # a freed list would leave its id to another object
    package = str(getattr(function, "__module__", "")).partition(".")[0]

    def of_package(value: Any) -> bool:
        return str(getattr(value, "__module__", "")).partition(".")[0] == package

    def visit_function(value: FunctionType) -> None:
        names = set(_names(value.__code__))
        for cell in value.__closure__ or ():
            with contextlib.suppress(ValueError):  # not filled yet
                visit(cell.cell_contents)
        visit([*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()])
        for name in names & value.__globals__.keys():
            target = value.__globals__[name]
            if not isinstance(target, ModuleType):
                visit(target)
            elif target.__name__.partition(".")[0] == package:
                visit([vars(target)[attribute] for attribute in names & vars(target).keys()])

    def visit(value: Any) -> None:
        if id(value) in visited or isinstance(value, (int, float, str, bytes, np.generic)):
            return
        visited.add(id(value))
        if isinstance(value, np.ndarray) or (hasattr(value, "overloads") and hasattr(value, "py_func")):
            results[id(value)] = value
        elif isinstance(value, FunctionType):
            if of_package(value) or value is function:
                visit_function(value)
        elif hasattr(value, "__wrapped__"):  # functools.cache: its results are in its dictionary
            visit([value.__wrapped__, *gc.get_referents(value)])
        elif isinstance(value, partial):
            visit([value.func, value.args])
        elif isinstance(value, dict):
            visit(list(value.values()))
        elif isinstance(value, (list, tuple, set, frozenset)):
            alive.append(value)
            for item in value:
                visit(item)
        elif hasattr(value, "_dispatcher"):  # a universal function
            visit(value._dispatcher)
        elif of_package(type(value)) and hasattr(value, "__dict__"):
            visit(vars(value))

    visit(function)
    return list(results.values())


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def compiled_of(function: Any, dtype: str) -> list[Any]:
    """What Numba compiled for a function: for arrays of this dtype, or without any floating-point array."""
    overloads = [each for dispatcher in dispatchers_of(function) for each in dispatcher.overloads.items()]
    floats = [{name for name in _dtypes(types) if name.startswith("float")} for types, _ in overloads]
    return [each for (_, each), names in zip(overloads, floats, strict=True) if not names or dtype in names]


def _dtypes(types: Any) -> Iterator[str]:
    for each in types:
        if hasattr(each, "dtype"):
            yield str(each.dtype)
        elif hasattr(each, "types"):
            yield from _dtypes(each.types)
