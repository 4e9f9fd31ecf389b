"""The environment: parsed from what the system tells, quiet, quick, and compared key by key."""

import json
import platform
import subprocess
import sys

import pytest
from conftest import ROOT

from perflab import machine
from perflab.machine import portable, process, threads
from perflab.machine import system as operating_system
from perflab.machine.description import (
    _caches,
    _container,
    _frequency_mhz,
    _hypervisor,
    _llvm,
    _simd,
    _steal,
    _topology,
    _turbo,
)
from perflab.machine.system import bytes_of, memory_limit
from perflab.machine.threads import cpu_quota
from perflab.records.environment import COMPARED, REPORTED, Difference, differences, one_line

CPUINFO = """\
processor\t: 0
vendor_id\t: AuthenticAMD
model name\t: A Processor 9000
cpu MHz\t\t: 2445.405
flags\t\t: fpu sse2 avx fma avx2 avx512f amx_tile hypervisor

processor\t: 1
vendor_id\t: AuthenticAMD
model name\t: another
flags\t\t: fpu
"""


@pytest.fixture
def system(monkeypatch, tmp_path):
    """An empty system; call it with a path and a text to give it a file."""
    monkeypatch.setattr(operating_system, "SYSTEM", tmp_path)

    def put(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return put


def strict(held):
    return json.loads(json.dumps(held, allow_nan=False))


def test_the_environment_is_strict_json_and_holds_what_the_house_reads():
    told = machine.environment()
    assert strict(told) == told
    for key in (*COMPARED, *REPORTED):
        assert key in told or key in told["versions"], key
    assert told["blas"][0]["name"]
    assert one_line(told)


@pytest.mark.parametrize(
    "others", [[], [{"user_api": "blas", "internal_api": "openblas", "filepath": "/scipy"}]]
)
def test_a_blas_that_no_library_can_ask_is_named_by_the_build(others, monkeypatch):
    built = {"Build Dependencies": {"blas": {"name": "accelerate", "version": "unknown"}}}
    monkeypatch.setattr("numpy.show_config", lambda mode: built)
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: others)
    names = [library["name"] for library in machine.environment()["blas"]]
    assert names == ["accelerate", *(other["internal_api"] for other in others)]


