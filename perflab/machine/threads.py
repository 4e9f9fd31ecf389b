"""The cores that a process may use, and how its thread pools are pinned."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from perflab.machine.system import group_files, read_file

POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
# OpenBLAS's idle workers spin for 2^n cycles; 4 sends them to sleep at once, so that they do not hold the
# core that the next contender needs.
SLEEPY = {"OPENBLAS_THREAD_TIMEOUT": "4"}
RELEVANT = (
    *POOLS,
    *SLEEPY,
    "NUMBA_CPU_NAME",
    "NUMBA_CPU_FEATURES",
    "NUMBA_THREADING_LAYER",
    "NUMBA_THREADING_LAYER_PRIORITY",
    "NUMBA_OPT",
    "NUMBA_ENABLE_AVX",
    "NUMBA_LOOP_VECTORIZE",
    "NUMBA_SLP_VECTORIZE",
    "NUMBA_BOUNDSCHECK",
    "NUMBA_DISABLE_JIT",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "OPENBLAS_CORETYPE",
    "MKL_DYNAMIC",
    "MKL_ENABLE_INSTRUCTIONS",
    "OMP_DYNAMIC",
    "OMP_PLACES",
    "OMP_PROC_BIND",
    "OMP_WAIT_POLICY",
    "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY",
    "KMP_BLOCKTIME",
    "PYTHONMALLOC",
    "GLIBC_TUNABLES",
    "LD_PRELOAD",
)


# Two runs in which one of these differs cannot be compared: a ratio between them would be of machines or of
# libraries. What one side does not tell (an older run, another tool's file) is no difference.
def pinned(threads: int) -> dict[str, str]:
    """The environment variables that give every pool this many threads, to set before NumPy is imported."""
    return dict.fromkeys(POOLS, str(threads)) | SLEEPY


def for_child(threads: int) -> dict[str, str]:
    """What a process of ours is started with: pinned pools, and this package where it is not installed."""
    # What a pytest around us told its own, pytest-xdist's workers above all, is not meant for ours.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | pinned(threads)
    home = Path(__file__).parents[2]
    if (home / "pyproject.toml").is_file():  # a checkout, perhaps not installed
        held = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = str(home) + (os.pathsep + held if held else "")
    return environment


def cores() -> int:
    """The cores that this process may use: affinity and cgroup limits counted in."""
    quota = cpu_quota()
    return affinity() if quota is None else min(affinity(), max(1, round(quota)))


def keep_to_cores(count: int) -> None:
    """Keep this process to so many of its cores: what holds a pool that no variable and no limit reaches."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def settle(most_s: float = 0.2) -> float:
    """Wait until this process's pools are idle: its CPU time stands still. Returns the seconds waited."""
    began = time.perf_counter()
    while time.perf_counter() - began < most_s:
        before = time.process_time()
        time.sleep(0.002)
        if time.process_time() - before < 0.001:
            break
    return time.perf_counter() - began


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used, in seconds; 0 where the system does not tell."""
    words = read_file(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK") if len(words) > 12 else 0.0


def pools() -> dict[str, Any]:
    """The thread pools of this process as they are, and the variables that hold them."""
    from threadpoolctl import threadpool_info

    return {
        "pools": [
            {"api": pool.get("user_api"), "library": pool.get("prefix"), "threads": pool.get("num_threads")}
            for pool in threadpool_info()
        ],
        "cores": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [],
        "variables": {name: os.environ[name] for name in RELEVANT if name in os.environ},
    }


def affinity() -> int:
    """The cores that this process is allowed to run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_quota() -> float | None:
    """How many cores' time the control groups grant; None where there is no limit."""
    quotas = []
    for text in group_files("", "cpu.max"):
        quotas.append(text.split())
    for quota, period in zip(
        group_files("cpu", "cpu.cfs_quota_us"), group_files("cpu", "cpu.cfs_period_us"), strict=False
    ):
        quotas.append([quota, period])
    granted = [
        int(q[0]) / int(q[1]) for q in quotas if len(q) == 2 and all(map(str.isdecimal, q)) and int(q[1])
    ]
    return min(granted, default=None)
