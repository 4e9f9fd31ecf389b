"""Indices without a sign, and no check of bounds: no index counts from the end of an array."""

from __future__ import annotations

import ast

from perflab.evidence.causes import syntax
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Kinds, Program

UNSIGNED = "_helpers.unsigned"


def apply(program: Program) -> Change | None:
    """Applicable where a loop indexes arrays by more than constants; not where an index is negative."""
    trees = program.edited(without_sign)
    return Change(trees, flags={"boundscheck": False}, guard={"boundscheck": True}) if trees else None


def without_sign(node: ast.FunctionDef, kinds: Kinds) -> bool:
    """Make every index in a loop unsigned."""
    done = False
    for loop in syntax.loops(node):
        for each in syntax.inside(loop):
            if isinstance(each, ast.Subscript) and not isinstance(each.slice, ast.Slice):
                done |= _indices(each, kinds)
    return done


def _indices(node: ast.Subscript, kinds: Kinds) -> bool:
    base = syntax.base_of(node)
    if not isinstance(base, ast.Name) or base.id not in kinds or not kinds[base.id].ndim:
        return False
    changed = [_changed(index) for index in syntax.indices(node)]
    if all(each is None for each in changed):
        return False
    new = [old if each is None else each for old, each in zip(syntax.indices(node), changed, strict=True)]
    node.slice = ast.Tuple(new, ast.Load()) if isinstance(node.slice, ast.Tuple) else new[0]
    return True


def _changed(index: ast.expr) -> ast.expr | None:
    if isinstance(index, (ast.Constant, ast.Slice, ast.UnaryOp)) or UNSIGNED in ast.unparse(index):
        return None
    return syntax.call(UNSIGNED, index)


intervention = Intervention(
    name="unsigned indices, no bounds",
    cause="bounds and wrap-around of indices",
    because="each index is looked at before it is used: whether it is negative, or past the end",
    changes="indices are unsigned and not checked",
    apply=apply,
)
