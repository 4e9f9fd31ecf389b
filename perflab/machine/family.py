"""A process and what it started: their processor time, their memory, and those that have ended."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from perflab.machine import portable
from perflab.machine.system import bytes_of, read_file


def children(pid: int) -> Iterator[int]:
    """The processes that a process started; none where no file says it."""
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, read_file(f"proc/{pid}/task/{task.name}/children").split())


def descendants(pid: int) -> Iterator[int]:
    """The processes that a process started, and those that they did; none where no file says it."""
    for child in children(pid):
        yield child
        yield from descendants(child)


def threads(pid: int) -> list[int]:
    """The numbers of all threads of a process and of those that it started."""
    found: list[int] = []
    for each in (pid, *descendants(pid)):
        with suppress(OSError):
            found += [int(task.name) for task in Path(f"/proc/{each}/task").iterdir()]
    return found


def open_files(pid: int) -> int:
    """How many files a process has open; 0 where that is not known."""
    with suppress(OSError):
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return 0


def strays(pid: int, known: Collection[int]) -> list[int]:
    """Running processes that a process started and that have left its group, or that it left to this one.

    `known` are those that this process started in groups of their own.
    """
    ours = os.getpid()
    left = (each for each in descendants(pid) if portable.group_of(each) != pid)
    orphans = (
        each
        for each in children(ours)
        if each not in known and portable.group_of(each) != portable.group_of(ours)
    )
    return [each for each in (*left, *orphans) if _state(each) not in ("Z", "")]


def busy(pid: int) -> bool:
    """Whether a thread, other than the first of the process, runs or waits for a core now."""
    return any(_state(thread) == "R" for thread in threads(pid) if thread != pid)


def states(pid: int) -> list[str]:
    """The state of each process that it started, as a letter; "Z" of one that it did not wait for."""
    return [state for child in descendants(pid) if (state := _state(child))]


def processor_s(pid: int) -> float:
    """The processor time of a process and of those that it started and that still run, in seconds."""
    return portable.processor_s(pid) + sum(map(portable.processor_s, descendants(pid)))


def resident_bytes(pid: int) -> int:
    """The memory of its own that a process uses now; 0 where that is not known."""
    return (bytes_of("RssAnon", f"proc/{pid}/status") or 0) + (bytes_of("VmSwap", f"proc/{pid}/status") or 0)


def written_bytes(pid: int) -> int:
    """The bytes that a process, and those that it started and that still run, have written so far.

    To files and pipes; 0 where no file says it.
    """
    texts = (read_file(f"proc/{each}/io") for each in (pid, *descendants(pid)))
    return sum(int(line[6:]) for text in texts for line in text.splitlines() if line.startswith("wchar:"))


def _state(pid: int) -> str:
    words = read_file(f"proc/{pid}/stat").rpartition(")")[2].split()
    return words[0] if words else ""
