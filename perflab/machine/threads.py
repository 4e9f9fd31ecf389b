"""The cores that a process may use, and how its thread pools are pinned."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

from perflab.machine import portable
from perflab.machine.system import group_files, read_file
from perflab.units import in_bytes

POOLS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS"),
)
# OpenBLAS's idle workers spin for 2^n cycles. With 4 they sleep at once, and leave their core to the next
# contender.
SLEEPY = {"OPENBLAS_THREAD_TIMEOUT": "4"}
# glibc decides by what a process has freed so far from which size on an array gets fresh pages (128 KiB at
# first, 32 MiB at most), and when it gives memory back. Fixed, so that a call costs the same in each process.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(4 << 30)}
RELEVANT = (
    *POOLS,
    *SLEEPY,
    *ALLOCATOR,
    *("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_THREADING_LAYER", "NUMBA_THREADING_LAYER_PRIORITY"),
    *("NUMBA_OPT", "NUMBA_ENABLE_AVX", "NUMBA_LOOP_VECTORIZE", "NUMBA_SLP_VECTORIZE"),
    *("NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"),
    *("OPENBLAS_CORETYPE", "MKL_DYNAMIC", "MKL_ENABLE_INSTRUCTIONS"),
    *("OMP_DYNAMIC", "OMP_PLACES", "OMP_PROC_BIND", "OMP_WAIT_POLICY", "GOMP_CPU_AFFINITY"),
    *("KMP_AFFINITY", "KMP_BLOCKTIME", "PYTHONMALLOC", "GLIBC_TUNABLES", "LD_PRELOAD"),
)


def pinned(threads: int) -> dict[str, str]:
    """The environment variables that give every pool this many threads, to set before NumPy is imported."""
    return dict.fromkeys(POOLS, str(threads)) | SLEEPY


def for_child(threads: int) -> dict[str, str]:
    """A new process's environment: pinned pools, an allocator that does not adapt, the path of this package.

    What the user has set for the allocator stays; the path is added where the package is not installed.
    """
    # The variables of a pytest that runs us, above all those of pytest-xdist's workers, are left out.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment = ALLOCATOR | inherited | pinned(threads)
    home = Path(__file__).parents[2]
    if (home / "pyproject.toml").is_file():  # a checkout, perhaps not installed
        folders = (str(home), environment.get("PYTHONPATH"))
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
    return environment


def allocator() -> str:
    """How measuring processes get the memory of large arrays, in words; empty where it is not known."""
    if platform.libc_ver()[0] != "glibc":
        return ""
    sizes = ALLOCATOR | {name: os.environ[name] for name in ALLOCATOR if name in os.environ}
    fresh, kept = (in_bytes(int(size)) if size.isdecimal() else "?" for size in sizes.values())
    return f"glibc, fresh pages for arrays of {fresh} or more, up to {kept} of freed memory kept"


def cores() -> int:
    """The number of cores that this process may use, by affinity and cgroup limits."""
    quota, allowed = cpu_quota(), len(portable.affinity())
    return allowed if quota is None else min(allowed, max(1, round(quota)))


def settle(most_s: float = 0.2) -> float:
    """Wait until this process's pools are idle: its CPU time no longer grows. Returns the seconds waited."""
    began = time.perf_counter()
    while time.perf_counter() - began < most_s:
        before = time.process_time()
        time.sleep(0.002)
        if time.process_time() - before < 0.001:
            break
    return time.perf_counter() - began


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used, in seconds; 0 where it cannot be read."""
    words = read_file(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(words) <= 12:
        return portable.cpu_seconds(pid)
    return (int(words[11]) + int(words[12])) / portable.ticks_per_second()


def pools() -> dict[str, Any]:
    """The current thread pools of this process, and the variables that configure them."""
    from threadpoolctl import threadpool_info

    fields = {"api": "user_api", "library": "prefix", "threads": "num_threads"}
    return {
        "pools": [{name: pool.get(key) for name, key in fields.items()} for pool in threadpool_info()],
        "cores": sorted(portable.affinity()),
        "variables": variables(),
    }


def variables() -> dict[str, str]:
    """The environment variables that configure pools, compilers and libraries, as far as they are set."""
    return {name: os.environ[name] for name in RELEVANT if name in os.environ}


def cpu_quota() -> float | None:
    """How many cores' time the control groups grant; None where there is no limit."""
    periods = group_files("cpu", "cpu.cfs_period_us")
    limits = [text.split() for text in group_files("", "cpu.max")]
    limits += map(list, zip(group_files("cpu", "cpu.cfs_quota_us"), periods, strict=False))
    numbers = [list(map(int, limit)) for limit in limits if all(map(str.isdecimal, limit))]
    return min((limit[0] / limit[1] for limit in numbers if len(limit) == 2 and limit[1]), default=None)
