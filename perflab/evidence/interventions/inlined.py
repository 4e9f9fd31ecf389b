"""Compiled functions that a loop calls become part of it."""

from __future__ import annotations

import ast
from copy import deepcopy

from perflab.evidence.causes import syntax
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Program, Trees, find

COMPILERS = ("njit", "jit")


def apply(program: Program) -> Change | None:
    """Applicable where a loop calls another compiled function of these files."""
    called = [place for place in program.compiled if place != program.entry and _is_called(program, place[1])]
    trees: Trees = deepcopy(dict(program.trees))
    done = [_inline(node) for place in called if (node := find(trees, *place)) is not None]
    return Change(trees) if any(done) else None


def _is_called(program: Program, name: str) -> bool:
    return program.any(lambda node, _: _calls(node, name))


def _calls(node: ast.FunctionDef, name: str) -> bool:
    """Whether a loop of a function calls a function of that name."""
    return any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == name
        for loop in syntax.loops(node)
        for each in syntax.inside(loop)
    )


def _inline(node: ast.FunctionDef) -> bool:
    """Let Numba put a function in the place of its calls, by its decorator."""
    for at, decorator in enumerate(node.decorator_list):
        call = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in COMPILERS:
            keywords = [each for each in call.keywords if each.arg not in ("inline", "cache")]
            kept = ast.keyword("inline", ast.Constant("always"))
            node.decorator_list[at] = ast.Call(call.func, [], [*keywords, kept])
            return True
    return False


intervention = Intervention(
    name="calls inlined",
    cause="a call that is not inlined",
    because="the loop calls a compiled function in every turn, and the compiler sees each by itself",
    changes="the called function becomes part of the loop",
    apply=apply,
)
