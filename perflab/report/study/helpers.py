"""What a rung calls of the underscore files beside it, from saved texts.

A rung whose file is little more than such calls is shown with the code of the called functions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from perflab.records.texts import syntax

THIN = 30  # lines of functions: a shorter file that calls longer functions is a shell around them
DEPTH = 2  # the called functions, and those that they call
ASIDE = ("bound", "workspace_bytes")  # what a rung says of itself, beside what it computes
Function = tuple[str, str]  # file and name


def of_shell(name: str, texts: Mapping[str, str]) -> dict[str, str]:
    """By file, the code that a shell calls; empty for a file with code enough of its own."""
    functions = {f.name: f for f in _functions(texts.get(name, "")) if f.name not in ASIDE}
    own = sum(map(_length, functions.values()))
    if own > THIN:
        return {}
    called: dict[Function, ast.FunctionDef] = {}
    level: dict[Function, ast.FunctionDef] = {(name, each): function for each, function in functions.items()}
    for _ in range(DEPTH):
        level = {at: found for function in level.items() for at, found in _called(*function, texts)}
        level = {at: found for at, found in level.items() if at not in called and at[0] != name}
        called |= level
    if sum(map(_length, called.values())) <= own:
        return {}
    files = dict.fromkeys(file for file, _ in called)
    return {file: _code(texts[file], [f for at, f in called.items() if at[0] == file]) for file in files}


def _called(
    at: Function, function: ast.FunctionDef, texts: Mapping[str, str]
) -> Iterator[tuple[Function, ast.FunctionDef]]:
    """The functions that one uses: of its own file, and of the underscore files that this imports."""
    file = at[0]
    known = {(file, f.name): f for f in _functions(texts[file])}
    named = {name: (file, name) for _, name in known}
    modules: dict[str, str] = {}
    for node in syntax(texts[file]).body:
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            for alias in node.names:
                module = PurePosixPath(file).with_name(f"{node.module or alias.name}.py").as_posix()
                if not (node.module or alias.name).startswith("_") or module not in texts:
                    continue
                known |= {(module, f.name): f for f in _functions(texts[module])}
                if node.module:
                    named[alias.asname or alias.name] = (module, alias.name)
                else:
                    modules[alias.asname or alias.name] = module
    for part in ast.walk(function):
        match part:
            case ast.Name(id):
                used = named.get(id)
            case ast.Attribute(ast.Name(id), attribute):
                used = (modules.get(id, ""), attribute)
            case _:
                used = None
        if used in known and used != at:
            yield used, known[used]


def _code(text: str, functions: list[ast.FunctionDef]) -> str:
    """The source of these functions in the order of their file, with their decorators."""
    lines = text.splitlines()
    chosen = sorted(functions, key=lambda function: function.lineno)
    return "\n\n\n".join("\n".join(lines[_first(f) - 1 : f.end_lineno]) for f in chosen) + "\n"


def _functions(text: str) -> list[ast.FunctionDef]:
    return [node for node in syntax(text).body if isinstance(node, ast.FunctionDef)]


def _first(function: ast.FunctionDef) -> int:
    return min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])


def _length(function: ast.FunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1