PAGE_FAULTS = """
import resource
import numpy as np

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def call():
    np.empty(16 << 20, np.uint8)[::1024] = 1  # freed at once

before = faults()
call()
first, before = faults() - before, faults()
for _ in range(10):
    call()
print(first, faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library: nothing is fixed")
def test_the_allocator_of_a_measuring_process_does_not_adapt(monkeypatch):
    for name in threads.ALLOCATOR:
        monkeypatch.delenv(name, raising=False)
    assert threads.allocator() == (
        "glibc, fresh pages for arrays of 32 MiB or more, up to 4 GiB of freed memory kept"
    )
    with process.spawn(["-c", PAGE_FAULTS], 1, stdout=subprocess.PIPE, text=True) as child:
        first, later = map(int, child.communicate()[0].split())
    assert first > 0
    assert later == 0


def test_the_users_own_settings_of_the_allocator_stay(monkeypatch):
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", str(1 << 20))
    assert threads.for_child(1)["MALLOC_MMAP_THRESHOLD_"] == str(1 << 20)
    assert "arrays of 1 MiB or more" in threads.allocator() or platform.libc_ver()[0] != "glibc"


def test_nothing_to_read_is_no_error(system, monkeypatch):
    monkeypatch.delattr("os.getloadavg")
    monkeypatch.setitem(sys.modules, "psutil", None)  # no such package
    told = strict(machine.environment())
    assert told["memory_bytes"] is told["steal_share"] is told["cores_quota"] is None
    assert told["governor"] == told["turbo"] == told["hypervisor"] == told["vendor"] == "unknown"
    assert told["simd"] == told["load"] == []
    assert told["topology"] == told["caches"] == {}
    assert told["cores_allowed"] >= 1


@pytest.mark.parametrize("path", ["proc/cpuinfo", "proc/stat", "proc/meminfo", "proc/self/cgroup"])
def test_nonsense_to_read_is_no_error(system, path):
    system(path, "\x00:::\n12:\nflags\nMemTotal:\nMemTotal: x kB\ncpu x\n\ufffd")
    strict(machine.environment())


def test_the_processor(system):
    system("proc/cpuinfo", CPUINFO)
    assert machine.cpu_name() == "A Processor 9000"
    assert _simd() == ["sse2", "avx", "fma", "avx2", "avx512f", "amx_tile"]
    assert _hypervisor() == "yes"
    assert _frequency_mhz() == 2445.405
    system("proc/cpuinfo", CPUINFO.replace(" hypervisor", ""))
    assert _hypervisor() == "no"


def test_a_processor_of_another_family_is_named_by_its_part(system):
    system(
        "proc/cpuinfo",
        "processor\t: 0\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n",
    )
    assert machine.cpu_name().endswith(" 0x41 0xd40")
    assert _simd() == ["asimd", "sve"]


def test_sockets_cores_and_threads(system):
    for cpu in range(8):
        folder = f"sys/devices/system/cpu/cpu{cpu}/topology"
        system(f"{folder}/physical_package_id", f"{cpu // 4}\n")
        system(f"{folder}/core_cpus_list", f"{cpu // 2 * 2}-{cpu // 2 * 2 + 1}\n")
    assert _topology() == {"sockets": 2, "cores": 4, "threads": 8}


def test_caches(system):
    for index, (level, kind, size) in enumerate(
        [("1", "Data", "48K"), ("1", "Instruction", "32K"), ("2", "Unified", "2048K"), ("3", "Unified", "?")]
    ):
        folder = f"sys/devices/system/cpu/cpu0/cache/index{index}"
        system(f"{folder}/level", level)
        system(f"{folder}/type", kind)
        system(f"{folder}/size", size)
    assert _caches() == {"L1": 48 * 1024, "L2": 2048 * 1024}


GROUPS = "4:memory:/a/b\n1:cpu,cpuacct:/a/b\n0::/a/b\n"


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"a/b/cpu.max": "max 100000"}, None),
        ({"a/b/cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "50000 100000"}, 0.5),
        ({"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000", "cpu.max": "400000 100000"}, 3.0),
        ({"unified/a/b/cpu.max": "200000 100000"}, 2.0),
        ({"cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1", "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000"}, None),
        ({"cpu,cpuacct/a/b/cpu.cfs_quota_us": "250000", "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000"}, 2.5),
        ({"cpu/cpu.cfs_quota_us": "70000", "cpu/cpu.cfs_period_us": "100000"}, 0.7),
        ({"a/b/cpu.max": "100000 0"}, None),
    ],
)  # fmt: skip
def test_the_cores_that_control_groups_grant(system, monkeypatch, files, quota):
    system("proc/self/cgroup", GROUPS)
    for path, text in files.items():
        system(f"sys/fs/cgroup/{path}", text + "\n")
    assert cpu_quota() == quota
    monkeypatch.setattr(portable, "affinity", lambda: {0, 1})
    assert machine.cores() == (2 if quota is None else min(2, max(1, round(quota))))


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),
        ({"a/b/memory.max": "max"}, None),
        ({"a/b/memory.max": "1048576"}, 1048576),
        ({"a/memory.max": "1048576", "a/b/memory.max": "2097152"}, 1048576),
        ({"memory/a/b/memory.limit_in_bytes": "9223372036854771712"}, None),
        ({"memory/memory.limit_in_bytes": "524288"}, 524288),
    ],
)
def test_the_memory_that_control_groups_allow(system, files, limit):
    system("proc/self/cgroup", GROUPS)
    system("proc/meminfo", "MemTotal: 4096 kB\nMemAvailable: 1024 kB\n")
    for path, text in files.items():
        system(f"sys/fs/cgroup/{path}", text + "\n")
    assert memory_limit() == limit
    assert bytes_of("MemAvailable") == 1024 * 1024


def test_a_group_outside_of_what_is_mounted_is_left_alone(system):
    system("proc/self/cgroup", "0::/../../x\n")
    system("sys/cpu.max", "50000 100000")
    assert cpu_quota() is None


def test_time_stolen_since_boot(system):
    system("proc/stat", "cpu  100 0 100 700 0 0 0 100 50 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    assert _steal() == {"steal_ticks": 100, "steal_share": 0.1}
    system("proc/stat", "cpu  100 0 100\n")
    assert _steal() == {"steal_ticks": None, "steal_share": None}


@pytest.mark.parametrize(
    ("path", "text", "turbo"),
    [("intel_pstate/no_turbo", "0", "on"), ("intel_pstate/no_turbo", "1", "off"),
     ("cpufreq/boost", "1", "on"), ("cpufreq/boost", "0", "off"), ("cpufreq/boost", "?", "unknown")],
)  # fmt: skip
def test_turbo(system, path, text, turbo):
    system(f"sys/devices/system/cpu/{path}", text + "\n")
    assert _turbo() == turbo


@pytest.mark.parametrize(
    ("path", "text", "hint"),
    [("proc/1/cgroup", "1:cpu:/kubepods/x", "kubepods"), (".dockerenv", "", "docker"),
     ("run/.containerenv", "", "podman"), ("proc/version", "", "no sign of one")],
)  # fmt: skip
def test_hints_at_a_container(system, monkeypatch, path, text, hint):
    monkeypatch.delenv("container", raising=False)
    system(path, text)
    assert _container() == hint


def test_llvm_without_llvmlite_is_told_by_what_is_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    assert _llvm().startswith("of llvmlite ")


QUIET = """
import json, subprocess, sys
import numpy
asked = []
class Watched(subprocess.Popen):
    def __init__(self, words, *args, **named):
        asked.append(words[0])
        super().__init__(words, *args, **named)
