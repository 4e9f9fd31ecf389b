"""`%%perflab conv2d` over a notebook cell with the two functions: checked, raced on a small case, explained.

    %load_ext perflab

    %%perflab conv2d
    def forward(x, w, b, stride=1, pad=0): ...
    def backward(dout, cache): ...

The cell also runs in the notebook, as any cell does. Its text is checked in a separate process.
`%%perflab climb conv2d` takes it as an attempt at the current exercise of a climb in the notebook's folder;
`%perflab climb conv2d`, without a cell, shows the exercise.
"""

from __future__ import annotations

import argparse
import ast
import io
import shlex
import sys
import tempfile
from collections.abc import Iterable, Mapping
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
CLIMB = "climb"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise PerflabError(
            f"%%perflab: {message}; wanted %%perflab OP [NAME] [--preset NAME] [--no-race],"
            " or %%perflab climb OP"
        )


def load(shell: Any) -> None:
    """Give an IPython shell the cell magic."""
    parser = _Parser(prog="%%perflab", add_help=False)
    parser.add_argument("operation")
    parser.add_argument("name", nargs="?", default="cell")
    parser.add_argument("--preset", default=presets.WATCH_PRESET)
    parser.add_argument("--no-race", dest="race", action="store_false")

    def perflab(line: str, cell: str | None = None) -> Checked | Climbed | None:
        try:
            words = parser.parse_args(shlex.split(line))
            if cell is None:
                if words.operation == CLIMB:
                    return climb("", words.name)
                raise PerflabError(f"%perflab {line}; wanted %%perflab {line}, and the code under it")
            if words.operation == CLIMB:
                if shell.run_cell(cell).success:
                    return climb(cell, words.name, shell.user_ns)
                return None
            catalog.operation(words.operation)
            if not shell.run_cell(cell).success:
                return None  # the notebook has shown the error
            return check(cell, words.operation, words.name, words.preset, words.race, shell.user_ns)
        except (PerflabError, ValueError) as wrong:
            from IPython.core.error import UsageError

            raise UsageError(str(wrong)) from None  # which a notebook shows as one line

    shell.register_magic_function(perflab, magic_kind="line_cell", magic_name="perflab")


class Shown:
    """What shows itself in a notebook as in a terminal."""

    def pieces(self) -> Iterable[Any]:
        """What it shows."""
        return ()

    def _printed(self) -> Console:
        from rich.console import Console

        console = Console(record=True, file=io.StringIO(), width=WIDTH, force_jupyter=False)
        common.print_all(console, self.pieces())
        return console

    def _repr_html_(self) -> str:
        form = '<pre style="line-height:1.3;overflow-x:auto"><code>{code}</code></pre>'
        return self._printed().export_html(inline_styles=True, code_format=form)

    def __repr__(self) -> str:
        return self._printed().export_text()


@dataclass(frozen=True, repr=False)
class Checked(Shown):
    """The result of a cell: its review, and the summary of its race, if any. It shows itself."""

    reviewed: FileReview
    summary: Summary | None

    @property
    def ok(self) -> bool:
        """Whether it is right."""
        return all(review.ok for review in self.reviewed.reviews)

    def pieces(self) -> Iterable[Any]:
        """The review, and the tables of the race."""
        yield from results.reviews(self.reviewed, again=False)
        yield from results.summary(self.summary) if self.summary else ()


@dataclass(frozen=True, repr=False)
class Climbed(Shown):
    """The result of a cell as an attempt of a climb; of one without code, the exercise. It shows itself."""

    lines: tuple[Any, ...]
    passed: bool = False

    def pieces(self) -> Iterable[Any]:
        """The verdict, the race, and what comes next."""
        return self.lines


def climb(cell: str, target: str, names: Mapping[str, Any] | None = None) -> Climbed:
    """Take the text of a cell as an attempt at the exercise of an operation, in the working directory.

    The exercise is begun, and its file written, where that was not done; a cell that defines none shows it.
    Raises PerflabError, in one line, as `perflab climb` does.
    """
    from perflab.cli import climbing
    from perflab.cli.show import climb as shown

    here = Path()
    operation, _, above = catalog.named([target])[0].partition("/")
    saved, step = climbing.begin(here, climbing.load(here), operation, above)
    if step is None:
        return Climbed((*shown.overview(saved),))
    if not any(isinstance(node, ast.FunctionDef) for node in ast.parse(cell).body):
        text = (here / step.file).read_text("utf-8")
        return Climbed((*shown.begun(step, here), "", text))
    with tempfile.TemporaryDirectory(prefix="perflab-") as folder:
        file = Path(folder) / step.file
        file.write_text("; ".join(imports(cell, names or {})) + "\n" + cell, "utf-8")
        pieces: list[Any] = []
        done = climbing.check(here, saved, step, file, lambda seen: pieces.extend(shown.verdict(seen)))
        pieces += [*shown.raced(done)]
        if done.attempt.passed:
            pieces += [*shown.beside(done.step, file, WIDTH), *shown.following(done, here)]
    return Climbed((*pieces,), done.attempt.passed)


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
