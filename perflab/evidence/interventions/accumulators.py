"""Several sums that take turns in place of one."""

from __future__ import annotations

import ast
from copy import deepcopy

from perflab.evidence.causes import syntax
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Kinds, Program
from perflab.evidence.interventions.reassociate import BECAUSE, CHAIN

COUNT = 8  # an addition takes 4 or 5 cycles, and processors begin two in each
ZERO = "_helpers.zero_of"


def apply(program: Program) -> Change | None:
    """Applicable to an innermost loop that adds to a floating-point scalar."""
    trees = program.edited(several)
    return Change(trees) if trees else None


def several(node: ast.FunctionDef, kinds: Kinds) -> bool:
    """Give every sum of an innermost loop COUNT accumulators."""

    def change(statement: ast.stmt) -> list[ast.stmt] | None:
        if not isinstance(statement, ast.For) or statement not in inner:
            return None
        found = sums_of(statement, kinds)
        return _unrolled(node, statement, found) if found else None

    inner = [loop for loop in syntax.innermost(node) if syntax.simple(loop) and _from_zero(loop)]
    return syntax.rewrite(node, change)


def sums_of(loop: ast.For, kinds: Kinds) -> list[str]:
    """The floating-point scalars to which a loop adds, and which it uses for nothing else."""
    adds = [each for each in syntax.inside(loop) if isinstance(each, ast.AugAssign)
            and isinstance(each.op, ast.Add) and isinstance(each.target, ast.Name)]  # fmt: skip
    names = {each.target.id for each in adds if isinstance(each.target, ast.Name)}
    uses = [each.id for each in syntax.inside(loop) if isinstance(each, ast.Name)]
    added = [each.target.id for each in adds if isinstance(each.target, ast.Name)]
    scalars = {n for n in names if n in kinds and kinds[n].is_float and kinds[n].ndim == 0}
    return sorted(n for n in scalars if uses.count(n) == added.count(n))


def _from_zero(loop: ast.For) -> bool:
    """Whether a loop counts by ones, and not over threads."""
    return (
        syntax.is_range(loop.iter, ("range",)) and isinstance(loop.iter, ast.Call) and len(loop.iter.args) < 3
    )


def _unrolled(node: ast.FunctionDef, loop: ast.For, sums: list[str]) -> list[ast.stmt]:
    assert isinstance(loop.iter, ast.Call)
    first, last = loop.iter.args if len(loop.iter.args) == 2 else (ast.Constant(0), loop.iter.args[0])
    whole = syntax.unused(node, "whole")
    variable = syntax.variable(loop)
    begin, end = ast.unparse(first), ast.unparse(last)
    parts = {name: [f"{name}_{at}" for at in range(1, COUNT)] for name in sums}
    before = "\n".join(f"{part} = {ZERO}({name})" for name, others in parts.items() for part in others)
    turns = [
        syntax.substituted(statement, {
            variable: syntax.expression(f"{variable} + {at}" if at else variable),
            **{name: ast.Name(parts[name][at - 1], ast.Load()) for name in sums if at},
        })
        for at in range(COUNT)
        for statement in loop.body
    ]  # fmt: skip
    [many, rest] = syntax.statements(
        f"for {variable} in range({begin}, {whole}, {COUNT}):\n    pass\n"
        f"for {variable} in range(max({begin}, {whole}), {end}):\n    pass"
    )
    assert isinstance(many, ast.For)
    assert isinstance(rest, ast.For)
    many.body, rest.body = turns, deepcopy(loop.body)
    after = [f"{name} += {' + '.join(others)}" for name, others in parts.items()]
    return [
        *syntax.statements(f"{whole} = {begin} + ({end} - ({begin})) // {COUNT} * {COUNT}\n{before}"),
        many, rest, *syntax.statements("\n".join(after)),
    ]  # fmt: skip


intervention = Intervention(
    name="several accumulators",
    cause=CHAIN,
    because=BECAUSE,
    changes=f"{COUNT} sums take turns, and are added in the end",
    apply=apply,
)