subprocess.Popen = Watched
from perflab import machine
machine.environment()
print(json.dumps([asked, "numba" in sys.modules]))
"""


def test_it_is_quiet_loads_no_compiler_and_asks_no_program_but_git():
    command = [sys.executable, "-W", "error", "-c", QUIET]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    asked, numba = json.loads(done.stdout)
    assert set(asked) <= {"git"}
    assert not numba


# ------------------------------------------------------------------------------------------- differences

HERE = {
    "cpu": "A", "simd": ["avx2"], "caches": {"L1": 1}, "cores_allowed": 2, "memory_limit_bytes": None,
    "governor": "performance", "python": "CPython 3.11.7", "numpy": "2.4.6", "versions": {"numba": "0.68.1"},
    "llvm": "22.1.0", "blas": [{"name": "openblas", "version": "0.3.31", "kernel": "Zen"}], "variables": {},
    "system": "Linux 6.18", "load_1_min": 0.1, "frequency_mhz_now": 2000.0, "commit": "a",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, []),
        ({"cpu": "B"}, ["cpu: 'A' against 'B'"]),
        ({"simd": ["avx2", "avx512f"]}, ["simd: 'avx2' against 'avx2 avx512f'"]),
        ({"caches": {"L1": 2}}, ["caches: 'L1 1' against 'L1 2'"]),
        ({"cores_allowed": 4}, ["cores allowed: '2' against '4'"]),
        ({"memory_limit_bytes": 5}, ["memory limit bytes: 'no limit' against '5'"]),
        ({"governor": "powersave"}, ["governor: 'performance' against 'powersave'"]),
        ({"governor": "unknown"}, []),
        ({"python": "CPython 3.11.9"}, []),
        ({"python": "CPython 3.12.1"}, ["python: 'CPython 3.11' against 'CPython 3.12'"]),
        ({"numpy": "2.3.0"}, ["numpy: '2.4.6' against '2.3.0'"]),
        ({"versions": {"numba": "0.61.0"}}, ["numba: '0.68.1' against '0.61.0'"]),
        ({"llvm": "20.1.8"}, ["llvm: '22.1.0' against '20.1.8'"]),
        ({"blas": [{"name": "openblas", "version": "0.3.31", "kernel": "SkylakeX"}]},
         ["blas: 'openblas 0.3.31 Zen' against 'openblas 0.3.31 SkylakeX'"]),
        ({"variables": {"OMP_NUM_THREADS": "1"}}, ["variables: 'none set' against 'OMP_NUM_THREADS 1'"]),
        ({"system": "Linux 6.19", "load_1_min": 9.0, "frequency_mhz_now": 3000.0, "commit": "b"}, []),
        ({"cpu": "B", "numpy": "2.3.0"}, ["cpu: 'A' against 'B'", "numpy: '2.4.6' against '2.3.0'"]),
    ],
)  # fmt: skip
def test_what_makes_two_runs_incomparable(changed, told):
    assert [str(one) for one in differences(HERE, HERE | changed)] == told


def test_what_one_side_does_not_tell_is_no_difference():
    assert differences({}, HERE) == differences(HERE, {}) == []
    for strange in (None, 3, "x", [], [3], {"a": None}):
        differences(HERE, dict.fromkeys(HERE, strange))


def test_what_is_merely_told():
    new = HERE | {"commit": "b", "system": "Linux 6.19"}
    assert differences(HERE, new, REPORTED) == [
        Difference("system", "Linux 6.18", "Linux 6.19"),
        Difference("commit", "a", "b"),
    ]


def test_no_key_is_both_compared_and_merely_told():
    assert not set(COMPARED) & set(REPORTED)
