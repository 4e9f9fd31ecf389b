"""The progress of a run: a bar in a terminal, one updated line in a notebook, some lines in a file.

`show` selects: "all"; "line", one line of plain text that is overwritten; "failures", only contenders without
a figure; "nothing".
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

LINE_EVERY = 0.1  # of all blocks, in a file
DOING = {
    "evidence": "gathering the evidence",
    "memory": "counting the memory of large cases",
    "compile": "compiling {name}, {left} left",
    "prepare": "verifying {operation}/{technique} {case} {dtype}",
    "start": "{operation}/{technique} {case} {dtype} {direction}",
}


@contextmanager
def waiting(console: Console, show: str, what: str) -> Iterator[None]:
    """Show a status line during a wait, if `show` is "all" and the console is a terminal."""
    with console.status(what) if show == "all" else nullcontext():
        yield


class Progress:
    """The current cell and the time left, from the events of the measuring processes."""

    def __init__(self, blocks: int, console: Console, show: str = "all") -> None:
        self._bar = Bar(
            TextColumn("{task.fields[left]:>11}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TimeElapsedColumn(), TextColumn("{task.description}"), console=console, disable=show != "all",
        )  # fmt: skip
        self._task = self._bar.add_task("starting", total=blocks, left="")
        self._show = "lines" if show == "all" and not console.is_terminal else show
        self._began = time.monotonic()
        self._done = 0
        self._total = blocks
        self._next_line = LINE_EVERY
        self._longest = 0

    def __enter__(self) -> Progress:
        if self._show == "all":
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._show == "all":
            self._bar.stop()
        elif self._show == "line":
            self._rewrite("")

    def tell(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        kind = event["event"]
        if kind in ("block", "skip"):
            self._done += 1
        elif kind == "failure" and self._show != "nothing":
            name = f"{event['operation']}/{event.get('technique') or '?'}"
            where = f"{name} on {event['case']} {event['dtype']}"
            self._bar.console.print(f"{where}: {event['reason']}", style="red", highlight=False, markup=False)
        doing = DOING.get(kind, "").format(**event)
        if doing:
            self._bar.update(self._task, description=doing)
        spent = time.monotonic() - self._began
        left = ""
        if self._done and spent > 3:
            seconds = spent / self._done * max(self._total - self._done, 0)
            left = f"{int(seconds // 60)}:{int(seconds % 60):02d} left"
        self._bar.update(self._task, completed=self._done, left=left)
        line = ", ".join(filter(None, [f"{self._done} of {self._total} blocks", left]))
        if self._show == "line":
            self._rewrite(", ".join(filter(None, [line, doing])))
        elif self._show == "lines" and self._total and self._done / self._total >= self._next_line:
            self._bar.console.print(line, highlight=False)
            self._next_line = self._done / self._total + LINE_EVERY

    def _rewrite(self, text: str) -> None:
        """Overwrite the previous line; an empty text clears it."""
        file = self._bar.console.file
        file.write(f"\r{text:{self._longest}}" + ("" if text else "\r"))
        file.flush()
        self._longest = max(self._longest, len(text))
