"""The one door to what only some operating systems have, and what is done on the others.

No other module imports a module, or calls a function of `os` or `signal`, that Windows or macOS lack.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

FATAL = {
    getattr(signal, name, None) for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGKILL")
}
CRASHED = 0xC0000000  # Windows' exit codes of crashes are as large or larger
INTERRUPTED = (2, -signal.SIGINT, 0xC000013A)  # exit statuses: pytest's, a signal's, that of Windows
DIE_WITH_PARENT, ADOPT_ORPHANS = 1, 36  # PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER of prctl(2)


def affinity() -> set[int]:
    """The cores that this process is allowed to run on; all of them where the system has no such limit."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    with contextlib.suppress(ImportError, AttributeError):  # macOS has none
        return set(_psutil().Process().cpu_affinity())
    return set(range(os.cpu_count() or 1))


def memory_bytes() -> tuple[int, int] | None:
    """The machine's memory and what of it is free to use now, where no file says it; None if unknown."""
    with contextlib.suppress(ImportError, OSError):
        memory = _psutil().virtual_memory()
        return memory.total, memory.available
    return None


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used, in seconds, where no file says it; 0 if unknown."""
    with contextlib.suppress(ImportError):
        psutil = _psutil()
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            return float(times.user + times.system)
    return 0.0


def ticks_per_second() -> int:
    """The unit of CPU time in /proc."""
    return os.sysconf("SC_CLK_TCK")


def _psutil() -> Any:
    import psutil  # type: ignore[import-untyped, unused-ignore]  # not a dependency on Linux

    return psutil


def keep_to_cores(count: int) -> None:
    """Limit this process to so many of its cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(affinity())[:count])


def share_core(threads: Iterable[int] = ()) -> set[int]:
    """Keep this thread, and others by their numbers, to the core on which this one runs, where possible.

    Returns the cores of before, for `free_cores`.
    """
    before = affinity()
    give_core([0, *threads])
    return before


def give_core(threads: Iterable[int]) -> None:
    """Keep threads, by their numbers, to the core on which this one runs, where possible."""
    if hasattr(os, "sched_setaffinity"):
        _keep_to({ctypes.CDLL(None).sched_getcpu()} & affinity() or affinity(), threads)


def free_cores(before: set[int]) -> None:
    """Let this thread run on the cores of before again."""
    if hasattr(os, "sched_setaffinity"):
        _keep_to(before, [0])


def _keep_to(cores: set[int], threads: Iterable[int]) -> None:
    for each in threads:
        with contextlib.suppress(OSError):  # it has ended
            os.sched_setaffinity(each, cores)


def cores_of(threads: Iterable[int]) -> int:
    """On how many cores one of some threads may run, at most, by their numbers; 0 where it is not known."""
    most = 0
    for each in threads:
        with contextlib.suppress(AttributeError, OSError):  # the system has none, or it has ended
            most = max(most, len(os.sched_getaffinity(each)))
    return most


def group_of(pid: int) -> int:
    """The group of a process; 0 where it has ended, or the system has none."""
    with contextlib.suppress(AttributeError, OSError):
        return os.getpgid(pid)
    return 0


def adopt_orphans() -> None:
    """Become the parent of processes further down whose own parents end, where the system can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1)


def kill(pid: int) -> None:
    """Kill a process by its number; one that has ended is left alone."""
    with contextlib.suppress(OSError):
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def load_averages() -> list[float]:
    """The load of 1, 5 and 15 minutes; empty where the system has none."""
    try:
        return list(os.getloadavg())
    except (OSError, AttributeError):
        return []


def limit_data(most: int) -> bool:
    """Limit this process's data to so many bytes; whether the system does that."""
    if not _limits_data():
        return False
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.RLIM_INFINITY))
        return True
    return False


def limit_files(most: int) -> None:
    """Let no file grow beyond so many bytes by this process's writing, where the system has such a limit."""
    if resource is not None:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def _limits_data() -> bool:
    return resource is not None and sys.platform == "linux"  # macOS accepts the limit and ignores it


