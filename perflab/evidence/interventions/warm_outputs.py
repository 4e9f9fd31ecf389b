"""Results are written to memory that was written before, in place of fresh pages."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from perflab.evidence.causes import syntax
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Program

NEW = ("empty", "zeros", "empty_like", "zeros_like")
LEAST_BYTES = 1 << 16


def apply(program: Program) -> Change | None:
    """Applicable where the function itself makes a large array that it returns."""
    names: list[str] = []
    found: dict[str, Any] = {}

    def edit(node: ast.FunctionDef, _: Any) -> bool:
        found.update(returned(node, program.result))
        names.extend(warmed(node, found))
        return bool(names)

    trees = program.edited_entry(edit)
    if trees is None:
        return None
    return Change(trees, extra=tuple(np.zeros_like(found[name]) for name in names))


def returned(node: ast.FunctionDef, result: Any) -> dict[str, Any]:
    """The large arrays among the results, by the names under which the last statement returns them."""
    last = node.body[-1]
    pairs: list[tuple[Any, Any]] = [(last.value, result)] if isinstance(last, ast.Return) else []
    found: dict[str, Any] = {}
    while pairs:
        tree, value = pairs.pop()
        if isinstance(tree, ast.Tuple) and isinstance(value, tuple) and len(tree.elts) == len(value):
            pairs += zip(tree.elts, value, strict=True)
        elif isinstance(tree, ast.Name) and isinstance(value, np.ndarray) and value.nbytes >= LEAST_BYTES:
            found[tree.id] = value
    return found


def warmed(node: ast.FunctionDef, found: dict[str, Any]) -> list[str]:
    """Replace the making of these arrays by further parameters; the names of those that were replaced."""
    names: list[str] = []

    def change(statement: ast.stmt) -> list[ast.stmt] | None:
        match statement:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Attribute(ast.Name("np"), made), _)):
                return one(name, made)
            case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)):
                each = [ast.Assign([t], v, lineno=0) for t, v in zip(targets, values, strict=True)]
                new = [change(assign) for assign in each]
                if any(new):
                    return [s for old, n in zip(each, new, strict=True) for s in (n or [old])]
        return None

    def one(name: str, made: str) -> list[ast.stmt] | None:
        if name not in found or made not in NEW or name in names:
            return None
        names.append(name)
        text = f"{name} = warm_{name}"
        return syntax.statements(f"{text}\n{name}[:] = 0" if made.startswith("zeros") else text)

    syntax.rewrite(node, change)
    node.args.args += [ast.arg(f"warm_{name}") for name in names]
    return names


intervention = Intervention(
    name="warm outputs",
    cause="fresh pages",
    because="the results lie in fresh pages, which the system first has to give and to clear",
    changes="results are written to memory that was written before",
    apply=apply,
)
