"""Lines of code of a technique's file and of the files that it imports."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

from perflab.contract import Implementation
from perflab.records.texts import candidates


def lines_of(implementation: Implementation) -> tuple[int, dict[str, int]]:
    """Lines of code of a technique's file, and of every file of the operations that it imports."""
    file = Path(implementation.source)
    if not file.is_file():
        return 0, {}
    counts: dict[Path, int] = {}
    queue = [file.resolve()]
    while queue:
        path = queue.pop()
        if path not in counts:
            source = path.read_text("utf-8")
            counts[path] = code_lines(source)
            queue += [path.resolve() for path in candidates(path, source) if path.is_file()]
    lines, folder = counts.pop(file.resolve()), file.resolve().parent
    return lines, {
        path.stem if path.parent == folder else f"{path.parent.name}/{path.stem}": count
        for path, count in sorted(counts.items())
    }


def code_lines(source: str) -> int:
    """Lines that hold code: no blank lines, comments or docstrings.

    >>> code_lines('"What it does."' + chr(10) + "x = 1  # one")
    1
    """
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstrings |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
               tokenize.ENCODING, tokenize.ENDMARKER)  # fmt: skip
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skipped:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)
