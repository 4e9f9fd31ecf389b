"""The machine: what it is, what runs on it, and how its thread pools are pinned."""

from __future__ import annotations

import atexit
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
    "OPENBLAS_CORETYPE",
)


def pinned(threads: int) -> dict[str, str]:
    """The environment variables that give every pool this many threads, to set before NumPy is imported."""
    return dict.fromkeys(POOLS, str(threads)) | SLEEPY


def cores() -> int:
    """The cores that this process may use: affinity and cgroup limits counted in."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _read("/sys/fs/cgroup/cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit():
        allowed = min(allowed, max(1, round(int(quota[0]) / int(quota[1]))))
    return allowed


def settle(most_s: float = 0.2) -> float:
    """Wait until this process's pools are idle: its CPU time stands still. Returns the seconds waited."""
    began = time.perf_counter()
    while time.perf_counter() - began < most_s:
        before = time.process_time()
        time.sleep(0.002)
        if time.process_time() - before < 0.001:
            break
    return time.perf_counter() - began


def prepare_matplotlib() -> None:
    """Give matplotlib a folder of its own where the home cannot be written, before it is imported."""
    if "MPLCONFIGDIR" in os.environ:
        return
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")  # noqa: PTH111, PTH118
    folder = Path(home) / "matplotlib"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        os.environ["MPLCONFIGDIR"] = tempfile.mkdtemp(prefix="perflab-matplotlib-")
        atexit.register(shutil.rmtree, os.environ["MPLCONFIGDIR"], ignore_errors=True)


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used, in seconds; 0 where the system does not tell."""
    words = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK") if len(words) > 12 else 0.0


def environment() -> dict[str, Any]:
    """Where figures come from: hardware, operating system, libraries, variables, commit."""
    import numpy as np

    described: dict[str, Any] = {
        "cpu": cpu_name(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "cores_allowed": cores(),
        "caches": _caches(),
        "memory_bytes": _memory_bytes(),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "unknown",
        "load_1_min": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "versions": _versions(),
        "blas": _blas(),
        "variables": {name: os.environ[name] for name in RELEVANT if name in os.environ},
        "commit": _commit(),
        "perflab": _versions_of("perflab"),
    }
    return described


def pools() -> dict[str, Any]:
    """The thread pools of this process as they are, and the variables that hold them."""
    from threadpoolctl import threadpool_info

    return {
        "pools": [
            {"api": pool.get("user_api"), "library": pool.get("prefix"), "threads": pool.get("num_threads")}
            for pool in threadpool_info()
        ],
        "variables": {name: os.environ[name] for name in RELEVANT if name in os.environ},
    }


def one_line(described: Mapping[str, Any]) -> str:
    """The environment in one line, for captions."""
    versions = described.get("versions", {})
    blas = described.get("blas") or [{}]
    return (
        f"{described.get('cpu', 'unknown CPU')}, {described.get('cores_allowed', '?')} cores,"
        f" {described.get('python', 'Python ?')}, NumPy {described.get('numpy', '?')}"
        f" ({blas[0].get('name', 'BLAS ?')} {blas[0].get('version', '')}), Numba {versions.get('numba', '?')}"
    )


def cpu_name() -> str:
    """The processor's name as the system tells it."""
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _caches() -> dict[str, int]:
    """Bytes of each data or unified cache that core 0 sees, by level."""
    sizes = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level, size = (_read(index / name) for name in ("type", "level", "size"))
        if kind in ("Data", "Unified") and size.endswith("K"):
            sizes[f"L{level}"] = int(size[:-1]) * 1024
    return sizes


def _memory_bytes() -> int | None:
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemTotal"):
            return int(line.split()[1]) * 1024
    return None


def _versions() -> dict[str, str]:
    names = ("numba", "llvmlite", "scipy", "pytest", "pytest-benchmark", "matplotlib", "threadpoolctl")
    return {name: _versions_of(name) for name in names}


def _versions_of(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _blas() -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_info

    return [
        {
            "name": pool.get("internal_api", "unknown"),
            "version": pool.get("version") or "",
            "kernel": pool.get("architecture", ""),
        }
        for pool in threadpool_info()
        if pool.get("user_api") == "blas"
    ]


def _commit() -> str:
    """The commit of the checkout that perflab runs from, with "+" where files differ; empty for a wheel."""
    import subprocess

    here = Path(__file__).parent.parent
    if not (here / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=here, capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""
