"""The machine: what it is, what runs on it, and how its thread pools are pinned."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import platform
import re
import resource
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SYSTEM = Path("/")  # where /proc and /sys are found; tests put their own in its place

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
# What decides which vector instructions a compiler may emit; in the order in which they came.
SIMD = (
    *("sse2", "ssse3", "sse4_1", "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni"),
    *("avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx512ifma", "avx512vbmi"),
    *("avx512_vbmi2", "avx512_vnni", "avx512_bitalg", "avx512_vpopcntdq", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16", "amx_fp16", "avx10_1", "avx10_2"),
    *("asimd", "asimdhp", "asimddp", "sve", "sve2", "i8mm", "bf16", "sme"),
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
    home = Path(__file__).parent.parent
    if (home / "pyproject.toml").is_file():  # a checkout, perhaps not installed
        held = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = str(home) + (os.pathsep + held if held else "")
    return environment


def cores() -> int:
    """The cores that this process may use: affinity and cgroup limits counted in."""
    quota = _cpu_quota()
    return _affinity() if quota is None else min(_affinity(), max(1, round(quota)))


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


def cache_folder() -> Path:
    """Where perflab keeps what may be made again; it need not exist, nor be writable."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH111, PTH118
    return Path(home) / "perflab"


def keep(name: str, held: Mapping[str, Any]) -> None:
    """Keep what was found about this machine for later runs; a home that cannot be written keeps none."""
    path = cache_folder() / f"{name}.json"
    text = json.dumps({**held, "machine": identity()}, allow_nan=False, ensure_ascii=False, indent=1)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def kept(name: str) -> dict[str, Any] | None:
    """What `keep` kept under this name, if it was found on this very machine; else None."""
    try:
        held = json.loads((cache_folder() / f"{name}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return held if isinstance(held, dict) and held.pop("machine", None) == identity() else None


def identity() -> str:
    """The machine and what measures on it, in a word that changes when figures would."""
    numpy = _versions_of("numpy")
    return (
        f"{platform.node()} {cpu_name()} {cores()} {platform.release()} {platform.python_version()} {numpy}"
    )


def cpu_ticks() -> dict[str, int]:
    """The system's CPU time since boot by kind, in ticks, steal among them; empty where it is not told."""
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    words = _read("/proc/stat").split("\n")[0].split()[1:]
    return {name: int(word) for name, word in zip(names, words, strict=False) if word.isdigit()}


def steal_share(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """The share of CPU time between two readings in which the host ran another machine instead."""
    total = sum(after.values()) - sum(before.values())
    return (after.get("steal", 0) - before.get("steal", 0)) / total if total > 0 else 0.0


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used, in seconds; 0 where the system does not tell."""
    words = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK") if len(words) > 12 else 0.0


def memory_available() -> float:
    """Bytes of memory that can be had now, as far as the system tells; infinite where it does not."""
    told = (_meminfo("MemAvailable"), _memory_limit())
    return min((held for held in told if held is not None), default=float("inf"))


def limit_memory(most: int) -> None:
    """Let this process take so many bytes more than it holds now, where the system can hold it to that."""
    held = re.search(r"VmData:\s+(\d+) kB", _read("proc/self/status"))
    if held:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (int(held[1]) * 1024 + most, resource.RLIM_INFINITY))


def environment() -> dict[str, Any]:
    """Where figures come from: hardware, operating system, libraries, variables, commit.

    What cannot be read is "unknown", empty or None, never an error. The frequency, the load and the free
    memory are of this moment: notes, never compared.
    """
    import numpy as np

    quota = _cpu_quota()
    load = _load()
    return {
        "cpu": cpu_name(),
        "vendor": _cpuinfo().get("vendor_id", "unknown"),
        "architecture": platform.machine(),
        "simd": _simd(),
        "topology": _topology(),
        "cores": os.cpu_count(),
        "cores_allowed": cores(),
        "cores_affinity": _affinity(),
        "cores_quota": None if quota is None else round(quota, 2),
        "caches": _caches(),
        "memory_bytes": _meminfo("MemTotal"),
        "memory_available_bytes": _meminfo("MemAvailable"),
        "memory_limit_bytes": _memory_limit(),
        "governor": _read("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "unknown",
        "turbo": _turbo(),
        "frequency_mhz_now": _frequency_mhz(),
        "load_1_min": load[0] if load else None,
        "load": load,
        **_steal(),
        "system": f"{platform.system()} {platform.release()}",
        "hypervisor": _hypervisor(),
        "container": _container(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "versions": _versions(),
        "llvm": _llvm(),
        "blas": _blas(),
        "threading_layer": os.environ.get("NUMBA_THREADING_LAYER", "default"),
        "variables": {name: os.environ[name] for name in RELEVANT if name in os.environ},
        "commit": _commit(),
        "perflab": _versions_of("perflab"),
    }


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


def cpu_name() -> str:
    """The processor's name as the system tells it."""
    told = _cpuinfo()
    part = " ".join(filter(None, (told.get("CPU implementer"), told.get("CPU part"))))
    return told.get("model name") or (f"{platform.machine()} {part}" if part else platform.machine())


def _cpuinfo() -> dict[str, str]:
    """What /proc/cpuinfo tells of the first processor."""
    first = _read("proc/cpuinfo").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _simd() -> list[str]:
    told = _cpuinfo()
    flags = (told.get("flags") or told.get("Features") or "").split()
    return [flag for flag in SIMD if flag in flags]


def _topology() -> dict[str, int]:
    """Sockets, cores and hardware threads; empty where they cannot be read."""
    folders = list((SYSTEM / "sys/devices/system/cpu").glob("cpu[0-9]*/topology"))
    sockets = {_read(folder / "physical_package_id") for folder in folders}
    siblings = {
        _read(folder / "core_cpus_list") or _read(folder / "thread_siblings_list") for folder in folders
    }
    counts = {"sockets": len(sockets - {""}), "cores": len(siblings - {""}), "threads": len(folders)}
    return counts if all(counts.values()) else {}


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_quota() -> float | None:
    """How many cores' time the control groups grant; None where there is no limit."""
    quotas = []
    for text in _group_files("", "cpu.max"):
        quotas.append(text.split())
    for quota, period in zip(
        _group_files("cpu", "cpu.cfs_quota_us"), _group_files("cpu", "cpu.cfs_period_us"), strict=False
    ):
        quotas.append([quota, period])
    granted = [
        int(q[0]) / int(q[1]) for q in quotas if len(q) == 2 and all(map(str.isdecimal, q)) and int(q[1])
    ]
    return min(granted, default=None)


def _memory_limit() -> int | None:
    """The least memory that a control group allows, in bytes; None where that limits nothing."""
    texts = [*_group_files("", "memory.max"), *_group_files("memory", "memory.limit_in_bytes")]
    least = min((int(text) for text in texts if text.isdecimal()), default=None)
    total = _meminfo("MemTotal")
    return None if least is None or (total is not None and least >= total) else least


def _group_files(controller: str, name: str) -> Iterator[str]:
    """One file of this process's control group and of every group above it, where they have it.

    `controller` is one of cgroup version 1; the empty word is version 2.
    """
    for line in _read("proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, own = rest.partition(":")
        if controller not in controllers.split(",") or ".." in own:
            continue
        # A container often sees its own group as the root while it is told the path outside: both are tried.
        mounts = (controllers, controller) if controller else ("", "unified")
        for mount in dict.fromkeys(mounts):
            base = SYSTEM / "sys/fs/cgroup" / mount
            folder = base / own.strip("/")
            for group in (folder, *folder.parents):
                text = _read(group / name)
                if text:
                    yield text
                if group == base:
                    break


def _caches() -> dict[str, int]:
    """Bytes of each data or unified cache that core 0 sees, by level."""
    sizes = {}
    for index in sorted((SYSTEM / "sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level, size = (_read(index / name) for name in ("type", "level", "size"))
        if kind in ("Data", "Unified") and size.endswith("K") and size[:-1].isdecimal():
            sizes[f"L{level}"] = int(size[:-1]) * 1024
    return sizes


def _meminfo(name: str) -> int | None:
    """One figure of /proc/meminfo, in bytes."""
    for line in _read("proc/meminfo").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == f"{name}:" and words[1].isdecimal():
            return int(words[1]) * 1024
    return None


def _turbo() -> str:
    """Whether the clock may rise above its nominal rate: "on", "off" or "unknown"."""
    off = _read("sys/devices/system/cpu/intel_pstate/no_turbo")
    boost = _read("sys/devices/system/cpu/cpufreq/boost")
    return {"0": "on", "1": "off"}.get(off) or {"0": "off", "1": "on"}.get(boost) or "unknown"


def _frequency_mhz() -> float | None:
    khz = _read("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
    if khz.isdecimal():
        return int(khz) / 1000
    try:
        return float(_cpuinfo()["cpu MHz"])
    except (KeyError, ValueError):
        return None


def _load() -> list[float]:
    """The load averages of 1, 5 and 15 minutes; empty where the system has none."""
    try:
        return [round(load, 2) for load in os.getloadavg()]
    except (OSError, AttributeError):
        return []


def _steal() -> dict[str, Any]:
    """The time since boot in which a hypervisor ran somebody else, in ticks and as a share (proc(5))."""
    words = _read("proc/stat").partition("\n")[0].split()
    if len(words) < 9 or words[0] != "cpu" or not all(map(str.isdecimal, words[1:])):
        return {"steal_ticks": None, "steal_share": None}
    ticks = [int(word) for word in words[1:9]]  # guests' time, after it, is in the user's already
    return {"steal_ticks": ticks[7], "steal_share": round(ticks[7] / max(sum(ticks), 1), 6)}


def _hypervisor() -> str:
    """Whether the processor is a virtual one: "yes" or the hypervisor's name, "no", "unknown"."""
    name = _read("sys/hypervisor/type")
    if name:
        return name
    flags = _cpuinfo().get("flags", "").split()
    return "unknown" if not flags else "yes" if "hypervisor" in flags else "no"


def _container() -> str:
    """What hints at a container; "no sign of one" where nothing does."""
    groups = _read("proc/1/cgroup") + _read("proc/self/cgroup")
    for name in ("kubepods", "docker", "libpod", "lxc"):
        if name in groups:
            return name
    if (SYSTEM / ".dockerenv").exists():
        return "docker"
    if (SYSTEM / "run/.containerenv").exists():
        return "podman"
    return os.environ.get("container") or "no sign of one"  # noqa: SIM112 - systemd's name for it is in small letters


def _versions() -> dict[str, str]:
    names = ("numba", "llvmlite", "scipy", "pytest", "pytest-benchmark", "matplotlib", "threadpoolctl")
    return {name: _versions_of(name) for name in names}


def _versions_of(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _llvm() -> str:
    """The version of the LLVM that Numba compiles with."""
    from importlib import import_module

    try:  # llvmlite imports neither Numba nor NumPy
        return ".".join(map(str, import_module("llvmlite.binding").llvm_version_info))
    except (ImportError, OSError, AttributeError):
        return f"of llvmlite {_versions_of('llvmlite')}"


def _blas() -> list[dict[str, Any]]:
    """The BLAS libraries in this process, NumPy's first."""
    from threadpoolctl import threadpool_info

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of two OpenMPs in one process
        loaded = [pool for pool in threadpool_info() if pool.get("user_api") == "blas"]
    loaded.sort(key=lambda pool: "numpy" not in str(pool.get("filepath")))
    found = [
        {
            "name": pool.get("internal_api", "unknown"),
            "version": pool.get("version") or "",
            "kernel": pool.get("architecture", ""),
        }
        for pool in loaded
    ]
    return found or _blas_of_build()


def _blas_of_build() -> list[dict[str, Any]]:
    """The BLAS that NumPy was built with, where it is none that threadpoolctl knows."""
    import numpy as np

    try:
        built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return [{"name": built["name"], "version": built.get("version", ""), "kernel": ""}]
    except (KeyError, TypeError, AttributeError):
        return []


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
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _read(path: str | Path) -> str:
    """A small file's text, empty where it cannot be read; a relative path begins at `SYSTEM`."""
    try:
        return (SYSTEM / path).read_text("utf-8", errors="replace").strip()
    except (OSError, ValueError):
        return ""
