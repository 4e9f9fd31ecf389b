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
    reciprocals = _Reciprocals(node)

    def change(each: ast.AST) -> ast.AST | None:
        match each:
            case ast.BinOp(value, op, divisor) | ast.AugAssign(value, op, divisor):
                loop = reciprocals.loop_of(each, divisor)
            case _:
                return None
        if loop is None or (isinstance(divisor, ast.Constant) and not is_float(value, kinds)):
            return None
        if isinstance(op, ast.Div) and (is_float(value, kinds) or is_float(divisor, kinds)):
            other = reciprocals.name(loop, divisor)
            if isinstance(each, ast.AugAssign):
                return ast.AugAssign(each.target, ast.Mult(), other)
            return ast.BinOp(value, ast.Mult(), other)
        if isinstance(each, ast.BinOp) and _is_whole(value, kinds) and _is_whole(divisor, kinds):
            args = [value, reciprocals.name(loop, divisor)] if isinstance(op, (ast.FloorDiv, ast.Mod)) else []
            if isinstance(op, ast.FloorDiv):
                return syntax.call("_helpers.quotient", *args)
            if isinstance(op, ast.Mod):
                return syntax.call("_helpers.remainder", *args, deepcopy(divisor))
        return None

    return syntax.rewrite_expressions(node, change) and syntax.rewrite(node, reciprocals.before)


class _Reciprocals:
    """The reciprocals that a function needs: each has a name, and a loop before which it is computed."""

    def __init__(self, node: ast.FunctionDef) -> None:
        self.node, self.names = node, dict[tuple[int, str], str]()
        self.loops = [*syntax.loops(node)]  # outer ones come first

    def loop_of(self, division: ast.AST, divisor: ast.expr) -> ast.For | None:
        """The outermost loop around a division in which its divisor stays the same."""
        around = (loop for loop in self.loops if any(division is each for each in syntax.inside(loop)))
        return next((loop for loop in around if _stays(divisor, loop)), None)

    def name(self, loop: ast.For, divisor: ast.expr) -> ast.expr:
        """The name of a divisor's reciprocal."""
        new = syntax.unused(self.node, f"reciprocal_{len(self.names)}")
        return ast.Name(self.names.setdefault((id(loop), ast.unparse(divisor)), new), ast.Load())

    def before(self, statement: ast.stmt) -> list[ast.stmt] | None:
        """A loop with the reciprocals before it; None of any other statement."""
        needed = [(text, name) for (loop, text), name in self.names.items() if loop == id(statement)]
        lines = [f"{name} = _helpers.reciprocal({text})" for text, name in needed]
        return [*syntax.statements("\n".join(lines)), statement] if lines else None


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
