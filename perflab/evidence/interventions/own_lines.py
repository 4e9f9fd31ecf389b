"""Each thread's sums on cache lines of their own."""

from __future__ import annotations

import ast

from perflab.evidence.causes import syntax
from perflab.evidence.causes.intervention import Change, Intervention
from perflab.evidence.causes.program import Kinds, Program

APART = 32  # numbers between two threads' sums: two lines of 64 bytes, as processors fetch pairs


def apply(program: Program) -> Change | None:
    """Applicable where the loops within a loop over threads add to elements of that thread's number."""
    trees = program.edited(apart)
    return Change(trees) if trees else None


def apart(node: ast.FunctionDef, kinds: Kinds) -> bool:
    """Keep the elements apart during a loop over threads, and copy them before and after it."""

    def change(statement: ast.stmt) -> list[ast.stmt] | None:
        if not isinstance(statement, ast.For) or not syntax.is_range(statement.iter, ("prange",)):
            return None
        thread = syntax.variable(statement)
        found = sorted(name for name in _shared(statement, thread) if name in kinds and kinds[name].ndim < 3)
        wides = {name: syntax.unused(node, f"{name}_apart") for name in found}
        before, after = [], []
        for name, wide in wides.items():
            row = kinds[name].ndim == 2
            _spread(statement, name, wide, row)
            size = f"{name}.shape[1] + {APART}" if row else str(APART)
            here = f"{wide}[{wide}_at, {f':{name}.shape[1]' if row else 0}]"
            lines = f"for {wide}_at in range({name}.shape[0]):\n    "
            before.append(f"{wide} = np.zeros(({name}.shape[0], {size}), {name}.dtype)")
            before.append(f"{lines}{here} = {name}[{wide}_at]")
            after.append(f"{lines}{name}[{wide}_at] = {here}")
        whole = [*syntax.statements("\n".join(before)), statement, *syntax.statements("\n".join(after))]
        return whole if found else None

    return syntax.rewrite(node, change)


def _shared(outer: ast.For, thread: str) -> set[str]:
    """The arrays to whose elements of the thread's number an inner loop adds."""
    found = set()
    for loop in syntax.loops(outer):
        for each in syntax.inside(loop) if loop is not outer else ():
            match each:
                case ast.AugAssign(ast.Subscript(ast.Name(name)) as target):
                    if ast.unparse(syntax.indices(target)[0]) == thread:
                        found.add(name)
    return found


def _spread(loop: ast.For, name: str, wide: str, row: bool) -> None:
    for each in syntax.inside(loop):
        if isinstance(each, ast.Subscript) and isinstance(each.value, ast.Name) and each.value.id == name:
            each.value = ast.Name(wide, ast.Load())
            if not row:
                each.slice = ast.Tuple([each.slice, ast.Constant(0)], ast.Load())


intervention = Intervention(
    name="own cache lines",
    cause="false sharing between threads",
    because="sums of several threads lie on one cache line, which goes from core to core",
    changes="each thread's sums lie on cache lines of their own",
    apply=apply,
)
