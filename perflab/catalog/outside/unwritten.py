"""Which values a function returns unchanged from its template: None, or zeros that nothing was added to.

Decided from the text only. A value that can only be None is unwritten, whatever stands around it. Of zeros it
is decided in doubt for the student: where they, or the lines after their TODO, were changed in any way, the
function is written, right or wrong.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BEGINS = re.compile(r"\bTODO\b|\bSTART OF YOUR CODE\b", re.IGNORECASE)
ENDS = re.compile(r"\bEND OF YOUR CODE\b", re.IGNORECASE)
ZEROS = ("zeros", "zeros_like", "empty", "empty_like")

Function = Callable[..., Any]
Returned = tuple[tuple[str, bool], ...]


def returned(function: Function) -> Returned:
    """For every value that a function returns, its name there and whether it is still to be written.

    Only ("", False), where the text of the function is not known or does not show it.
    """
    text, definition = _definition(function)
    if definition is None:
        return (("", False),)
    body = list(_inside(definition))
    frames = list(_frames(text, definition))
    work = [node for node in body if _is_work(node)]
    if frames:
        empty = any(not any(first < node.lineno < last for node in work) for first, last in frames)
    else:
        empty = all(map(_unpacks, work))
    rows = [_values(node) for node in body if isinstance(node, ast.Return)]
    if not rows:
        yields = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(definition))
        return (("", empty and not yields),)
    if len({len(row) for row in rows}) > 1:
        return (("", False),)
    columns = zip(*rows, strict=True)
    return tuple(_returned(definition, column, empty, bool(frames)) for column in columns)


def still_to_write(forward: Function | None, backward: Function | None) -> tuple[str, ...]:
    """Those of "forward" and "backward" that are missing, or have a value that is still to be written."""
    no_forward = forward is None or returned(forward)[0][1]
    no_backward = backward is None or any(empty for _, empty in returned(backward))
    return tuple(name for name, empty in (("forward", no_forward), ("backward", no_backward)) if empty)


def _returned(definition: Any, values: tuple[ast.expr, ...], empty: bool, framed: bool) -> tuple[str, bool]:
    """The name of one returned value, and whether it is still to be written, over every return."""
    names = [value.id for value in values if isinstance(value, ast.Name)]
    unnamed = [value for value in values if not isinstance(value, ast.Name)]
    idle = all(map(_is_none, unnamed)) and all(_is_idle(definition, name, framed) for name in names)
    never = names and not unnamed and all(_is_idle(definition, name, False) for name in names)
    return names[0] if names else "", bool(never) or (empty and idle)


def _is_idle(definition: Any, name: str, framed: bool) -> bool:
    """Whether a name is only set to None, or under a TODO to zeros, and returned."""
    begun = elsewhere = 0
    for node in ast.walk(definition):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            begun += sum(_is_none(v) or (framed and _is_zero(v)) for n, v in _bindings(node) if n == name)
        elif isinstance(node, ast.Return):
            elsewhere -= sum(isinstance(value, ast.Name) and value.id == name for value in _values(node))
        elif isinstance(node, ast.Name) and node.id == name:
            elsewhere += 1
        elif isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return False
    return begun > 0 and elsewhere == begun


def _bindings(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[str, ast.expr]]:
    """Names and the value that each is set to; nothing for a less simple assignment."""
    if isinstance(node, ast.AnnAssign):
        if isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value
        return
    for target in node.targets:
        if isinstance(target, ast.Name):
            yield target.id, node.value
        elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = zip(target.elts, node.value.elts, strict=False)
            yield from ((place.id, value) for place, value in pairs if isinstance(place, ast.Name))


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and (value.value is None or value.value is Ellipsis)


def _is_zero(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return type(value.value) in (int, float) and value.value == 0
    called = value.func if isinstance(value, ast.Call) else None
    return getattr(called, "attr", getattr(called, "id", "")) in ZEROS


def _is_work(node: ast.stmt) -> bool:
    """Whether a statement does anything that an empty template does not."""
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)  # a docstring, or "..."
    if constant or isinstance(node, ast.Pass | ast.Return | ast.Import | ast.ImportFrom):
        return False
    if isinstance(node, ast.Raise) and node.exc is not None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return not (isinstance(raised, ast.Name) and raised.id == "NotImplementedError")
    if isinstance(node, ast.Assign):
        bound = list(_bindings(node))
        return not bound or not all(_is_none(value) or _is_zero(value) for _, value in bound)
    return True


def _unpacks(node: ast.stmt) -> bool:
    """`x, w, b = cache`, `N, D = x.shape`: what a template has before its TODO."""
    plain = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Tuple)
    return isinstance(node, ast.Assign) and isinstance(node.value, plain)


def _values(node: ast.Return) -> tuple[ast.expr, ...]:
    if node.value is None:
        return (ast.Constant(None),)
    return tuple(node.value.elts) if isinstance(node.value, ast.Tuple) else (node.value,)


def _inside(definition: Any) -> Iterator[ast.stmt]:
    """Every statement of a function, without those of functions within it."""
    pending = list(definition.body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            pending += ast.iter_child_nodes(node)


def _frames(text: str, definition: Any) -> Iterator[tuple[int, int]]:
    """First and last line of each part from a TODO to its end mark, another TODO or the function's end."""
    begun, blank, last = 0, True, definition.end_lineno + 1
    lines = {node.lineno for node in _inside(definition)}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        line = token.start[0]
        if token.type != tokenize.COMMENT or not definition.lineno <= line < last:
            continue
        if ENDS.search(token.string):
            if begun:
                yield begun, line
            begun = 0
        elif BEGINS.search(token.string):
            blank = not any(begun < other < line for other in lines)
            if begun and not blank:
                yield begun, line
            begun = begun if begun and blank else line
    if begun:
        yield begun, last


def _definition(function: Any) -> tuple[str, ast.FunctionDef | None]:
    """The text of a function's file and its definition there; None for what is decorated or not a `def`."""
    compiled = hasattr(function, "py_func")  # by Numba: it computes what the text says
    code = getattr(getattr(function, "py_func", function), "__code__", None)
    if code is None:
        return "", None
    try:
        text = Path(code.co_filename).read_text("utf-8")
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return "", None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = node.decorator_list[0] if node.decorator_list else node
            if first.lineno == code.co_firstlineno and (compiled or first is node):
                return text, node
    return "", None
