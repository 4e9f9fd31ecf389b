"""What the operating system reports: /proc, /sys and control groups."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from perflab.machine import portable

NOT_INSTALLED = "not installed"
SYSTEM = Path("/")  # the folder of /proc and /sys; tests replace it


def cpu_ticks() -> dict[str, int]:
    """The system's CPU time since boot by kind, in ticks, with steal; empty where it cannot be read."""
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    name, *words = read_file("proc/stat").partition("\n")[0].split() or [""]
    if name != "cpu" or not all(map(str.isdecimal, words)):
        return {}
    return dict(zip(names, map(int, words), strict=False))  # guests' time, after these, is in the user's


def steal_share(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """The share of CPU time between two readings in which the host ran another machine instead."""
    total = sum(after.values()) - sum(before.values())
    return (after.get("steal", 0) - before.get("steal", 0)) / total if total > 0 else 0.0


def memory_available() -> float:
    """Bytes of memory that are free to use now; infinite where that cannot be read."""
    limits = (memory_bytes()[1], memory_limit())
    return min((limit for limit in limits if limit is not None), default=float("inf"))


def memory_bytes() -> tuple[int | None, int | None]:
    """The bytes of memory that the machine has, and those that are free to use; None where unknown."""
    total, available = bytes_of("MemTotal"), bytes_of("MemAvailable")
    return (total, available) if total is not None else portable.memory_bytes() or (None, None)


def limit_memory(most: float) -> bool:
    """Limit this process to so many bytes more than it uses now; whether the system supports that."""
    used = bytes_of("VmData", "proc/self/status")
    return used is not None and math.isfinite(most) and portable.limit_data(used + int(most))


def cpu_name() -> str:
    """The processor's name as the system reports it."""
    fields = cpuinfo()
    part = (fields.get("CPU implementer"), fields.get("CPU part"))
    listed = fields.get("model name") or (not fields and portable.processor_name())
    return listed or " ".join(filter(None, (platform.machine(), *part)))


def cpuinfo() -> dict[str, str]:
    """The fields of the first processor in /proc/cpuinfo."""
    first = read_file("proc/cpuinfo").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def memory_limit() -> int | None:
    """The least memory that a control group allows, in bytes; None where that limits nothing."""
    texts = [*group_files("", "memory.max"), *group_files("memory", "memory.limit_in_bytes")]
    least = min((int(text) for text in texts if text.isdecimal()), default=None)
    total, _ = memory_bytes()
    return None if least is None or (total is not None and least >= total) else least


def group_files(controller: str, name: str) -> Iterator[str]:
    """One file of this process's control group and of every group above it, where they have it.

    `controller` is one of cgroup version 1; the empty word is version 2.
    """
    for line in read_file("proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, own = rest.partition(":")
        if controller not in controllers.split(",") or ".." in own:
            continue
        # A container often has its own group as the root, but gets the path outside: both are tried.
        mounts = (controllers, controller) if controller else ("", "unified")
        for mount in dict.fromkeys(mounts):
            base = SYSTEM / "sys/fs/cgroup" / mount
            folder = base / own.strip("/")
            for group in (folder, *folder.parents):
                text = read_file(group / name)
                if text:
                    yield text
                if group == base:
                    break


def bytes_of(name: str, path: str = "proc/meminfo") -> int | None:
    """A figure that a file of lines `NAME: NUMBER kB` gives, in bytes; None where it does not."""
    match = re.search(rf"^{name}:[ \t]+(\d+) kB", read_file(path), re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def version_of(name: str) -> str:
    """The version of an installed package, or "not installed"."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return NOT_INSTALLED


def read_file(path: str | Path) -> str:
    """A small file's text, empty where it cannot be read; a relative path begins at `SYSTEM`."""
    try:
        return (SYSTEM / path).read_text("utf-8", errors="replace").strip()
    except (OSError, ValueError):
        return ""