def processor_name() -> str:
    """The processor's name where it is not in a file; empty where nothing gives it."""
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            return subprocess.run(command, capture_output=True, text=True, timeout=5).stdout.strip()
    return platform.processor()


def end_in(seconds: float) -> None:
    """End this process after so many seconds, whatever it does then."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)  # the signal's default action
    else:
        timer = threading.Timer(seconds, os._exit, [1])
        timer.daemon = True
        timer.start()


def die_with(parent: int) -> bool:
    """End this process when the one that started it ends, where the system can; whether it is there."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    # On Windows a virtual environment's Python is started by another process of its own.
    return sys.platform == "win32" or os.getppid() == parent


def own_group() -> dict[str, Any]:
    """Popen's options for a process that an interrupt from the keyboard does not reach."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def lead_group() -> None:
    """Become the first process of a new group, out of the reach of the keyboard, and end with the parent."""
    if hasattr(os, "setsid"):
        os.setsid()
        die_with(os.getppid())


def shared_file() -> tuple[int, str]:
    """A file for memory that two processes share: its descriptor, and the path at which the other opens it.

    Where the system has no files without a name, it is in the folder for temporary files.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("inputs")
        return descriptor, f"/proc/{os.getpid()}/fd/{descriptor}"
    return tempfile.mkstemp("-perflab")


def drop_shared(descriptor: int, path: str) -> None:
    """Close a `shared_file`, and delete it where it has a name."""
    os.close(descriptor)
    if not path.startswith("/proc/"):
        with contextlib.suppress(OSError):  # Windows keeps a file that another process has open
            Path(path).unlink()


def pause(child: subprocess.Popen[Any]) -> None:
    """Stop a process of `own_group` and its group, where the system can; returns when it stands still."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError, ChildProcessError):
            os.killpg(child.pid, signal.SIGSTOP)
            if hasattr(os, "waitid"):  # macOS has none before Python 3.13
                os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def go_on(child: subprocess.Popen[Any]) -> None:
    """Let a process go on that `pause` stopped."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGCONT)


def kill_group(child: Any) -> None:
    """Kill a process of `own_group` or `lead_group`, of subprocess or multiprocessing, with its group."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()


def processor_s(pid: int) -> float:
    """The processor time of a process with all its threads, in seconds; 0 where it is not known exactly.

    Linux has a clock for each process: its number is made from the process's (clock_getcpuclockid(3)).
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # it has ended
            return time.clock_gettime((~pid << 3) | 2)
    return 0.0


def interrupt(child: subprocess.Popen[Any]) -> None:
    """Interrupt a process, as from the keyboard; one that has ended is left alone."""
    how = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        child.send_signal(how)


def heed_interrupt() -> None:
    """In a process of `own_group`: `interrupt` raises KeyboardInterrupt here."""
    signal.signal(getattr(signal, "SIGBREAK", signal.SIGINT), signal.default_int_handler)


def crashed(status: int) -> bool:
    """Whether an exit status is that of a process which an error or a kill ended, not an interrupt."""
    return -status in FATAL or (status >= CRASHED and status not in INTERRUPTED)


def killed(status: int) -> bool:
    """Whether an exit status is that of a process which did not end by itself."""
    return status < 0 or status >= CRASHED


def death(status: int, died: str = "its process died") -> str:
    """How a process with this exit status ended, in a sentence; `died` says that it was killed."""
    if not killed(status):
        return f"it ended its process with exit status {status}"
    return f"{died}: {signal.Signals(-status).name if status < 0 else f'error {status:#x}'}"


def missing() -> list[str]:
    """What this system cannot give, a sentence each."""
    lacks = {
        "the memory of outside code is not limited": not _limits_data(),
        "a process cannot be kept to some of the cores": not hasattr(os, "sched_setaffinity"),
        "load averages are not known": not load_averages(),
    }
    return [sentence for sentence, is_so in lacks.items() if is_so]
