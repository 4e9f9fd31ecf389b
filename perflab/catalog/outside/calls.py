"""What the ways to write layers share: whether a function can be called so, what an interface cannot say."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from perflab.contract import NotApplicable

Function = Callable[..., Any]


def accepts(function: Function, arguments: int) -> bool:
    """Whether a function can be called with so many arguments; True where its signature is not known."""
    try:
        inspect.signature(function).bind(*range(arguments))
    except (TypeError, ValueError) as error:
        return isinstance(error, ValueError)  # TypeError: the arguments do not fit
    return True


def number(value: Any, holder: str, key: str) -> int:
    """The single number that a course's interface has for both axes. Raises NotApplicable for two."""
    if isinstance(value, tuple):
        if value[0] != value[1]:
            raise NotApplicable(f"{holder} holds one {key}; this case wants {value[0]} and {value[1]}")
        value = value[0]
    return int(value)


def call(function: Function, *args: Any, samples: int | None = None) -> Any:
    """The call; where it fails for a batch of no samples, the case is left out: no course asks for one."""
    try:
        return function(*args)
    except Exception as error:
        if len(args[0]) if samples is None else samples:
            raise
        raise NotApplicable(f"{function.__name__} takes no empty batch: {type(error).__name__}") from error


def missing(name: str) -> Function:
    """A function in the place of one that a file lacks."""

    def missing(*_: Any) -> Any:
        raise NotImplementedError(f"{name} is missing")

    return missing


def origins(names: Mapping[str, Any], path: Path, functions: Iterable[str]) -> Iterator[str]:
    """Which of a module's functions have another name there too, and which the file only imports."""
    for name in functions:
        own = getattr(names[name], "__name__", name)
        if own != name and names.get(own) is names[name]:
            yield f"{name} is {own}"
    for name in functions:
        code = getattr(getattr(names[name], "py_func", names[name]), "__code__", None)
        if code is not None and Path(code.co_filename) != path.resolve():
            yield f"{name} comes from {Path(code.co_filename).name}"
