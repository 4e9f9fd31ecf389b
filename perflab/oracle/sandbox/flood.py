"""Ends code from outside that floods the disk or its output, and says so."""

from __future__ import annotations

import threading
from collections.abc import Callable

from perflab.machine import family
from perflab.units import in_bytes

LOOK_S = 0.1
MOST_WRITTEN = 256 << 20  # bytes to files and pipes, its results included: those of check cases are small
MOST_PRINTED = 64 << 20  # bytes; what prints less runs on, and is told so in its verdict
LARGEST_FILE = 512 << 20  # bytes of one file, which the system itself does not let grow further


class Flood:
    """Watches a process and what it starts; where they write or print too much, `end` ends them.

    `found` says what they did, and is empty before.
    """

    def __init__(self, pid: int, printed: Callable[[], int], end: Callable[[], None]) -> None:
        self.found = ""
        self._pid, self._printed, self._end = pid, printed, end
        self._closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def close(self) -> None:
        """Watch no longer."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_S):
            printed = self._printed()
            written = family.written_bytes(self._pid) - printed
            if printed > MOST_PRINTED or written > MOST_WRITTEN:
                did = (
                    f"printed {in_bytes(printed)}" if printed > MOST_PRINTED else f"wrote {in_bytes(written)}"
                )
                self.found = f"it {did}, and was ended"
                self._end()
                return
