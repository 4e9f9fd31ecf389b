"""The environment that figures come from: hardware, operating system, libraries, variables, commit."""

from __future__ import annotations

import contextlib
import os
import platform
import warnings
from pathlib import Path
from typing import Any

from perflab.machine import portable, system
from perflab.machine.system import NOT_INSTALLED, cpuinfo, read_file, version_of
from perflab.machine.threads import allocator, cores, cpu_quota, variables

# The flags that decide which vector instructions a compiler may emit, oldest first.
SIMD = (
    *("sse2", "ssse3", "sse4_1", "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni"),
    *("avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx512ifma", "avx512vbmi"),
    *("avx512_vbmi2", "avx512_vnni", "avx512_bitalg", "avx512_vpopcntdq", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16", "amx_fp16", "avx10_1", "avx10_2"),
    *("asimd", "asimdhp", "asimddp", "sve", "sve2", "i8mm", "bf16", "sme"),
)
PEERS = ("torch", "jax", "pythran", "cython")  # what may be installed beside
PACKAGES = ("numba", "llvmlite", "scipy", "pytest", "pytest-benchmark", "matplotlib", "threadpoolctl")


def environment() -> dict[str, Any]:
    """Where figures come from: hardware, operating system, libraries, variables, commit.

    What cannot be read is "unknown", empty or None, never an error. The frequency, the load and the free
    memory are momentary values: they are never compared.
    """
    import numpy as np

    from perflab.machine import products

    quota, (memory, available) = cpu_quota(), system.memory_bytes()
    load = [round(average, 2) for average in portable.load_averages()]
    return {
        "cpu": system.cpu_name(),
        "vendor": cpuinfo().get("vendor_id", "unknown"),
        "architecture": platform.machine(),
        "simd": _simd(),
        "topology": _topology(),
        "cores": os.cpu_count(),
        "cores_allowed": cores(),
        "cores_affinity": len(portable.affinity()),
        "cores_quota": None if quota is None else round(quota, 2),
        "caches": _caches(),
        "memory_bytes": memory,
        "memory_available_bytes": available,
        "memory_limit_bytes": system.memory_limit(),
        "governor": read_file("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "unknown",
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
        "product_warnings": [*products.spurious_warnings()],
        "threading_layer": os.environ.get("NUMBA_THREADING_LAYER", "default"),
        "variables": variables(),
        "allocator": allocator(),
        "commit": _commit(),
        "branch": _branch(),
        "perflab": version_of("perflab"),
        "missing": portable.missing(),
    }


def _versions() -> dict[str, str]:
    """The versions of the libraries, and of the peers that are installed."""
    found = {name: version_of(name) for name in (*PACKAGES, *PEERS)}
    return {name: version for name, version in found.items() if name in PACKAGES or version != NOT_INSTALLED}


def _simd() -> list[str]:
    flags = (cpuinfo().get("flags") or cpuinfo().get("Features") or "").split()
    return [flag for flag in SIMD if flag in flags]


def _topology() -> dict[str, int]:
    """Sockets, cores and hardware threads; empty where they cannot be read."""
    folders = list((system.SYSTEM / "sys/devices/system/cpu").glob("cpu[0-9]*/topology"))
    sockets = {read_file(folder / "physical_package_id") for folder in folders}
    names = ("core_cpus_list", "thread_siblings_list")  # the second is the older name
    siblings = {read_file(folder / names[0]) or read_file(folder / names[1]) for folder in folders}
    counts = {"sockets": len(sockets - {""}), "cores": len(siblings - {""}), "threads": len(folders)}
    return counts if all(counts.values()) else {}


def _caches() -> dict[str, int]:
    """Bytes of each data or unified cache that core 0 sees, by level."""
    sizes = {}
    for index in sorted((system.SYSTEM / "sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level, size = (read_file(index / name) for name in ("type", "level", "size"))
        if kind in ("Data", "Unified") and size.endswith("K") and size[:-1].isdecimal():
            sizes[f"L{level}"] = int(size[:-1]) * 1024
    return sizes


def _turbo() -> str:
    """Whether the clock may rise above its nominal rate: "on", "off" or "unknown"."""
    off = read_file("sys/devices/system/cpu/intel_pstate/no_turbo")
    boost = read_file("sys/devices/system/cpu/cpufreq/boost")
    return {"0": "on", "1": "off"}.get(off) or {"0": "off", "1": "on"}.get(boost) or "unknown"


def _frequency_mhz() -> float | None:
    khz = read_file("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
    try:
        return int(khz) / 1000 if khz.isdecimal() else float(cpuinfo()["cpu MHz"])
    except (KeyError, ValueError):
        return None


def _steal() -> dict[str, Any]:
    """The time since boot in which a hypervisor ran another machine, in ticks and as a share (proc(5))."""
    ticks = system.cpu_ticks()
    stolen = ticks.get("steal")
    share = None if stolen is None else round(stolen / max(sum(ticks.values()), 1), 6)
    return {"steal_ticks": stolen, "steal_share": share}


def _hypervisor() -> str:
    """Whether the processor is a virtual one: "yes" or the hypervisor's name, "no", "unknown"."""
    flags = cpuinfo().get("flags", "").split()
    by_flags = "unknown" if not flags else "yes" if "hypervisor" in flags else "no"
    return read_file("sys/hypervisor/type") or by_flags


def _container() -> str:
    """The container that the process seems to run in; "no sign of one" where there is no hint."""
    groups = read_file("proc/1/cgroup") + read_file("proc/self/cgroup")
    files = {"docker": ".dockerenv", "podman": "run/.containerenv"}
    hints = [name for name in ("kubepods", "docker", "libpod", "lxc") if name in groups]
    hints += [name for name, file in files.items() if (system.SYSTEM / file).exists()]
    return hints[0] if hints else os.environ.get("container") or "no sign of one"  # noqa: SIM112 - systemd's name for it is in small letters


def _llvm() -> str:
    """The version of the LLVM that Numba compiles with."""
    from importlib import import_module

    try:  # llvmlite imports neither Numba nor NumPy
        return ".".join(map(str, import_module("llvmlite.binding").llvm_version_info))
    except (ImportError, OSError, AttributeError):
        return f"of llvmlite {version_of('llvmlite')}"


def _blas() -> list[dict[str, Any]]:
    """The BLAS libraries in this process, NumPy's first; else the one that NumPy was built with."""
    import numpy as np
    from threadpoolctl import threadpool_info

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of two OpenMPs in one process
        pools = [pool for pool in threadpool_info() if pool.get("user_api") == "blas"]
    pools.sort(key=lambda pool: "numpy" not in str(pool.get("filepath")))
    rows = [(pool.get("internal_api"), pool.get("version"), pool.get("architecture")) for pool in pools]
    with contextlib.suppress(KeyError, TypeError, AttributeError):
        built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        if not rows or "accelerate" in built["name"].lower():  # threadpoolctl does not know this BLAS
            rows.insert(0, (built["name"], built.get("version"), ""))
    return [
        {"name": name or "unknown", "version": version or "", "kernel": kernel or ""}
        for name, version, kernel in rows
    ]


def _commit() -> str:
    """The commit of the checkout that perflab runs from, with "+" where files differ; empty for a wheel."""
    return _git("describe", "--always", "--dirty=+", "--exclude=*")


def _branch() -> str:
    """The branch of that checkout; empty for a wheel, and where no branch is checked out."""
    return _git("symbolic-ref", "--short", "--quiet", "HEAD")


def _git(*words: str) -> str:
    import subprocess

    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        return ""
    settings = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", *words], cwd=checkout, env=settings, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
