"""One floating-point dtype throughout: no number is widened, or made a float, in a loop."""

from __future__ import annotations

import ast
from collections import Counter

import numpy as np

from perflab.evidence.causes import syntax
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Kind, Kinds, Program, replaced

WORDS = ("float16", "float32", "float64", "float_", "double", "single")


def apply(program: Program) -> Change | None:
    """Applicable where floating-point numbers of two dtypes meet, or whole numbers and floats."""
    floats = {name: program.at(place) for name, place in program.places().items()}
    dtypes = Counter(
        v.dtype.name for v in floats.values() if isinstance(v, np.ndarray) and v.dtype.kind == "f"
    )
    if not dtypes:
        return None
    args, changed = program.args, False
    dtype = min(dtypes, key=lambda name: np.dtype(name).itemsize)
    for name, place in program.places().items():
        value = floats[name]
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.dtype.name != dtype:
            args, changed = replaced(args, place, value.astype(dtype)), True
    trees = program.edited(lambda node, kinds: converted(node, kinds, dtype))
    return Change(trees, args=args if changed else None) if changed or trees else None


def converted(node: ast.FunctionDef, kinds: Kinds, dtype: str) -> bool:
    """Convert what else would widen the numbers of a loop: constants, whole numbers, new arrays."""
    kind = f"np.{dtype}"

    def change(each: ast.AST) -> ast.AST | None:
        match each:
            case ast.BinOp(left, op, right) if not isinstance(op, (ast.Pow, ast.FloorDiv, ast.Mod)):
                a, b = _kind(left, kinds), _kind(right, kinds)
                meets = {k.dtype for k in (a, b) if k is not None}
                whole = isinstance(op, ast.Div) and all(k is not None and k.is_whole for k in (a, b))
                if not whole and not any(k is not None and k.is_float for k in (a, b)):
                    return None
                if meets == {dtype}:
                    return None
                each.left, each.right = (_as(side, k, kind) for side, k in ((left, a), (right, b)))
                return each if (each.left, each.right) != (left, right) else None
            case ast.Call(ast.Attribute(ast.Name("np"), word), [value]) if word in WORDS and word != dtype:
                return syntax.call(kind, value)
            case ast.Attribute(ast.Name("np"), word) if word in WORDS and word != dtype:
                return syntax.expression(kind)
        return None

    def assigned(statement: ast.stmt) -> list[ast.stmt] | None:
        match statement:
            case ast.Assign([ast.Name()], ast.Constant(value)) if isinstance(value, float):
                statement.value = _as(statement.value, Kind("float64"), kind)
                return [statement]
            case ast.AugAssign(target, _, value):
                other = _kind(value, kinds)
                if (other is not None and other.is_float and other.dtype != dtype) or _whole_in_float(
                    target, other, kinds
                ):
                    statement.value = _as(value, other, kind)
                    return [statement] if statement.value is not value else None
        return None

    wide = any(k.is_float and k.dtype != dtype for k in kinds.values()) or any(
        _mixes(loop, kinds) for loop in syntax.loops(node)
    )
    if not wide:
        return False
    done = syntax.rewrite_expressions(node, change)
    return syntax.rewrite(node, assigned) or done


def _mixes(loop: ast.For, kinds: Kinds) -> bool:
    """Whether floats of a loop meet a constant, which is a float64, or a whole number."""
    for each in syntax.inside(loop):
        if isinstance(each, ast.BinOp):
            sides = [_kind(each.left, kinds), _kind(each.right, kinds)]
            dtypes = {side.dtype for side in sides if side is not None}
            if len(dtypes) > 1 and any(side is not None and side.is_float for side in sides):
                return True
    return False


def _whole_in_float(target: ast.expr, value: Kind | None, kinds: Kinds) -> bool:
    goal = _kind(target, kinds)
    return goal is not None and goal.is_float and value is not None and value.is_whole


def _kind(node: ast.AST, kinds: Kinds) -> Kind | None:
    """The dtype of an expression, as far as it can be told."""
    match node:
        case ast.Constant(value):
            return (
                Kind("float64") if isinstance(value, float) else Kind("int64") if type(value) is int else None
            )
        case ast.Name(name):
            return Kind(kinds[name].dtype) if name in kinds and not kinds[name].ndim else None
        case ast.Subscript():
            base = syntax.base_of(node)
            return Kind(kinds[base.id].dtype) if isinstance(base, ast.Name) and base.id in kinds else None
        case ast.UnaryOp(_, value):
            return _kind(value, kinds)
        case ast.Call(ast.Attribute(ast.Name("np"), word), _) if word in WORDS:
            return Kind(word)
        case ast.BinOp(left, op, right):
            sides = [k for k in (_kind(left, kinds), _kind(right, kinds)) if k is not None]
            floats = [k for k in sides if k.is_float]
            if len(sides) < 2:
                return None
            if floats and len({k.dtype for k in sides}) == 1:
                return floats[0]
            return Kind("float64") if floats or isinstance(op, ast.Div) else sides[0]
    return None


def _as(node: ast.expr, kind: Kind | None, name: str) -> ast.expr:
    """The expression converted, where it is a leaf of another kind than the wanted one."""
    if kind is None or f"np.{kind.dtype}" == name or isinstance(node, ast.BinOp):
        return node
    return syntax.call(name, node)


intervention = Intervention(
    name="one dtype",
    cause="conversion of dtypes",
    because="numbers of two dtypes meet, and are converted in every turn",
    changes="constants, sums and arrays have the dtype of the narrowest array",
    apply=apply,
)
