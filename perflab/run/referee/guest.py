"""A contestant's process, seen from the one that judges it: requests, answers, time, and standing still.

Between two requests it stands still, with all of its group. So it cannot look at the next inputs, or compute
anything, before it is asked; and what it writes does not disturb who measures.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import pickle
import threading
import time
from collections.abc import Sequence
from itertools import starmap
from typing import Any

import numpy as np

from perflab.contract import DTYPES, Array, NotApplicable
from perflab.errors import first_line
from perflab.machine import family, portable, process
from perflab.machine.arena import Arena
from perflab.oracle.sandbox import guard
from perflab.run.referee.findings import CannotRun, Left, Rejected, kept_until, rejected

STARTED: set[int] = set()  # the processes of all guests
SERVE = "import sys; from perflab.run.referee.contestant import serve; serve(sys.argv[1])"
LOOK_S = 0.5  # how often the watch looks whether an answer is due
TOKEN = 8  # bytes at the beginning of a request, and of its answer
UNASKED = bytes(TOKEN)  # in the place of a request's: it raises something by itself
FORGED = "it wrote into the pipe of its own results"


class Guest:
    """A contestant's process that shares an arena. Close it after use.

    Each request may take `limit_s` seconds. Where the process ends, gives no answer or answers what it was
    not asked, Rejected says so; so it does for what the file raised.
    """

    def __init__(self, arena: Arena, threads: int, limit_s: float) -> None:
        self._limit_s, self._due, self._late = limit_s, 0.0, False
        child: Any = process.connect(["-c", SERVE, arena.path], threads)
        STARTED.add(child.pid)
        if threads == 1:
            portable.give_core([child.pid])  # what it starts inherits that
        self._child, self._other = child, process.Messages(child.stdout, child.stdin)
        self._printed = 0
        self.kernels = False
        self.serves: Any = None
        self.calls, self.bytes_at_first, self.left_at_first = 0, 0, Left()
        self._stands = False
        self._closed = threading.Event()
        for target in (self._drain, self._watch):
            threading.Thread(target=target, daemon=True).start()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return int(self._child.pid)

    @property
    def closed(self) -> bool:
        """Whether its process was ended."""
        return self._closed.is_set()

    def load(self, *request: Any) -> None:
        """Have it load an implementation: file, operation, technique, the bytes that it may allocate."""
        self.kernels = bool(self.ask("load", *request).get("kernels"))
        self.bytes_at_first = family.resident_bytes(self.pid)
        self.left_at_first = self.left()

    def cores(self) -> int:
        """On how many cores a thread of it may run, at most; 0 where that is not known."""
        return portable.cores_of(family.threads(self.pid))

    def left(self) -> Left:
        """What it has left behind until now."""
        threads, files = len(family.threads(self.pid)), family.open_files(self.pid)
        strays = len(family.strays(self.pid, STARTED))
        states = family.states(self.pid)
        ended = states.count("Z")
        return Left(ended, len(states) - ended, threads, files, strays)

    def stand(self) -> None:
        """Have its whole group stand still."""
        if not self._stands:
            portable.pause(self._child)
            self._stands = True

    def go(self) -> None:
        """Let it go on."""
        if self._stands:
            portable.go_on(self._child)
            self._stands = False

    def ask(self, kind: str, *request: Any) -> dict[str, Any]:
        """The plain fields of the answer to a request; the process stands still before and after it."""
        self.go()
        fields, _ = self.at_once(kind, *request)
        self.stand()
        if self._printed > guard.MOST_PRINTED:
            raise Rejected(guard.printed(self._printed))
        return fields

    def way_s(self) -> float:
        """The seconds of asking for nothing, where it has just been asked for that."""
        self.at_once("nothing")
        began = time.perf_counter()
        self.at_once("nothing")
        return time.perf_counter() - began

    def read(self, direction: str, which: int) -> tuple[list[Any], float]:
        """The tensors of a result, and the processor time of reading them.

        Plain arrays are read before, so that it does not depend on what is in the caches.
        """
        self.go()
        self.at_once("inputs", which)
        before_s = family.processor_s(self.pid)
        _, tensors = self.at_once("results", direction, which)
        self.stand()
        return tensors, family.processor_s(self.pid) - before_s

    def at_once(self, kind: str, *request: Any) -> tuple[dict[str, Any], list[Any]]:
        """The answer to a request of a process that goes on already: what is timed."""
        token = os.urandom(TOKEN)
        self._due = time.monotonic() + self._limit_s
        try:
            with contextlib.suppress(OSError):  # it has ended, and may have said why
                self._other.send(token + pickle.dumps((kind, *request)))
            answer = self._other.receive()
            if answer[:TOKEN] not in (token, UNASKED):
                raise ValueError("an answer that was not asked for")
            if answer == token:
                return {}, []
            fields: dict[str, Any] = json.loads(answer[TOKEN:])
            arrays = fields.pop("arrays")
            tensors = list(starmap(self._tensor, arrays)) if arrays else []
        except (EOFError, OSError):
            ended = CannotRun if self._limit_s == math.inf else Rejected  # perflab's own have no limit
            raise ended(self._end()) from None
        except (AttributeError, ValueError, KeyError, TypeError):
            self.close()
            raise Rejected(FORGED) from None
        finally:
            self._due = 0.0
        if "not_applicable" in fields:
            raise NotApplicable(str(fields["not_applicable"]))
        if "raised" in fields:
            self.stand()
            grown = family.resident_bytes(self.pid) - self.bytes_at_first
            why = first_line(str(fields["raised"]))
            kept = kept_until(why, grown)
            raise rejected(str(fields.get("status")) if kept == why else "", kept)
        return fields, tensors

    def close(self) -> None:
        """End the process, its group, and what has left it."""
        self._closed.set()
        for stray in family.strays(self.pid, STARTED):
            portable.kill(stray)
        portable.kill_group(self._child)
        self._child.wait()
        STARTED.discard(self.pid)  # another process may get its number
        self._other.close()

    def _tensor(self, dtype: str, shape: Sequence[int]) -> Any:
        """One tensor: plain bytes, of a form that was said before."""
        content = self._other.receive()
        if dtype == "float":
            (number,) = np.frombuffer(content, np.float64)
            return float(number)
        if dtype not in DTYPES:
            raise ValueError(dtype)
        array: Array = np.frombuffer(content, dtype).reshape([int(size) for size in shape])
        return array

    def _end(self) -> str:
        """How the process ended, as a sentence."""
        try:
            status = self._child.wait(timeout=5)
        except Exception:
            self.close()
            return "it closed the pipe of its results"
        self.close()
        if self._late:
            return f"it gave no answer for {self._limit_s:.0f} s"
        return portable.death(status)

    def _drain(self) -> None:
        """Count what it prints, and keep none of it."""
        while chunk := os.read(self._child.stderr.fileno(), 1 << 16):
            self._printed += len(chunk)
        self._child.stderr.close()

    def _watch(self) -> None:
        """Kill the process when an answer is overdue."""
        while not self._closed.wait(LOOK_S):
            due = self._due  # the other thread changes it at any time
            if due and time.monotonic() > due:
                self._late = True
                portable.kill_group(self._child)
                return
