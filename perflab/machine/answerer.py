"""A process of our own Python that answers orders, one after another, plain JSON in and out."""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from perflab.contract import PerflabError
from perflab.machine import portable, process

PART = "part"  # the one key of a message after which more of the same answer follow


class Answerer:
    """Starts a process that runs `code` at the first order, and another one after it has ended.

    The code reads an order as one of `process.Messages`, and sends the answer in the same way. Before an
    answer it may send parts of it, each {"part": anything}.
    """

    def __init__(self, code: str) -> None:
        self._code = code
        self._child: subprocess.Popen[Any] | None = None
        self._other: Any = None
        self.closed = False

    def ask(
        self, order: Mapping[str, Any], limit_s: float = math.inf, tell: Callable[[Any], None] | None = None
    ) -> dict[str, Any]:
        """The answer to an order; `tell` gets its parts.

        Raises PerflabError where the process ends, gives none within the limit, or answers with a "reason".
        """
        try:
            child = self._started()
        except OSError as error:
            raise PerflabError(f"no process could be started: {error.strerror}") from error
        with process.within(child, limit_s) as late:
            try:
                self._other.send(json.dumps(order).encode())
                while PART in (answer := json.loads(self._other.receive())):
                    if tell is not None:
                        tell(answer[PART])
            except (EOFError, OSError, ValueError):
                self._end()
                hung = f"it gave no answer for {limit_s:g} s" if late.is_set() else ""
                raise PerflabError(hung or portable.death(child.wait())) from None
        if "reason" in answer:
            raise PerflabError(answer["reason"])
        return dict(answer)

    def close(self) -> None:
        """End the process, also while it works on an order."""
        self.closed = True
        self._end()

    def _started(self) -> subprocess.Popen[Any]:
        if self._child is None:
            child: Any = process.connect(["-c", self._code], 1, stderr=subprocess.DEVNULL)
            self._child, self._other = child, process.Messages(child.stdout, child.stdin)
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            portable.kill_group(child)
            child.wait()
            with contextlib.suppress(ValueError):  # the other thread reads from it
                self._other.close()
