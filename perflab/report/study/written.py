"""A rung that only compiles another rung's functions, written out."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from perflab.records.texts import syntax


def written_out(text: str, others: Mapping[str, str]) -> tuple[str, str]:
    """A file that only compiles another rung's functions, as that rung with decorators; and that rung's name.

    `forward = njit(cache=True)(naive.forward)` becomes `@njit(cache=True)` above naive's `def forward`. Any
    other file is returned as it is, with the name "".
    """
    wrapped: dict[str, str] = {}
    bases: set[str] = set()
    imports = []
    for node in syntax(text).body:
        match node:
            case ast.Assign(
                [ast.Name(name)], ast.Call(decorator, [ast.Attribute(ast.Name(base), attr)], [])
            ) if base in others and name == attr:
                wrapped[name] = ast.unparse(decorator)
                bases.add(base)
            case ast.ImportFrom(level=0) | ast.Import():
                imports.append(ast.unparse(node))
            case ast.ImportFrom() | ast.Expr():
                pass
            case _:
                return text, ""
    if len(bases) != 1:
        return text, ""
    base = bases.pop()
    lines = []
    for line in others[base].splitlines():
        name = line.partition("(")[0].removeprefix("def ") if line.startswith("def ") else ""
        lines += [f"@{wrapped[name]}", line] if name in wrapped else [line]
        if line.startswith(("import ", "from ")):
            lines += imports
            imports = []
    return "\n".join(lines) + "\n", base
