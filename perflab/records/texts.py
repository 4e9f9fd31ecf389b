"""The imports between the texts of code that a run saved.

A file is named by its operation and its path in the operation's folder ("conv2d/jit.py"), one beside that
folder by its name ("_simd.py"), one from elsewhere by its operation and column ("conv2d/mine.py").
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import PurePath, PurePosixPath
from typing import TypeVar

DERIVATION = "derivation.md"
MOST_FILES = 256  # whose trees are kept: a report asks for each many times
Location = TypeVar("Location", bound=PurePath)


def imported(name: str, texts: Mapping[str, str], *, directly: bool = False) -> list[str]:
    """The names among `texts` that a file imports; unless only `directly`, also what those import."""
    names = [name]
    for file in names:  # which grows meanwhile
        paths = candidates(PurePosixPath(file), texts.get(file, "")) if file == name or not directly else ()
        for imported_name in (path.as_posix() for path in paths):
            if imported_name in texts and imported_name not in names:
                names.append(imported_name)
    return names[1:]


def candidates(path: Location, source: str) -> Iterator[Location]:
    """The paths of a file's relative imports: modules, and names that may be modules of a folder."""
    for level, module, names in _relative_imports(source) if path.suffix == ".py" else ():
        if level <= len(path.parents):
            folder = path.parents[level - 1]
            inner = folder.joinpath(*module.split(".")) if module else folder
            for place in (inner, *(inner / name for name in names)):
                if place.name and place.name != "__init__":
                    yield place.with_name(f"{place.name}.py")


@lru_cache(maxsize=MOST_FILES)
def heading(text: str) -> str:
    """The first line of a file's docstring."""
    return (ast.get_docstring(syntax(text)) or "").partition("\n")[0]


@lru_cache(maxsize=MOST_FILES)
def syntax(source: str) -> ast.Module:
    """A file's tree, which nobody may change; an empty one for text that is not Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


@lru_cache(maxsize=MOST_FILES)
def _relative_imports(source: str) -> list[tuple[int, str, list[str]]]:
    """Level, module and names of each relative import."""
    nodes = (node for node in _statements(syntax(source)) if isinstance(node, ast.ImportFrom) and node.level)
    return [(node.level, node.module or "", [alias.name for alias in node.names]) for node in nodes]


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement within one, at any depth: expressions, which are most of a tree, are not entered."""
    for field in ("body", "orelse", "handlers", "finalbody", "cases"):
        for inner in getattr(node, field, ()):
            yield inner
            yield from _statements(inner)
