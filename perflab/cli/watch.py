"""Again at every save: watches files, and what they import from beside them, for a change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from perflab.cli.common import complain, console
from perflab.contract import PerflabError

POLL_S = 0.1


def repeat(once: Callable[[], tuple[int, Sequence[Path]]], names: Iterable[str]) -> int:
    """Call `once` now and after every change of a file, until KeyboardInterrupt; the last exit code.

    `once` gives an exit code and the files it has read, which are watched from then on beside those named. A
    PerflabError is printed and does not end the watch: the next save may mend it.
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
    """When each file was last changed, and its size; None for one that is not there just now."""
    return {path: _stamp(path) for path in files}


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
