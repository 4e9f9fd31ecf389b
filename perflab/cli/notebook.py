"""`%%perflab conv2d` over a notebook cell with the two functions: checked, raced on a small case, explained.

    %load_ext perflab

    %%perflab conv2d
    def forward(x, w, b, stride=1, pad=0): ...
    def backward(dout, cache): ...

The cell also runs in the notebook, as any cell does; what is checked is its text, in a process of its own.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from perflab import catalog
from perflab.cli.race import race as race_once
from perflab.cli.show import results
from perflab.contract import PerflabError
from perflab.run import presets, request

if TYPE_CHECKING:
    from rich.console import Console

    from perflab.oracle.sandbox.review import FileReview
    from perflab.report import Summary

WIDTH = 120


class _Words(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise PerflabError(f"%%perflab: {message}; wanted %%perflab OP [NAME] [--preset NAME] [--no-race]")


def load(shell: Any) -> None:
    """Give an IPython shell the cell magic."""

    def perflab(line: str, cell: str) -> Checked | None:
        try:
            words = _parser().parse_args(shlex.split(line))
            catalog.operation(words.operation)
            if not shell.run_cell(cell).success:
                return None  # the notebook has shown the error
            return check(cell, words.operation, words.name, words.preset, words.race, shell.user_ns)
        except (PerflabError, ValueError) as wrong:
            from IPython.core.error import UsageError

            raise UsageError(str(wrong)) from None  # which a notebook shows as one line

    shell.register_magic_function(perflab, magic_kind="cell", magic_name="perflab")


@dataclass(frozen=True, repr=False)
class Checked:
    """What came of a cell: what was `seen`, and the race's `summary` where there was one. Shows itself."""

    seen: FileReview
    summary: Summary | None

    @property
    def ok(self) -> bool:
        """Whether it is right."""
        return all(review.ok for review in self.seen.reviews)

    def _printed(self) -> Console:
        from rich.console import Console

        console = Console(record=True, file=io.StringIO(), width=WIDTH, force_jupyter=False)
        pieces = [*results.reviews(self.seen, again=False)]
        if self.summary is not None:
            pieces += results.summary(self.summary)
        for piece in pieces:
            console.print(piece, highlight=False)
        return console

    def _repr_html_(self) -> str:
        form = '<pre style="line-height:1.3;overflow-x:auto"><code>{code}</code></pre>'
        return self._printed().export_html(inline_styles=True, code_format=form)

    def __repr__(self) -> str:
        return self._printed().export_text()


def check(
    cell: str,
    operation: str,
    name: str = "cell",
    preset: str = presets.WATCH_PRESET,
    race: bool = True,
    names: Mapping[str, Any] | None = None,
) -> Checked:
    """Check the text of a cell as a technique of an operation, and race it where it is right.

    `names` are the notebook's: the modules and functions among them that the cell uses are imported for it.
    Raises PerflabError, in one line, for what is not known or cannot be loaded.
    """
    with tempfile.TemporaryDirectory(prefix="perflab-") as folder:
        file = Path(folder) / f"{name}.py"
        # In a notebook the first line is the magic's own, so that lines have the same numbers here.
        file.write_text("; ".join(imports(cell, names or {})) + "\n" + cell, "utf-8")
        asked = request.Request((operation,), preset, files=(str(file),), out=Path(folder) / "run")
        _, plan, seen = request.settle(asked)
        assert seen is not None, "there is a file"
        if not race or any(review.reason for review in seen.reviews):
            return Checked(seen, None)
        from rich.console import Console

        from perflab import machine

        machine.prepare_matplotlib()
        console = Console(file=io.StringIO())
        return Checked(seen, race_once(Path(folder) / "run", plan, console, seen))


def imports(cell: str, names: Mapping[str, Any]) -> list[str]:
    """The statements that import what a cell uses of the notebook's modules and imported functions."""
    used = {node.id for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Name)}
    statements = []
    for name in sorted(used & names.keys()):
        value = names[name]
        home = getattr(value, "__module__", None)
        if isinstance(value, ModuleType):
            statements.append(f"import {value.__name__} as {name}")
        elif isinstance(home, str) and home not in ("__main__", "builtins") and _is_there(home, value):
            statements.append(f"from {home} import {value.__name__} as {name}")
    return statements


def _is_there(home: str, value: Any) -> bool:
    with contextlib.suppress(AttributeError):
        return getattr(sys.modules.get(home), value.__name__, None) is value
    return False


def _parser() -> argparse.ArgumentParser:
    words = _Words(prog="%%perflab", add_help=False)
    words.add_argument("operation")
    words.add_argument("name", nargs="?", default="cell")
    words.add_argument("--preset", default=presets.WATCH_PRESET)
    words.add_argument("--no-race", dest="race", action="store_false")
    return words
