"""A branch becomes a selection: both outcomes are computed, and one is taken."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from copy import deepcopy

from perflab.evidence.causes import syntax
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Kinds, Program

SELECT = "_helpers.select"


def apply(program: Program) -> Change | None:
    """Applicable to an innermost loop with a branch that only assigns."""
    trees = program.edited(without_branches)
    return Change(trees, guard={"boundscheck": True}) if trees else None


def without_branches(node: ast.FunctionDef, kinds: Kinds) -> bool:
    """Replace the branches of innermost loops."""
    inner = [each for loop in syntax.innermost(node) if syntax.simple(loop) for each in syntax.inside(loop)]

    def change(statement: ast.stmt) -> list[ast.stmt] | None:
        if isinstance(statement, ast.If) and any(statement is each for each in inner):
            return _selected(node, statement)
        return None

    return syntax.rewrite(node, change)


def _selected(node: ast.FunctionDef, branch: ast.If) -> list[ast.stmt] | None:
    condition = _without_shortcut(branch.test)
    sides = [_assignments(branch.body), _assignments(branch.orelse)]
    if condition is None or sides[0] is None or sides[1] is None:
        return None
    name = syntax.unused(node, "holds")
    result: list[ast.stmt] = [ast.Assign([ast.Name(name, ast.Store())], condition, lineno=0)]
    guarded = _tested(branch.test)
    for side, holds in zip(sides, (True, False), strict=True):
        for target, value in side or ():
            target, value = (_safe(each, guarded, name, holds) for each in (target, value))
            old = deepcopy(target)
            for each in ast.walk(old):
                if hasattr(each, "ctx"):
                    each.ctx = ast.Load()
            parts = (value, old) if holds else (old, value)
            chosen = syntax.call(SELECT, ast.Name(name, ast.Load()), *parts)
            result.append(ast.Assign([target], chosen, lineno=0))
    return result


def _assignments(block: Sequence[ast.stmt]) -> list[tuple[ast.expr, ast.expr]] | None:
    """Targets and values of a block that only assigns to names and elements; None of any other."""
    found: list[tuple[ast.expr, ast.expr]] = []
    for statement in block:
        match statement:
            case ast.Assign([ast.Name() | ast.Subscript() as target], value):
                pass
            case ast.AugAssign(ast.Name() | ast.Subscript() as target, op, added):
                now = deepcopy(target)
                now.ctx = ast.Load()
                value = ast.BinOp(now, op, added)
            case _:
                return None
        if any(isinstance(each, (ast.Call, ast.FloorDiv, ast.Mod, ast.Div)) for each in ast.walk(value)):
            return None  # a call may do more than compute, and a division by 0 would raise
        found.append((deepcopy(target), deepcopy(value)))
    return found


def _tested(test: ast.expr) -> set[str]:
    """The names and the elements that a condition is about, as text: of x[i] > 0 that is x[i], and not i."""
    if isinstance(test, (ast.Name, ast.Subscript)):
        return {ast.unparse(test)}
    return {
        text for each in ast.iter_child_nodes(test) if isinstance(each, ast.expr) for text in _tested(each)
    }


def _is_about(index: ast.expr, guarded: set[str]) -> bool:
    inner = (each for each in ast.walk(index) if isinstance(each, (ast.Name, ast.Subscript)))
    return any(ast.unparse(each) in guarded for each in inner)


def _safe(node: ast.expr, guarded: set[str], name: str, holds: bool) -> ast.expr:
    """With index 0 in place of each index that the condition is about, where it does not hold."""

    def change(each: ast.AST) -> ast.AST | None:
        if not isinstance(each, ast.Subscript):
            return None
        indices = [_at_zero(i, name, holds) if _is_about(i, guarded) else i for i in syntax.indices(each)]
        each.slice = ast.Tuple(indices, ast.Load()) if len(indices) > 1 else indices[0]
        return each

    whole = ast.Expression(node)
    syntax.rewrite_expressions(whole, change)
    return whole.body


def _at_zero(index: ast.expr, name: str, holds: bool) -> ast.expr:
    zero = syntax.call("_helpers.zero_of", deepcopy(index))
    parts: tuple[ast.expr, ast.expr] = (index, zero) if holds else (zero, index)
    return syntax.call(SELECT, ast.Name(name, ast.Load()), *parts)


def _without_shortcut(test: ast.expr) -> ast.expr | None:
    """The condition with & and | for and and or; None where a later part may need an earlier one."""
    match test:
        case ast.BoolOp(op, values):
            if any(
                isinstance(each, (ast.Subscript, ast.Call, ast.Div)) for v in values for each in ast.walk(v)
            ):
                return None
            parts = [_without_shortcut(value) for value in values]
            if any(part is None for part in parts):
                return None
            joined, *others = [part for part in parts if part is not None]
            bits: ast.operator = ast.BitAnd() if isinstance(op, ast.And) else ast.BitOr()
            for other in others:
                joined = ast.BinOp(joined, bits, other)
            return joined
        case ast.Compare(left, ops, comparators):
            places = [left, *comparators]
            pairs = [ast.Compare(places[at], [op], [places[at + 1]]) for at, op in enumerate(ops)]
            joined = pairs[0]
            for pair in pairs[1:]:
                joined = ast.BinOp(joined, ast.BitAnd(), pair)
            return joined
        case _:
            return None


intervention = Intervention(
    name="select for branch",
    cause="branches",
    because="a branch in the innermost loop goes now one way, now the other",
    changes="both outcomes are computed, and one is selected",
    apply=apply,
)
