"""What the texts of code that a run kept say of one another: which file imports which.

A file is known by its operation and its path in the operation's folder ("conv2d/jit.py"), one beside that
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
    """The names among `texts` that a file imports; unless only `directly`, what those import too."""
    names: list[str] = []
    work = [name]
    while work:
        file = work.pop(0)
        for path in candidates(PurePosixPath(file), texts.get(file, "")):
            other = path.as_posix()
            if other in texts and other not in (name, *names):
                names.append(other)
                work += [] if directly else [other]
    return names


def candidates(path: Location, source: str) -> Iterator[Location]:
    """Where a file's relative imports may lead: modules, and names that may be modules of a folder."""
    if path.suffix != ".py":
        return
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and 0 < node.level <= len(path.parents):
            folder = path.parents[node.level - 1]
            inner = folder.joinpath(*(node.module or "").split(".")) if node.module else folder
            for place in (inner, *(inner / alias.name for alias in node.names)):
                if place.name and place.name != "__init__":
                    yield place.with_name(f"{place.name}.py")


def heading(text: str) -> str:
    """The first line of a file's docstring."""
    try:
        return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
