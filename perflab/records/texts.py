"""The imports between the texts of code that a run saved.

A file is named by its operation and its path in the operation's folder ("conv2d/jit.py"), one beside that
folder by its name ("_simd.py"), one from elsewhere by its operation and column ("conv2d/mine.py").
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import PurePath, PurePosixPath
from typing import TypeVar

DERIVATION = "derivation.md"
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
    tree = _parsed(source) if path.suffix == ".py" else None
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.ImportFrom) and 0 < node.level <= len(path.parents):
            folder = path.parents[node.level - 1]
            inner = folder.joinpath(*(node.module or "").split(".")) if node.module else folder
            for place in (inner, *(inner / alias.name for alias in node.names)):
                if place.name and place.name != "__init__":
                    yield place.with_name(f"{place.name}.py")


def heading(text: str) -> str:
    """The first line of a file's docstring."""
    tree = _parsed(text)
    return (ast.get_docstring(tree) or "").partition("\n")[0] if tree else ""


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
