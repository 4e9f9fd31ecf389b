"""Elements that are looked up by an index array are put side by side beforehand."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from perflab.evidence.causes import syntax
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Kinds, Program


def apply(program: Program) -> Change | None:
    """Applicable where a loop reads an argument at indices that another argument holds."""
    wanted: dict[tuple[str, str], str] = {}
    trees = program.edited_entry(lambda node, kinds: side_by_side(node, kinds, set(program.places()), wanted))
    if trees is None:
        return None
    values = [[program.at(program.places()[name]) for name in pair] for pair in wanted]
    if not all(isinstance(each, np.ndarray) for pair in values for each in pair):
        return None
    return Change(trees, extra=tuple(_taken(*pair) for pair in values))


def _taken(array: Any, at: Any) -> Any:
    return np.ascontiguousarray(array[at])


def side_by_side(
    node: ast.FunctionDef, kinds: Kinds, given: set[str], wanted: dict[tuple[str, str], str]
) -> bool:
    """Read gathered[i] in place of array[at[i]]; `wanted` takes the pairs, and names the new parameters."""
    written = syntax.assigned(node)

    def change(each: ast.AST) -> ast.AST | None:
        match each:
            case ast.Subscript(ast.Name(array), ast.Subscript(ast.Name(at), index), ast.Load()):
                pass
            case ast.Subscript(ast.Name(array), ast.Name(name), ast.Load()) if name in looked_up:
                at, index = looked_up[name]
            case _:
                return None
        fits = array in given - written and at in given - written and array in kinds and at in kinds
        if not fits or kinds[array].ndim != 1 or not kinds[at].is_whole:
            return None
        new = wanted.setdefault((array, at), f"gathered_{len(wanted)}")
        return ast.Subscript(ast.Name(new, ast.Load()), index, ast.Load())

    done = False
    for loop in syntax.innermost(node):
        looked_up = _looked_up(loop)
        for statement in loop.body:
            done |= syntax.rewrite_expressions(statement, change)
    node.args.args += [ast.arg(name) for name in wanted.values()]
    return done


def _looked_up(loop: ast.For) -> dict[str, tuple[str, ast.expr]]:
    """The names of a loop that hold one element of an array: array and index."""
    found: dict[str, tuple[str, ast.expr]] = {}
    for each in loop.body:
        match each:
            case ast.Assign([ast.Name(name)], ast.Subscript(ast.Name(array), index)):
                found[name] = array, index
    return found


intervention = Intervention(
    name="gathered beforehand",
    cause="gather",
    because="each element is looked up by an index from an array, one load for each",
    changes="the elements are put side by side beforehand",
    apply=apply,
)
