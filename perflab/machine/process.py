"""Starts processes of our own Python, and calls functions in them: plain JSON in, plain JSON out.

    process.call("perflab.evidence.outside:gather", {...}, limit_s=60.0)     # what it returned

The output of a called function is dropped, and code from outside that it calls cannot change this process. A
process that dies, that ends itself, or that gives no answer in time raises a PerflabError with the reason.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from perflab.contract import PerflabError
from perflab.errors import reason
from perflab.machine import portable
from perflab.machine.threads import for_child

BEGIN = b"message:"  # of each message between two processes; its size in eight bytes follows
MOST_SENT = 1 << 30  # bytes of a message: code from outside may write any number there
PARENT = "PERFLAB_PARENT"  # the number of the process that started this one
ANSWER = "from perflab.machine.process import _answer; _answer()"


def spawn(
    words: Sequence[str], threads: int, variables: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[Any]:
    """Start this Python with these words, and pools pinned to so many threads.

    `variables` are added to those of `for_child`; `options` are `subprocess.Popen`'s. The standard input is
    empty where they say nothing of it. Raises OSError where no process can be started.
    """
    environment = for_child(threads) | {PARENT: str(os.getpid())} | dict(variables or {})
    command = [sys.executable, "-P", *words]
    return subprocess.Popen(command, env=environment, **{"stdin": subprocess.DEVNULL, **options})


def connect(
    words: Sequence[str], threads: int, variables: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[Any]:
    """As `spawn`, in a group of its own, with a pipe to each standard stream that the options do not name."""
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return spawn(words, threads, variables, **(pipes | portable.own_group() | options))


@contextlib.contextmanager
def within(child: subprocess.Popen[Any], limit_s: float) -> Iterator[threading.Event]:
    """Kill a child of `connect`, with its group, where the block takes longer; the event is then set."""
    late = threading.Event()

    def end() -> None:
        late.set()
        portable.kill_group(child)

    watchdog = threading.Timer(limit_s, end)
    if limit_s < math.inf:
        watchdog.start()
    try:
        yield late
    finally:
        watchdog.cancel()


def begin(
    function: str, arguments: Mapping[str, Any], limit_s: float | None, threads: int = 1, **options: Any
) -> subprocess.Popen[Any]:
    """Start a process that calls `MODULE:FUNCTION` with these keyword arguments; `finish` has its answer.

    It ends itself some seconds after the limit, also when no process waits for it. Raises PerflabError.
    """
    order = json.dumps({"function": function, "arguments": dict(arguments), "limit_s": limit_s})
    options |= {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    try:
        return spawn(["-c", ANSWER, order], threads, **options)
    except OSError as error:
        raise PerflabError(f"no process could be started: {error.strerror}") from error


def finish(child: subprocess.Popen[Any], limit_s: float | None = None) -> Any:
    """What the function of `begin` returned. The process is left running where waiting is interrupted.

    Raises PerflabError, in one line, where the function raised, or its process ended before it returned.
    """
    try:
        printed, _ = child.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        raise PerflabError(f"it gave no answer for {limit_s:.0f} s") from None
    if portable.killed(child.returncode):
        raise PerflabError(portable.death(child.returncode))
    try:
        answer = json.loads(printed)
    except ValueError:
        raise PerflabError(portable.death(child.returncode)) from None
    if "reason" in answer:
        raise PerflabError(answer["reason"])
    return answer["returned"]


def call(
    function: str, arguments: Mapping[str, Any], limit_s: float, threads: int = 1, **options: Any
) -> Any:
    """What `MODULE:FUNCTION` returns for these keyword arguments; both are plain JSON.

    Raises PerflabError as `finish` does. The process is ended in any case.
    """
    with begin(function, arguments, limit_s, threads, **options) as child:
        try:
            return finish(child, limit_s)
        finally:
            child.kill()


def private_streams() -> tuple[int, int]:
    """In a process of `spawn`: its standard input and output, as descriptors that only its caller knows.

    What is printed from then on goes to the standard error, and nothing can be read. The process ends with
    the one that started it, or at once where that is gone.
    """
    if not portable.die_with(int(os.environ[PARENT])):
        os._exit(1)
    incoming, outgoing = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return incoming, outgoing


class Messages:
    """Whole messages of bytes to and from another process, over a pipe each way. Close it after use."""

    def __init__(self, incoming: IO[Any], outgoing: IO[Any]) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    def send(self, *messages: bytes) -> None:
        """Send messages, one after the other. Raises OSError where the other process has ended."""
        self._outgoing.writelines(
            part for each in messages for part in (BEGIN + len(each).to_bytes(8, "big"), each)
        )
        self._outgoing.flush()

    def receive(self) -> bytes:
        """The next message. Raises EOFError if it is missing or not whole, ValueError for anything else."""
        if self._read(len(BEGIN)) != BEGIN:
            raise ValueError("not a message")
        size = int.from_bytes(self._read(8), "big")
        if size > MOST_SENT:
            raise ValueError(f"a message of {size} bytes")
        return self._read(size)

    def close(self) -> None:
        """Close both pipes."""
        for stream in (self._incoming, self._outgoing):
            with contextlib.suppress(OSError):
                stream.close()

    def _read(self, size: int) -> bytes:
        received: bytes = self._incoming.read(size)
        if len(received) < size:
            raise EOFError
        return received


def _answer() -> None:
    """In the new process: read the order, write the answer to a stream that no `print` uses."""
    order = json.loads(sys.argv.pop())
    if order["limit_s"]:
        portable.end_in(order["limit_s"] + 5)
    _, answers = private_streams()
    module, _, name = order["function"].partition(":")
    try:
        answer = {"returned": getattr(importlib.import_module(module), name)(**order["arguments"])}
        text = json.dumps(answer, allow_nan=False)
    except (Exception, SystemExit) as error:
        text = json.dumps({"reason": reason(error)})
    with os.fdopen(answers, "w", encoding="utf-8") as file:
        file.write(text)
    os._exit(0)  # ends the threads of code from outside too, and skips its exit handlers
