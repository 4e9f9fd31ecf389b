"""Where floating-point permissions may matter in a loop, and the change that gives them."""

from __future__ import annotations

import ast
from collections.abc import Set

from perflab.evidence.causes import syntax
from perflab.evidence.causes.intervention import Change
from perflab.evidence.causes.program import Kinds, Program


def allowed(program: Program, permissions: Set[str]) -> Change | None:
    """The change that adds permissions; None where the original has them all."""
    given = program.options.get("fastmath") or set()
    if given is True or (isinstance(given, (set, frozenset)) and permissions <= given):
        return None
    return Change(flags={"fastmath": {*given, *permissions}})


def sums(node: ast.FunctionDef, kinds: Kinds) -> bool:
    """Whether a loop adds to, subtracts from, or multiplies a floating-point number."""
    return any(_is_sum(each, kinds) for loop in syntax.loops(node) for each in syntax.inside(loop))


def products_in_sums(node: ast.FunctionDef, kinds: Kinds) -> bool:
    """Whether a loop adds a product to a floating-point number."""
    return any(_adds_product(each, kinds) for loop in syntax.loops(node) for each in syntax.inside(loop))


def arithmetic(node: ast.FunctionDef, kinds: Kinds) -> bool:
    """Whether a loop computes with floating-point numbers."""
    return any(
        isinstance(each, (ast.BinOp, ast.AugAssign)) and is_float(each, kinds)
        for loop in syntax.loops(node)
        for each in syntax.inside(loop)
    )


def is_float(node: ast.AST, kinds: Kinds) -> bool:
    """Whether an expression holds a floating-point name or constant outside of its indices."""
    if isinstance(node, ast.Subscript):
        return is_float(syntax.base_of(node), kinds)
    if isinstance(node, ast.Name):
        return node.id in kinds and kinds[node.id].is_float
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    return any(is_float(each, kinds) for each in ast.iter_child_nodes(node))


def _is_sum(node: ast.AST, kinds: Kinds) -> bool:
    ops = (ast.Add, ast.Sub, ast.Mult)
    if isinstance(node, ast.AugAssign):
        return isinstance(node.op, ops) and is_float(node.target, kinds)
    match node:
        case ast.Assign([ast.Name(name)], ast.BinOp(op=op)) if isinstance(op, ops):
            return name in syntax.names(node.value) and is_float(node.value, kinds)
    return False


def _adds_product(node: ast.AST, kinds: Kinds) -> bool:
    match node:
        case ast.AugAssign(op=ast.Add() | ast.Sub(), value=value):
            parts = [value]
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            parts = [left, right]
        case _:
            return False
    products = (part for part in parts if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mult))
    return any(is_float(part, kinds) for part in products)
