"""A division by what does not change in the loop becomes a product with its reciprocal."""

from __future__ import annotations

import ast
from copy import deepcopy

from perflab.evidence.causes import syntax
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.permissions import is_float
from perflab.evidence.causes.program import Kinds, Program


def apply(program: Program) -> Change | None:
    """Applicable where a loop divides by a number that it does not change."""
    trees = program.edited(without_division)
    return Change(trees) if trees else None


def without_division(node: ast.FunctionDef, kinds: Kinds) -> bool:
    """Compute each reciprocal before the outermost loop in which its divisor stays the same."""
    reciprocals: list[tuple[ast.For, str, str]] = []
    outer = list(syntax.loops(node))  # outer ones come first
    known: dict[tuple[int, str, bool], str] = {}

    def reciprocal(loop: ast.For, divisor: ast.expr, whole: bool) -> ast.expr:
        text = ast.unparse(divisor)
        key = (id(loop), text, whole)
        if key not in known:
            known[key] = syntax.unused(node, f"reciprocal_{len(known)}")
            reciprocals.append((loop, known[key], f"_helpers.reciprocal({text})"))
        return ast.Name(known[key], ast.Load())

    def change(each: ast.AST) -> ast.AST | None:
        target = isinstance(each, ast.AugAssign)
        if not isinstance(each, (ast.BinOp, ast.AugAssign)):
            return None
        divisor = each.value if isinstance(each, ast.AugAssign) else each.right
        value = each.target if isinstance(each, ast.AugAssign) else each.left
        loop = next((loop for loop in outer if any(each is inner for inner in syntax.inside(loop))
                     and _stays(divisor, loop)), None)  # fmt: skip
        if loop is None or (isinstance(divisor, ast.Constant) and not is_float(value, kinds) and not target):
            return None
        whole = _is_whole(value, kinds) and _is_whole(divisor, kinds)
        if isinstance(each.op, ast.Div) and (is_float(value, kinds) or is_float(divisor, kinds)):
            other = reciprocal(loop, divisor, whole=False)
            if isinstance(each, ast.AugAssign):
                return ast.AugAssign(each.target, ast.Mult(), other)
            return ast.BinOp(each.left, ast.Mult(), other)
        if isinstance(each.op, (ast.FloorDiv, ast.Mod)) and whole and isinstance(each, ast.BinOp):
            other = reciprocal(loop, divisor, whole=True)
            name = "quotient" if isinstance(each.op, ast.FloorDiv) else "remainder"
            more = [] if name == "quotient" else [deepcopy(divisor)]
            return ast.Call(syntax.expression(f"_helpers.{name}"), [each.left, other, *more], [])
        return None

    if not syntax.rewrite_expressions(node, change):
        return False
    before = {id(loop): [(name, text) for each, name, text in reciprocals if each is loop]
              for loop, _, _ in reciprocals}  # fmt: skip

    def insert(statement: ast.stmt) -> list[ast.stmt] | None:
        lines = [f"{name} = {text}" for name, text in before.get(id(statement), ())]
        return [*syntax.statements("\n".join(lines)), statement] if lines else None

    return syntax.rewrite(node, insert)


def _stays(divisor: ast.expr, loop: ast.For) -> bool:
    """Whether a divisor has the same value in every turn of a loop."""
    if any(isinstance(each, (ast.Call, ast.Subscript)) for each in ast.walk(divisor)):
        return False
    return not syntax.names(divisor) & (syntax.assigned(loop) | {syntax.variable(loop)})


def _is_whole(node: ast.expr, kinds: Kinds) -> bool:
    """Whether an expression is made of whole numbers."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    bases = [syntax.base_of(e) if isinstance(e, ast.Subscript) else e for e in ast.walk(node)]
    names = {base.id for base in bases if isinstance(base, ast.Name)}
    return bool(names) and all(name in kinds and kinds[name].is_whole for name in names)


intervention = Intervention(
    name="product for division",
    cause="division",
    because="it divides in every turn by a number that stays the same, and tests it for 0",
    changes="one reciprocal before the loop, and products within",
    apply=apply,
)
