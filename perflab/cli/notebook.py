"""`%%perflab conv2d` over a notebook cell with the two functions: checked, raced on a small case, explained.

    %load_ext perflab

    %%perflab conv2d
    def forward(x, w, b, stride=1, pad=0): ...
    def backward(dout, cache): ...

The cell also runs in the notebook, as any cell does. Its text is checked in a separate process.
"""

from __future__ import annotations

import argparse
import ast
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
from perflab.cli import common
from perflab.cli.show import results
from perflab.contract import PerflabError
from perflab.run import presets, request

if TYPE_CHECKING:
    from rich.console import Console

    from perflab.oracle.sandbox.review import FileReview
    from perflab.report import Summary

WIDTH = 120


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise PerflabError(f"%%perflab: {message}; wanted %%perflab OP [NAME] [--preset NAME] [--no-race]")


def load(shell: Any) -> None:
    """Give an IPython shell the cell magic."""
    parser = _Parser(prog="%%perflab", add_help=False)
    parser.add_argument("operation")
    parser.add_argument("name", nargs="?", default="cell")
    parser.add_argument("--preset", default=presets.WATCH_PRESET)
    parser.add_argument("--no-race", dest="race", action="store_false")

    def perflab(line: str, cell: str) -> Checked | None:
        try:
            words = parser.parse_args(shlex.split(line))
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
    """The result of a cell: its review, and the summary of its race, if any. It shows itself."""

    reviewed: FileReview
    summary: Summary | None

    @property
    def ok(self) -> bool:
        """Whether it is right."""
        return all(review.ok for review in self.reviewed.reviews)

    def _printed(self) -> Console:
        from rich.console import Console

        console = Console(record=True, file=io.StringIO(), width=WIDTH, force_jupyter=False)
        pieces = [*results.reviews(self.reviewed, again=False)]
        common.print_all(console, (*pieces, *(results.summary(self.summary) if self.summary else ())))
        return console

    def _repr_html_(self) -> str:
        form = '<pre style="line-height:1.3;overflow-x:auto"><code>{code}</code></pre>'
        return self._printed().export_html(inline_styles=True, code_format=form)

    def __repr__(self) -> str:
        return self._printed().export_text()


def check(
    cell: str, operation: str, name: str = "cell", preset: str = presets.WATCH_PRESET, race: bool = True,
    names: Mapping[str, Any] | None = None,
) -> Checked:  # fmt: skip
    """Check the text of a cell as a technique of an operation, and race it if it is right.

    `names` are the notebook's: the modules and functions among them that the cell uses are imported for it.
    Raises PerflabError, in one line, for unknown names and for a cell that cannot be loaded.
    """
    with tempfile.TemporaryDirectory(prefix="perflab-") as folder:
        file = Path(folder) / f"{name}.py"
        # In a notebook the first line is the magic's own, so that lines have the same numbers here.
        file.write_text("; ".join(imports(cell, names or {})) + "\n" + cell, "utf-8")
        run, plan, reviewed = request.settle(
            request.Request((operation,), preset, files=(str(file),), out=Path(folder) / "run")
        )
        assert reviewed is not None, "there is a file"
        if not race or any(review.reason for review in reviewed.reviews):
            return Checked(reviewed, None)
        from rich.console import Console

        from perflab import machine

        machine.prepare_matplotlib()
        return Checked(reviewed, common.race(run, plan, Console(file=io.StringIO()), reviewed))


def imports(cell: str, names: Mapping[str, Any]) -> list[str]:
    """Import statements for the notebook's modules and imported functions that a cell uses."""
    used = {node.id for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Name)}
    statements = []
    for name in sorted(used & names.keys()):
        value = names[name]
        home = getattr(value, "__module__", None)
        if isinstance(value, ModuleType):
            statements.append(f"import {value.__name__} as {name}")
        elif isinstance(home, str) and home not in ("__main__", "builtins") and _is_in(home, value):
            statements.append(f"from {home} import {value.__name__} as {name}")
    return statements


def _is_in(home: str, value: Any) -> bool:
    name = getattr(value, "__name__", None)
    return name is not None and getattr(sys.modules.get(home), name, None) is value
