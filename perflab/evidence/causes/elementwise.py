"""Statements on whole arrays, element by element, as one loop."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from copy import deepcopy

from perflab.evidence.causes import syntax
from perflab.evidence.causes.program import Kinds

UFUNCS = ("exp", "log", "sqrt", "tanh", "abs", "maximum", "minimum", "square", "sin", "cos")


def axes(node: ast.expr, kinds: Kinds) -> int | None:
    """The axes of an element-wise expression, 0 of a scalar; None of any other, or where they differ."""
    match node:
        case ast.Constant(int() | float()):
            return 0
        case ast.Name(name):
            return kinds[name].ndim if name in kinds else None
        case ast.Subscript(ast.Name(name)) if name in kinds:
            return _axes_left(node, kinds)
        case ast.BinOp(left, _, right):
            return _common([left, right], kinds)
        case ast.UnaryOp(_, operand):
            return axes(operand, kinds)
        case ast.Call(ast.Attribute(ast.Name("np"), function), args, []) if function in UFUNCS:
            return _common(args, kinds)
    return None


def _axes_left(node: ast.Subscript, kinds: Kinds) -> int | None:
    assert isinstance(node.value, ast.Name)
    indices = syntax.indices(node)
    slices = [each for each in indices if isinstance(each, ast.Slice)]
    if any(each.lower or each.upper or each.step for each in slices):
        return None
    whole = all(isinstance(e, ast.Slice) or _is_number(e, kinds) for e in indices)
    return kinds[node.value.id].ndim - len(indices) + len(slices) if whole else None


def _is_number(node: ast.expr, kinds: Kinds) -> bool:
    return all(name in kinds and kinds[name].is_whole and not kinds[name].ndim for name in syntax.names(node))


def _common(nodes: Sequence[ast.expr], kinds: Kinds) -> int | None:
    found = [axes(each, kinds) for each in nodes]
    if any(each is None for each in found):
        return None
    arrays = {each for each in found if each}
    return None if len(arrays) > 1 else max(arrays, default=0)


def sum_in(statement: ast.stmt, kinds: Kinds) -> ast.Call | None:
    """The call in a statement that sums an element-wise expression with arithmetic in it."""
    for each in ast.walk(statement):
        match each:
            case ast.Call(ast.Attribute(ast.Name("np"), "sum"), [inner], []):
                pass
            case ast.Call(ast.Attribute(inner, "sum"), [], []):
                pass
            case _:
                continue
        if isinstance(inner, (ast.BinOp, ast.Call, ast.UnaryOp)) and axes(inner, kinds) == 1:
            return each
    return None


def _summed(call: ast.Call) -> ast.expr:
    assert isinstance(call.func, ast.Attribute)
    return call.args[0] if call.args else call.func.value


def run_of(block: Sequence[ast.stmt], kinds: Kinds) -> list[ast.stmt]:
    """The statements at a block's beginning that one loop can do: of 1 axis, the last one perhaps a sum."""
    run: list[ast.stmt] = []
    for statement in block:
        match statement:
            case ast.Assign([ast.Name(name)], ast.BinOp() | ast.UnaryOp() | ast.Call() as value) if (
                axes(value, kinds) == 1 and name in kinds
            ):
                run.append(statement)
            case ast.Assign([ast.Subscript() as target], value) if (
                axes(target, kinds) == axes(value, kinds) == 1
            ):
                run.append(statement)
            case ast.Assign() | ast.AugAssign() | ast.Return() if sum_in(statement, kinds):
                return [*run, statement]
            case _:
                return run
    return run


def fused(
    run: Sequence[ast.stmt], temporaries: Sequence[str], node: ast.FunctionDef, kinds: Kinds
) -> list[ast.stmt]:
    """One loop for these statements, in which the temporaries are scalars."""
    at, before, after, body = syntax.unused(node, "at"), [], [], []
    scalars = {name: syntax.unused(node, f"{name}_element") for name in temporaries}
    first = _array_in(run, scalars, kinds)
    for statement in run:
        if (call := sum_in(statement, kinds)) is not None:
            total = syntax.unused(node, "total")
            element = ast.unparse(_element(_summed(call), at, scalars, kinds))
            before.append(f"{total} = _helpers.zero_of({ast.unparse(_element(first, '0', {}, kinds))})")
            body.append(f"{total} += {element}")
            text = ast.unparse(statement).replace(ast.unparse(call), total)
            after.append(text)
            continue
        assert isinstance(statement, ast.Assign)
        target, value = statement.targets[0], ast.unparse(_element(statement.value, at, scalars, kinds))
        if isinstance(target, ast.Name) and target.id not in scalars:
            before.append(f"{target.id} = np.empty({_length(first, kinds)}, np.{kinds[target.id].dtype})")
        body.append(f"{ast.unparse(_element(target, at, scalars, kinds))} = {value}")
    loop = f"for {at} in range({_length(first, kinds)}):\n" + "\n".join(f"    {line}" for line in body)
    return syntax.statements("\n".join([*before, loop, *after]))


def _array_in(run: Sequence[ast.stmt], scalars: dict[str, str], kinds: Kinds) -> ast.expr:
    """An array that exists before the loop: one that the statements read, whose length is the loop's."""
    for statement in run:
        for each in ast.walk(statement):
            match each:
                case ast.Name(name, ast.Load()) if name not in scalars and axes(each, kinds) == 1:
                    return each
                case ast.Subscript(ast.Name()) if axes(each, kinds) == 1:
                    read = deepcopy(each)
                    read.ctx = ast.Load()
                    return read
    raise LookupError("no array in element-wise statements")


def _length(node: ast.expr, kinds: Kinds) -> str:
    if isinstance(node, ast.Name):
        return f"{node.id}.shape[0]"
    assert isinstance(node, ast.Subscript)
    indices = syntax.indices(node)
    place = next((at for at, index in enumerate(indices) if isinstance(index, ast.Slice)), len(indices))
    return f"{ast.unparse(node.value)}.shape[{place}]"


def _element(node: ast.expr, at: str, scalars: dict[str, str], kinds: Kinds) -> ast.expr:
    """One element of an expression."""

    class Element(ast.NodeTransformer):
        def visit_Name(self, inner: ast.Name) -> ast.expr:
            if inner.id in scalars:
                return ast.Name(scalars[inner.id], inner.ctx)
            if inner.id in kinds and kinds[inner.id].ndim:
                return ast.Subscript(inner, ast.Name(at, ast.Load()), inner.ctx)
            return inner

        def visit_Subscript(self, inner: ast.Subscript) -> ast.expr:
            indices = syntax.indices(inner)
            places = [ast.Name(at, ast.Load()) if isinstance(each, ast.Slice) else each for each in indices]
            if axes(inner, kinds) and not any(isinstance(each, ast.Slice) for each in indices):
                places.append(ast.Name(at, ast.Load()))
            new = ast.Tuple(places, ast.Load()) if len(places) > 1 else places[0]
            return ast.Subscript(inner.value, new, inner.ctx)

    result: ast.expr = Element().visit(deepcopy(node))
    return result
