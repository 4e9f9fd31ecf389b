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


def waits_for_ever(dispatchers: list[Any]) -> bool:
    """Whether a kernel would run on another thread even where it may have one only."""
    if not any(dispatcher.targetoptions.get("parallel") for dispatcher in dispatchers):
        return False
    try:
        return str(sys.modules["numba"].threading_layer()) != "omp"
    except ValueError:  # none of them ran
        return False


def dispatchers_of(function: Any) -> list[Any]:
    """What Numba compiled and a function reaches."""
    return [held for held in _reached(function) if not isinstance(held, np.ndarray)]


def workspace(function: Any, dtype: str) -> int:
    """Bytes of the arrays that a function reaches without being given them."""
    arrays = [held for held in _reached(function) if isinstance(held, np.ndarray)]
    return sum(held.nbytes for held in arrays if held.dtype.kind != "f" or held.dtype == dtype)


def _reached(function: Any) -> list[Any]:
    """Dispatchers and arrays: the function itself, or by its names, its cells, and its caches."""
    found: dict[int, Any] = {}
    seen: set[int] = set()
    package = str(getattr(function, "__module__", "")).partition(".")[0]

    def ours(held: Any) -> bool:
        return str(getattr(held, "__module__", "")).partition(".")[0] == package

    def walk(held: Any) -> None:
        if id(held) in seen:
            return
        seen.add(id(held))
        if isinstance(held, np.ndarray) or (hasattr(held, "overloads") and hasattr(held, "py_func")):
            found[id(held)] = held
        elif isinstance(held, FunctionType):
            if ours(held) or held is function:
                names = set(_names(held.__code__))
                for cell in held.__closure__ or ():
                    with contextlib.suppress(ValueError):  # not filled yet
                        walk(cell.cell_contents)
                for default in (*(held.__defaults__ or ()), *(held.__kwdefaults__ or {}).values()):
                    walk(default)
                for name in names & held.__globals__.keys():
                    value = held.__globals__[name]
                    if isinstance(value, ModuleType):
                        if value.__name__.partition(".")[0] == package:
                            for attribute in names & vars(value).keys():
                                walk(vars(value)[attribute])
                    else:
                        walk(value)
        elif hasattr(held, "__wrapped__"):  # functools.cache: what it made is in its dictionary
            walk(held.__wrapped__)
            for referent in gc.get_referents(held):
                walk(referent)
        elif isinstance(held, partial):
            walk(held.func)
            walk(held.args)
        elif isinstance(held, dict):
            walk(list(held.values()))
        elif isinstance(held, (list, tuple, set, frozenset)):
            for item in held:
                if not isinstance(item, (int, float, str, bytes, np.generic)):
                    walk(item)
        elif hasattr(held, "_dispatcher"):  # a universal function
            walk(held._dispatcher)
        elif ours(type(held)) and hasattr(held, "__dict__"):
            walk(vars(held))

    walk(function)
    return list(found.values())


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def signatures(dispatcher: Any, dtype: str) -> list[Any]:
    """What was compiled or loaded for arrays of this dtype, or without any floating-point array."""
    held = []
    for signature, compiled in dispatcher.overloads.items():
        floats = {name for name in _dtypes(signature) if name.startswith("float")}
        if not floats or dtype in floats:
            held.append(compiled)
    return held


def _dtypes(types: Any) -> Iterator[str]:
    for held in types:
        if hasattr(held, "dtype"):
            yield str(held.dtype)
        elif hasattr(held, "types"):
            yield from _dtypes(held.types)
