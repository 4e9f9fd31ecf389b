"""Arrays laid out beforehand in the order in which the innermost loop walks through them."""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any

import numpy as np

from perflab.evidence.causes import syntax
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Kinds, Program, replaced

NEW = ("empty", "zeros")


def apply(program: Program) -> Change | None:
    """Applicable where an innermost loop goes along another axis than the last, or an argument has gaps."""
    args, changed = program.args, False
    wanted: Counter[tuple[str, int]] = Counter()

    def count(node: ast.FunctionDef, kinds: Kinds) -> bool:
        wanted.update(walked(node, kinds))
        return False

    program.any(count)
    for name, place in program.places().items():
        value = program.at(place)
        if isinstance(value, np.ndarray) and (new := _laid_out(value, _axis(name, wanted))) is not None:
            args, changed = replaced(args, place, new), True
    trees = program.edited(lambda node, kinds: results_turned(node, kinds, wanted))
    return Change(trees, args=args if changed else None) if changed or trees else None


def walked(node: ast.FunctionDef, kinds: Kinds) -> Counter[tuple[str, int]]:
    """How many innermost loops walk along an axis of an array, counted from its last: ("w", 1)."""
    found: Counter[tuple[str, int]] = Counter()
    for loop in syntax.innermost(node):
        varying, seen = syntax.varying(loop), set()
        for each in syntax.inside(loop):
            if isinstance(each, ast.Subscript) and isinstance(each.value, ast.Name):
                name, indices = each.value.id, syntax.indices(each)
                along = [at for at, index in enumerate(indices) if syntax.names(index) & varying]
                if len(along) == 1 and name in kinds and len(indices) == kinds[name].ndim:
                    seen.add((name, len(indices) - 1 - along[0]))
        depth = sum(loop is inner for outer in syntax.loops(node) for inner in ast.walk(outer))
        found.update(dict.fromkeys(seen, 100**depth))  # a deeper loop runs far more often
    return found


def _axis(name: str, wanted: Counter[tuple[str, int]]) -> int:
    """The axis along which an array is walked most, counted from its last."""
    axes = {axis: count for (known, axis), count in wanted.items() if known == name}
    return max(axes, key=lambda axis: axes[axis]) if axes else 0


def _laid_out(array: Any, axis: int) -> Any:
    """A copy of an array that is contiguous along an axis; None where it is already."""
    at = array.ndim - 1 - axis
    if array.ndim == 0 or array.shape[at] < 2 or array.strides[at] == array.itemsize:
        return None
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, at, -1)), -1, at)


def results_turned(node: ast.AST, kinds: Kinds, wanted: Counter[tuple[str, int]]) -> bool:
    """Lay new arrays of two axes out by columns where the loops walk along columns."""
    done = False
    for each in ast.walk(node):
        match each:
            case ast.Assign(
                [ast.Name(name)],
                ast.Call(ast.Attribute(ast.Name("np"), made), [ast.Tuple([rows, columns]), *_]) as call,
            ) if made in NEW and name in kinds and _axis(name, wanted) == 1:
                call.args[0] = ast.Tuple([columns, rows], ast.Load())
                each.value = ast.Attribute(call, "T", ast.Load())
                done = True
            case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)):
                pairs = [ast.Assign([t], v) for t, v in zip(targets, values, strict=True)]
                block = ast.Module(list(pairs), [])
                if results_turned(block, kinds, wanted):
                    each.value = ast.Tuple([pair.value for pair in pairs], ast.Load())
                    done = True
    return done


intervention = Intervention(
    name="contiguous beforehand",
    cause="strided access",
    because="the innermost loop goes through an array with gaps: of each cache line it uses one number",
    changes="arrays are laid out beforehand in the order of the innermost loop",
    apply=apply,
)
