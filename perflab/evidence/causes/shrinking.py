"""The same calls on less memory: all inputs in a few pages that are mapped again and again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import numpy as np

from perflab.evidence.causes import syntax
from perflab.evidence.causes.intervention import Change
from perflab.evidence.causes.program import Kinds, Program
from perflab.machine import ceilings, environment, repeated

PART = 0.5  # of a cache, for all inputs together: the outputs need the rest


def into(program: Program, level: str) -> Change | None:
    """All inputs in a part of a cache; None where they are there already, or cannot be shrunk."""
    size = (environment()["caches"] or ceilings.CACHES).get(level, 0)
    arrays = [*_arrays(program.args)]
    room = int(PART * size)
    if not arrays or sum(each.nbytes for each in arrays) <= room:
        return None
    piece = 1 << (room // len(arrays)).bit_length() - 1
    args = _shrunk(program.args, piece)
    changed = any(a is not b for a, b in zip(_arrays(args), arrays, strict=True))
    return Change(args=args, verified=False) if changed else None


def branches_on_data(node: ast.FunctionDef, kinds: Kinds) -> bool:
    """Whether a branch in a loop depends on floating-point numbers: of few, the processor learns the way."""
    tests = (each.test for loop in syntax.loops(node) for each in syntax.inside(loop)
             if isinstance(each, (ast.If, ast.IfExp, ast.While)))  # fmt: skip
    return any(name in kinds and (kinds[name].is_float or kinds[name].ndim) for test in tests
               for name in syntax.names(test))  # fmt: skip


def _arrays(value: Any) -> Iterator[Any]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _arrays(each)


def _shrunk(value: Any, piece: int) -> Any:
    if isinstance(value, np.ndarray):
        small = repeated.repeated(value, piece)
        return value if small is None else small
    return tuple(_shrunk(each, piece) for each in value) if isinstance(value, tuple) else value
