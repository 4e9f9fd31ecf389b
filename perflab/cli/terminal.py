"""The terminal, or the file in its place: its width, its characters, its pager."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
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
        self.unlimited = wanted is None and not stream.isatty()
        super().__init__(stderr=stderr, width=LOG_WIDTH if self.unlimited else wanted)

    def on_broken_pipe(self) -> None:
        """Leave it to the command line."""
        raise BrokenPipeError


def print_all(console: rich.console.Console, pieces: Iterable[Any]) -> None:
    """Print tables and lines, without markup; sentences are wrapped at spaces, in a file not at all."""
    unlimited = getattr(console, "unlimited", False)
    options = console.options.update(max_width=UNLIMITED) if unlimited else console.options
    for piece in pieces:
        shown = (
            Lines(Text(piece))
            if isinstance(piece, str)
            else Lines(piece)
            if isinstance(piece, Text)
            else piece
        )
        if isinstance(shown, (Lines, Table)):
            for line in shown.__rich_console__(console, options):
                console.print(line, highlight=False, soft_wrap=True)
        else:
            console.print(shown, highlight=False, markup=False, crop=False)


def print_paged(console: rich.console.Console, pieces: Iterable[Any]) -> None:
    """Print through the pager that PAGER names (less), if a person reads it and it is more than a screen."""
    pager = shlex.split(os.environ.get("PAGER") or "less")
    if (
        not (console.is_terminal and sys.stdin.isatty() and shutil.which(pager[0]))
        or console.is_dumb_terminal
    ):
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
    environment = {"LESS": "FRX"} | os.environ  # as git: colours as they are, and the text stays at the end
    process = subprocess.Popen(pager, stdin=subprocess.PIPE, env=environment)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the pager's
    try:
        process.communicate(text.encode("utf-8", "replace"))
    finally:
        signal.signal(signal.SIGINT, before)
