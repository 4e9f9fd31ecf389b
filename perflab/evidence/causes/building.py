"""Changed sources as functions: written to a folder, and imported as a package of their own."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from itertools import count
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from perflab.evidence.causes.program import Kind, Kinds, Trees
from perflab.evidence.compiled import dispatchers_of

PREFIX = "perflab_changed_"
HELPERS = "from perflab.evidence.causes import helpers as _helpers"
NUMBERS = count()  # of packages: a name is used once in a process
FLAGS: dict[str, Any] = {}  # of Numba, for what is compiled now


class Builder:
    """Builds functions in a folder. Numba's cache is not used from then on: what is compiled differs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        take_flags()

    def built(self, trees: Trees, file: str, name: str) -> Callable[..., Any]:
        """The function of that name in a file; it is compiled when it is called, within `flags`."""
        package = f"{PREFIX}{next(NUMBERS)}"
        home = self.folder / package
        for each, tree in trees.items():
            path = home / each
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text_of(tree), "utf-8")
        module = ModuleType(package)
        module.__path__ = [str(home)]
        sys.modules[package] = module
        dotted = ".".join(PurePosixPath(file).with_suffix("").parts)
        function: Callable[..., Any] = getattr(importlib.import_module(f"{package}.{dotted}"), name)
        return function


def text_of(tree: ast.Module) -> str:
    """A tree as a file's text, with what changed sources may call."""
    tree = deepcopy(tree)
    at = next((at for at, each in enumerate(tree.body) if not _leads(each)), len(tree.body))
    imports = (each for each in tree.body if isinstance(each, (ast.Import, ast.ImportFrom)))
    names = {alias.asname or alias.name for each in imports for alias in each.names}
    lines = [HELPERS, *(["import numpy as np"] if "np" not in names else [])]
    tree.body[at:at] = ast.parse("\n".join(lines)).body
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _leads(statement: ast.stmt) -> bool:
    """Whether a statement has to come first in a file."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__"
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


@contextmanager
def flags(given: Mapping[str, Any]) -> Iterator[None]:
    """Compile with these flags of Numba in place of those of the source."""
    FLAGS.update(given)
    try:
        yield
    finally:
        FLAGS.clear()


@cache
def take_flags() -> None:
    """Let Numba use FLAGS, and no cache."""
    from numba.core import cpu, dispatcher
    from numba.core.cpu_options import FastMathOptions

    finalize = cpu.CPUTargetOptions.finalize

    def with_flags(options: Any, given: Any, further: Any) -> None:
        finalize(options, given, further)
        if "fastmath" in FLAGS:
            given.fastmath = FastMathOptions(FLAGS["fastmath"])
        if "boundscheck" in FLAGS:
            given.boundscheck = FLAGS["boundscheck"]

    cpu.CPUTargetOptions.finalize = with_flags
    dispatcher.Dispatcher.enable_caching = lambda self: None  # type: ignore[method-assign]


def kinds_of(function: Callable[..., Any]) -> dict[tuple[str, str], Kinds]:
    """The compiled functions that a function reached when it was called, with the kinds of their names."""
    found: dict[tuple[str, str], Kinds] = {}
    queue = dispatchers_of(function)
    for dispatcher in queue:  # which grows meanwhile
        queue += [each for each in dispatchers_of(dispatcher.py_func) if each not in queue]
        package, _, module = dispatcher.py_func.__module__.partition(".")
        if package.startswith(PREFIX):
            place = f"{module.replace('.', '/')}.py", dispatcher.py_func.__name__
            for compiled in dispatcher.overloads.values():
                found[place] = {**found.get(place, {}), **_kinds(compiled.type_annotation.typemap)}
    return found


def _kinds(types: Mapping[str, Any]) -> dict[str, Kind]:
    """Numba's types by the names in the source: of several types the widest."""
    found: dict[str, Kind] = {}
    for variable, given in types.items():
        name, kind = variable.partition(".")[0], _kind(given)
        if kind is not None and name.isidentifier() and variable.partition(".")[0] != "arg":
            known = found.get(name)
            if known is None or (known.ndim == kind.ndim and _wider(kind, known)):
                found[name] = kind
    return found


def _wider(kind: Kind, known: Kind) -> bool:
    return (kind.is_float, kind.dtype) > (known.is_float, known.dtype)


def _kind(given: Any) -> Kind | None:
    from numba import types

    given = types.unliteral(given)
    if isinstance(given, types.Array):
        return Kind(str(given.dtype), given.ndim)
    return Kind(str(given)) if isinstance(given, (types.Number, types.Boolean)) else None
