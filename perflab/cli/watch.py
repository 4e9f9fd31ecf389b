"""`--watch`: a command runs again when its files, or the files that they import, change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from perflab.cli.common import complain, console
from perflab.contract import PerflabError

POLL_S = 0.1


def repeat(once: Callable[[], tuple[int, Sequence[Path]]], names: Iterable[str]) -> int:
    """Call `once` now and after every change of a file, until KeyboardInterrupt; the last exit code.

    `once` returns an exit code and the files that it read, which are then watched too. A PerflabError is
    printed and does not end the watch: the next save may correct it.
    """
    files = watched = tuple(map(Path, names))
    code = 0
    try:
        while True:
            before = stamps(watched)
            try:
                code, read = once()
                watched = tuple(dict.fromkeys([*files, *read]))
                before = {path: before.get(path, stamp) for path, stamp in stamps(watched).items()}
            except PerflabError as error:
                code = complain(error)
            shown = ", ".join(dict.fromkeys(path.name for path in watched))
            console(stderr=True).rule(f"[dim]watching {shown}; Ctrl-C ends", style="dim")
            while stamps(watched) == before:
                time.sleep(POLL_S)
    except KeyboardInterrupt:
        return code


def stamps(files: Iterable[Path]) -> dict[Path, tuple[int, int] | None]:
    """The time of each file's last change, and its size; None for a missing file."""
    result: dict[Path, tuple[int, int] | None] = dict.fromkeys(files)
    for path in result:
        with suppress(OSError):
            status = path.stat()
            result[path] = status.st_mtime_ns, status.st_size
    return result
