"""Watches a run's records while code from outside runs: what that code writes there is undone."""

from __future__ import annotations

from pathlib import Path

from perflab.records.file import RECORDS


class Ledger:
    """The records of a folder as they were when `look` was called last."""

    def __init__(self, folder: Path) -> None:
        self._path, self._known = folder / RECORDS, b""
        self.look()

    def look(self) -> None:
        """Take what is in the file now as right: this process, or the run that started it, wrote it."""
        with self._path.open("rb") as file:
            file.seek(len(self._known))
            self._known += file.read()
        self._state = self._state_now()

    def mended(self) -> bool:
        """Whether anything has written to the file since; then its content is as before again."""
        if self._state_now() == self._state:
            return False
        with self._path.open("r+b" if self._path.is_file() else "wb") as file:  # others have it open
            file.write(self._known)
            file.truncate()
        self._state = self._state_now()
        return True

    def _state_now(self) -> tuple[int, ...]:
        try:
            found = self._path.stat()
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
