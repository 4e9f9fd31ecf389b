"""What an outside file needs and this machine lacks: modules in whose place others stand, and names of old.

A module that cannot be imported does not keep the file's other functions from being judged: what is taken
from it raises Lacking, with the reason, where it is called.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from perflab.contract import Lacking

PYTHON_2 = ("xrange", "raw_input", "unicode", "basestring", "unichr", "long", "reduce", "cmp", "execfile")
PYTHON_2_SYNTAX = re.compile(
    r"Missing parentheses in call to '(print|exec)'|multiple exception types must be parenthesized"
    r"|leading zeros in decimal integer literals|inconsistent use of tabs"
)


class Absent(ModuleType):
    """Stands in the place of a module that cannot be imported, for the reason `why`."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name)
        self.__dict__["__path__"] = []
        self.__dict__["_why"] = why

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Needed(self.__dict__["_why"])


class _Needed:
    """A name of an absent module: whoever calls it, or takes a part of it, needs that module."""

    def __init__(self, why: str) -> None:
        self.__dict__["_why"] = why

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and callable(args[0]):
            return args[0]  # a decorator
        raise Lacking(self.__dict__["_why"])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __mro_entries__(self, bases: Any) -> tuple[type, ...]:
        return (_Base,)


class _Base:
    """In the place of a base class that is absent."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise Lacking(f"{type(self).__name__} needs a module that cannot be imported")


def of_python_2(message: str) -> str:
    """What to add to a syntax error that Python 2 did not have; else empty."""
    return ": it is written for Python 2" if PYTHON_2_SYNTAX.search(message) else ""


def explained(fault: str, files: Iterable[Path], absent: Iterable[str]) -> str:
    """An exception of an outside file, with the names in it that Python or NumPy have no more."""
    old: dict[str, str] = {}
    for name, whose, line in (each for path in files for each in _old_names(path)):
        old.setdefault(name, f"{name} of {whose} (line {line})")
    if old:
        return f"it needs {', '.join(old.values())}: {fault}"
    missing = list(absent) if fault.startswith("NameError") else []
    return f"{fault}; not imported: {'; '.join(missing)}" if missing else fault


def _old_names(path: Path) -> Iterator[tuple[str, str, int]]:
    """Names in a file that Python 3, or the installed NumPy, does not have: whose they were, the line."""
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError):
        return
    nodes = list(ast.walk(tree))
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    imports = [a for node in nodes if isinstance(node, ast.ImportFrom | ast.Import) for a in node.names]
    bound |= {a.asname or a.name for a in imports}
    numpy = {a.asname or a.name for a in imports if a.name == "numpy"}
    gone = {*PYTHON_2} - bound - {*vars(builtins)}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in gone:
            yield node.id, "Python 2", node.lineno
        parent = node.value if isinstance(node, ast.Attribute) else None
        is_numpy = isinstance(parent, ast.Name) and parent.id in numpy
        if isinstance(node, ast.Attribute) and is_numpy and not _numpy_has(node.attr):
            yield f"np.{node.attr}", "an older NumPy", node.lineno


def _numpy_has(name: str) -> bool:
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hasattr(np, name)
