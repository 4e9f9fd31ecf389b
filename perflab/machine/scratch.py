"""Temporary folders that do not stay behind: what a process that was killed left is removed by a later one.

A folder is locked as long as its process lives, by a file beside it. So nothing depends on the numbers of
processes, which mean others in another container that shares the folder for temporary files.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX, LOCK = "perflab-", ".lock"
NEW_S = 60.0  # a lock that is newer may be about to be taken


@contextlib.contextmanager
def folder(name: str) -> Iterator[Path]:
    """A temporary folder for as long as the block takes; `name` says what it is for."""
    _remove_left()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{name}-") as made:
        lock = FileLock(f"{made}{LOCK}")
        try:
            with contextlib.suppress(OSError, NotImplementedError):  # where nothing can be locked
                lock.acquire()
            yield Path(made)
        finally:
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)


def _remove_left() -> None:
    """Remove the folders whose processes are gone."""
    for held in Path(tempfile.gettempdir()).glob(f"{PREFIX}*{LOCK}"):
        with contextlib.suppress(OSError, NotImplementedError, Timeout):  # in use, or another user's
            if time.time() - held.stat().st_mtime > NEW_S:
                with FileLock(held, timeout=0):
                    shutil.rmtree(held.with_suffix(""))
                    held.unlink()
