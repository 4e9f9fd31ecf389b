"""Whole-array statements become one loop, without arrays between them."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from perflab.evidence.causes import elementwise
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Kinds, Program


def apply(program: Program) -> Change | None:
    """Applicable where arrays are made by element-wise statements and only used by the next ones."""
    trees = program.edited(without_temporaries)
    return Change(trees, guard={"boundscheck": True}) if trees else None


def without_temporaries(node: ast.FunctionDef, kinds: Kinds) -> bool:
    """Fuse every run of element-wise statements that makes an array for itself."""
    done = False
    blocks = [
        getattr(each, field) for each in ast.walk(node) for field in ("body", "orelse")
        if isinstance(getattr(each, field, None), list)
    ]  # fmt: skip
    for block in blocks:
        at = 0
        while at < len(block):
            run = elementwise.run_of(block[at:], kinds)
            temporaries = [name for name in _made(run) if _only_in(name, run, node)]
            if run and (temporaries or elementwise.sum_in(run[-1], kinds)):
                new = elementwise.fused(run, temporaries, node, kinds)
                block[at : at + len(run)] = new
                done, at = True, at + len(new)
            else:
                at += 1
    return done


def _made(run: Sequence[ast.stmt]) -> list[str]:
    """The arrays that statements make."""
    assigns = [each for each in run if isinstance(each, ast.Assign)]
    return [each.targets[0].id for each in assigns if isinstance(each.targets[0], ast.Name)]


def _only_in(name: str, run: Sequence[ast.stmt], node: ast.FunctionDef) -> bool:
    """Whether a function uses a name in these statements alone."""
    return _uses(name, [node]) == _uses(name, run)


def _uses(name: str, nodes: Sequence[ast.AST]) -> int:
    each = (inner for node in nodes for inner in ast.walk(node))
    return sum(isinstance(inner, ast.Name) and inner.id == name for inner in each)


intervention = Intervention(
    name="no temporaries",
    cause="temporary arrays",
    because="arrays are made and filled only to be read once by the next statement",
    changes="the statements become one loop without arrays between them",
    apply=apply,
)
