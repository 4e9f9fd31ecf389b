"""What a rung calls: the functions that it takes from the underscore files beside it, from saved texts."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

THIN = 30  # lines of functions: a shorter file that calls longer functions is a shell around them

Functions = dict[str, tuple[str, ...]]


def called(name: str, texts: Mapping[str, str]) -> Functions:
    """The functions that a file uses of each underscore file in its folder, in the order of their text."""
    tree = _parsed(texts.get(name, ""))
    used: dict[str, set[str]] = {}
    for file, words in _taken(tree, PurePosixPath(name)):
        used.setdefault(file, set()).update(words)
    functions = {file: [f.name for f in _functions(texts.get(file, ""))] for file in used}
    found = {file: tuple(f for f in functions[file] if f in words) for file, words in used.items()}
    return {file: names for file, names in found.items() if names}


def code_of(text: str, names: tuple[str, ...]) -> str:
    """The source of these functions, with their decorators."""
    lines = text.splitlines()
    chosen = [f for f in _functions(text) if f.name in names]
    return "\n\n\n".join("\n".join(lines[_first(f) - 1 : f.end_lineno]) for f in chosen) + "\n"


def is_shell(name: str, texts: Mapping[str, str]) -> bool:
    """Whether a file has little more than calls of functions that are longer than itself."""
    own = sum(_length(f) for f in _functions(texts.get(name, "")))
    inside = sum(
        _length(f)
        for file, names in called(name, texts).items()
        for f in _functions(texts[file])
        if f.name in names
    )
    return own <= THIN and inside > own


def _taken(tree: ast.Module, path: PurePosixPath) -> Iterator[tuple[str, set[str]]]:
    """Each underscore file of the folder that is imported, and the names that are used of it."""
    attributes: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            attributes.setdefault(node.value.id, set()).add(node.attr)
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.level != 1:
            continue
        if node.module and node.module.startswith("_"):
            yield path.with_name(f"{node.module}.py").as_posix(), {alias.name for alias in node.names}
        elif not node.module:
            for alias in node.names:
                if alias.name.startswith("_"):
                    file = path.with_name(f"{alias.name}.py").as_posix()
                    yield file, attributes.get(alias.asname or alias.name, set())


def _functions(text: str) -> list[ast.FunctionDef]:
    return [node for node in _parsed(text).body if isinstance(node, ast.FunctionDef)]


def _first(function: ast.FunctionDef) -> int:
    return min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])


def _length(function: ast.FunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _parsed(text: str) -> ast.Module:
    """A file's tree; an empty one for text that is not Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])
