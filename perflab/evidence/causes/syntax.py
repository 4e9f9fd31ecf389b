"""What interventions ask of Python's syntax trees: loops, names, indices."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy

RANGES = ("range", "prange")
LEAVING = (ast.Break, ast.Continue, ast.Return, ast.While, ast.Try, ast.With)


def expression(text: str) -> ast.expr:
    """An expression's tree."""
    return ast.parse(text, mode="eval").body


def call(function: str, *args: ast.expr) -> ast.Call:
    """The call of a function, by its name, on these arguments."""
    return ast.Call(expression(function), [*args], [])


def statements(text: str) -> list[ast.stmt]:
    """The trees of statements."""
    return ast.parse(text).body


def loops(node: ast.AST) -> Iterator[ast.For]:
    """Every loop over a range within a node."""
    for each in ast.walk(node):
        if isinstance(each, ast.For) and isinstance(each.target, ast.Name) and is_range(each.iter):
            yield each


def is_range(node: ast.AST, names: tuple[str, ...] = RANGES) -> bool:
    """Whether an expression is a call of `range` or `prange`."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in names


def innermost(node: ast.AST) -> Iterator[ast.For]:
    """The loops that have no loop within."""
    return (loop for loop in loops(node) if not any(_is_loop(each) for each in inside(loop)))


def inside(loop: ast.For) -> Iterator[ast.AST]:
    """All nodes of a loop's body."""
    for statement in loop.body:
        yield from ast.walk(statement)


def _is_loop(node: ast.AST) -> bool:
    return isinstance(node, (ast.For, ast.While))


def variable(loop: ast.For) -> str:
    """The name of a loop's variable."""
    assert isinstance(loop.target, ast.Name)
    return loop.target.id


def names(node: ast.AST) -> set[str]:
    """All names in a node."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def assigned(node: ast.AST) -> set[str]:
    """The names that a node assigns, also those of which it assigns an element."""
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found.add(each.id)
        elif isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store):
            found |= {base.id for base in [base_of(each)] if isinstance(base, ast.Name)}
    return found


def base_of(node: ast.Subscript) -> ast.expr:
    """The array of x[i][j]: x."""
    value: ast.expr = node
    while isinstance(value, ast.Subscript):
        value = value.value
    return value


def indices(node: ast.Subscript) -> list[ast.expr]:
    """The indices of one subscript."""
    return [*node.slice.elts] if isinstance(node.slice, ast.Tuple) else [node.slice]


def varying(loop: ast.For) -> set[str]:
    """The names that change with a loop's variable within its body, itself included."""
    found = {variable(loop)}
    for _ in range(len(loop.body) + 1):
        for each in inside(loop):
            if isinstance(each, ast.Assign) and names(each.value) & found:
                found |= {n.id for target in each.targets for n in ast.walk(target) if isinstance(n, ast.Name)
                          and isinstance(n.ctx, ast.Store)}  # fmt: skip
    return found


def simple(loop: ast.For) -> bool:
    """Whether a loop's body only assigns and branches: nothing leaves it, and no other loop is in it."""
    wanted = (ast.Assign, ast.AugAssign, ast.If, ast.Expr)
    statements_in = [each for each in inside(loop) if isinstance(each, ast.stmt)]
    return not loop.orelse and all(isinstance(each, wanted) for each in statements_in)


def unused(node: ast.AST, stem: str) -> str:
    """A name that begins with a stem and is not in a node."""
    taken = names(node) | {arg.arg for arg in ast.walk(node) if isinstance(arg, ast.arg)}
    return next(name for at in range(1000) if (name := f"{stem}_{at}") not in taken)


class Substituted(ast.NodeTransformer):
    """A copy of a node with expressions for names."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """The expression of a name, or a name of that name where it is assigned."""
        value = self.values.get(node.id)
        if value is None:
            return node
        if isinstance(node.ctx, ast.Load):
            return deepcopy(value)
        return ast.Name(value.id, node.ctx) if isinstance(value, ast.Name) else node


def substituted(node: ast.stmt, values: Mapping[str, ast.expr]) -> ast.stmt:
    """A copy of a statement with expressions for names."""
    result: ast.stmt = Substituted(values).visit(deepcopy(node))
    return result


class _Blocks(ast.NodeTransformer):
    def __init__(self, change: Callable[[ast.stmt], list[ast.stmt] | None]) -> None:
        self.change, self.changed = change, False

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                result: list[ast.stmt] = []
                for statement in block:
                    self.generic_visit(statement)
                    new = self.change(statement)
                    self.changed |= new is not None
                    result += [statement] if new is None else new
                setattr(node, field, result)
        return node


def rewrite(node: ast.FunctionDef, change: Callable[[ast.stmt], list[ast.stmt] | None]) -> bool:
    """Put other statements in the place of each for which `change` gives some; inner ones come first."""
    blocks = _Blocks(change)
    blocks.generic_visit(node)
    return blocks.changed


def rewrite_expressions(node: ast.AST, change: Callable[[ast.AST], ast.AST | None]) -> bool:
    """Put another expression in the place of each for which `change` gives one; inner ones come first."""
    done = False

    class Each(ast.NodeTransformer):
        def generic_visit(self, inner: ast.AST) -> ast.AST:
            nonlocal done
            super().generic_visit(inner)
            new = change(inner)
            done |= new is not None
            return inner if new is None else new

    Each().visit(node)
    return done
