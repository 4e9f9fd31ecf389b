"""Has Numba mark what it compiles with source lines: instructions, and each loop by its `for` or `while`.

Numba's own `debug=True` keeps variables in memory, which changes what is compiled, and leaves it to LLVM to
guess where a loop begins: a loop entered after another statement was told on that one's line.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

marked: set[tuple[str, int]] = set()  # file and line of every loop that was handed to LLVM in this process
LOOPS = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Span = tuple[int, int]


def mark() -> None:
    """From here on, in this process, mark lines, and change nothing else of what is compiled."""
    from llvmlite.ir.values import MDValue
    from numba.core import cpu, debuginfo, ir, lowering
    from numba.core.analysis import compute_cfg_from_blocks

    class Lines(debuginfo.DIBuilder):  # type: ignore[misc]
        """Line numbers without variables or types: LLVM optimises as if they were not there."""

        def _di_compile_unit(self) -> Any:
            self.emission_kind = "LineTablesOnly"
            return super()._di_compile_unit()

        def _di_file(self) -> Any:
            """The whole path as the file's name, which is all that a remark tells of it."""
            return self.module.add_debug_info("DIFile", {"directory": "", "filename": self.filepath})

        def mark_variable(self, *_: Any, **__: Any) -> None:
            """Leave variables out: they would be stored on the stack instead of registers."""

    finalize, lower_block = cpu.CPUTargetOptions.finalize, lowering.Lower.lower_block

    def with_lines(options: Any, flags: Any, given: Any) -> None:
        finalize(options, flags, given)
        flags.debuginfo, flags.dbg_directives_only = True, True

    def with_loops(lower: Any, block: Any) -> None:
        lower_block(lower, block)
        if not hasattr(lower, "loops_of_lines"):
            loops = compute_cfg_from_blocks(lower.blocks).loops().values()
            lower.loops_of_lines = {loop.header: (set(loop.body), []) for loop in loops}
        last, terminator = block.body[-1], lower.builder.block.terminator
        label = next((name for name, each in lower.blocks.items() if each is block), None)
        targets = {getattr(last, name, None) for name in ("target", "truebr", "falsebr")}
        for header in targets & lower.loops_of_lines.keys():
            body, node = lower.loops_of_lines[header]
            if label not in body or terminator is None:
                continue
            if not node:  # one for all jumps back to the header; it holds itself, as LLVM wants it
                lines = _lines(lower, body, ir.Del)
                line = loop_line(lower.func_ir.loc.filename, lines)
                marked.add((lower.func_ir.loc.filename, line))
                place = lower.debuginfo._di_location(line)
                node.append(MDValue(lower.module, [], name=str(len(lower.module.metadata))))
                node[0].operands = (node[0], place)
            terminator.set_metadata("llvm.loop", node[0])

    cpu.CPUTargetOptions.finalize = with_lines
    cpu.CPUContext.DIBuilder = Lines
    lowering.Lower.lower_block = with_loops
    warnings.filterwarnings("ignore", message="Could not find source")  # of Numba's own lambdas


def _lines(lower: Any, body: Iterable[Any], skipped: type) -> list[int]:
    """The lines of a loop's statements, of its own file, in the order of its blocks."""
    file = lower.func_ir.loc.filename
    statements = (each for label in sorted(body) for each in lower.blocks[label].body)
    return [
        each.loc.line for each in statements if each.loc.filename == file and not isinstance(each, skipped)
    ] or [lower.func_ir.loc.line]


def loop_line(file: str, lines: Iterable[int]) -> int:
    """The line of the smallest loop of a file that these lines are in; the first of them where none is."""
    lines = [*lines]
    low, high = min(lines), max(lines)
    around = [span for span in spans(file) if span[0] <= low and high <= span[1]]
    return min(around, key=lambda span: span[1] - span[0])[0] if around else lines[0]


@cache
def spans(file: str) -> tuple[Span, ...]:
    """First and last line of every loop in a Python file, comprehensions included."""
    try:
        tree = ast.parse(Path(file).read_text("utf-8", errors="replace"))
    except (OSError, SyntaxError, ValueError):
        return ()
    found = (node for node in ast.walk(tree) if isinstance(node, LOOPS))
    return tuple((node.lineno, node.end_lineno or node.lineno) for node in found)
