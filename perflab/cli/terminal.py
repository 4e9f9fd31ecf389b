"""The terminal, or the file in its place: its width, its characters, its pager."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import rich.console
from rich.cells import cell_len
from rich.text import Text

from perflab.cli.show.flow import UNLIMITED, Lines
from perflab.cli.show.table import Table

LOG_WIDTH = 120  # of rules and of Markdown, where the output is no terminal


class Console(rich.console.Console):
    """A console as wide as its terminal, or as COLUMNS says.

    In a file or a pipe without COLUMNS, tables and sentences have no width: a row is a line, to be searched.
    """

    def __init__(self, stderr: bool = False) -> None:
        columns = os.environ.get("COLUMNS", "")
        stream = sys.stderr if stderr else sys.stdout
        wanted = int(columns) if columns.isdecimal() and int(columns) else None
        redirected = not stream.isatty()
        self.unlimited = wanted is None and redirected
        # FORCE_COLOR asks for colours: in a file it would bring bars and the movements of a cursor too.
        colours: Any = "standard" if redirected and os.environ.get("FORCE_COLOR") else "auto"
        super().__init__(
            stderr=stderr, width=LOG_WIDTH if self.unlimited else wanted, color_system=colours,
            force_terminal=False if redirected else None,
        )  # fmt: skip

    def on_broken_pipe(self) -> None:
        """Leave it to the command line."""
        raise BrokenPipeError


def print_all(console: rich.console.Console, pieces: Iterable[Any]) -> None:
    """Print tables and lines, without markup; sentences are wrapped at spaces, in a file not at all."""
    unlimited = getattr(console, "unlimited", False)
    options = console.options.update(max_width=UNLIMITED) if unlimited else console.options
    for piece in pieces:
        text = Text(piece) if isinstance(piece, str) else piece
        shown = Lines(text) if isinstance(text, Text) else text
        if isinstance(shown, (Lines, Table)):
            for line in shown.__rich_console__(console, options):
                console.print(line, highlight=False, soft_wrap=True)
        else:
            console.print(shown, highlight=False, markup=False, crop=False)


def print_paged(console: rich.console.Console, pieces: Iterable[Any]) -> None:
    """Print through the pager that PAGER names (less), if a person reads it and it is more than a screen."""
    pager = _pager()
    if not (pager and console.is_terminal and sys.stdin.isatty()) or console.is_dumb_terminal:
        print_all(console, pieces)
        return
    with console.capture() as captured:
        print_all(console, pieces)
    text = captured.get()
    widths = (cell_len(Text.from_ansi(line).plain) for line in text.splitlines())
    if sum(max(1, -(-width // console.width)) for width in widths) < console.height:
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    with tempfile.TemporaryFile() as file:
        file.write(text.encode("utf-8", "replace"))
        file.seek(0)
        # As git sets it: colours as they are, and the text stays at the end.
        process = subprocess.Popen(pager, stdin=file, env={"LESS": "FRX"} | os.environ)
        while process.returncode is None:
            with suppress(KeyboardInterrupt):  # Ctrl-C is the pager's
                process.wait()


def _pager() -> list[str]:
    """The words of the pager's command; none where there is no such program."""
    with suppress(ValueError):  # a quotation without an end
        words = shlex.split(os.environ.get("PAGER") or "less")
        return words if words and shutil.which(words[0]) else []
    return []
