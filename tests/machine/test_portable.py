"""What some operating systems lack: taken away here, since only Linux was tried."""

import subprocess
import sys

import psutil  # before a test says that this is another system
import pytest

from perflab.machine import portable, system, threads

NOT_ON_WINDOWS = ("sched_getaffinity", "sched_setaffinity", "getloadavg", "sysconf")


@pytest.fixture
def windows(monkeypatch):
    """Without the calls and modules that Windows lacks, and with what it has instead."""
    for name in NOT_ON_WINDOWS:
        monkeypatch.delattr(portable.os, name)
    for name in ("setitimer", "SIGBUS", "SIGKILL"):
        monkeypatch.delattr(portable.signal, name)
    monkeypatch.setattr(portable.signal, "CTRL_BREAK_EVENT", 1, raising=False)
    monkeypatch.setattr(portable.subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    monkeypatch.setattr(portable, "resource", None)
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.mark.usefixtures("windows")
def test_a_system_without_limits_has_all_cores_and_says_what_is_missing():
    assert portable.affinity() == set(range(portable.os.cpu_count()))
    portable.keep_to_cores(1)
    assert portable.load_averages() == []
    assert not portable.limit_data(1 << 30)
    assert portable.die_with(1), "its parent may be a virtual environment's own process"
    assert portable.own_group() == {"creationflags": 0x200}
    assert portable.missing() == [
        "the memory of outside code is not limited",
        "a process cannot be kept to some of the cores",
        "load averages are not known",
    ]


def test_linux_lacks_nothing():
    assert portable.missing() == []


@pytest.mark.usefixtures("windows")
def test_an_interrupt_is_the_one_that_the_system_has():
    sent = []

    class Child:
        send_signal = staticmethod(sent.append)

    portable.interrupt(Child)
    assert sent == [1]


@pytest.mark.parametrize(
    ("status", "crashed", "words"),
    [
        (0, False, "it ended its process with exit status 0"),
        (-11, True, "its process died: SIGSEGV"),
        (-2, False, "its process died: SIGINT"),
        (0xC0000005, True, "its process died: error 0xc0000005"),
        (0xC000013A, False, "its process died: error 0xc000013a"),
    ],
)
def test_the_end_of_a_process_in_words(status, crashed, words):
    assert portable.crashed(status) is crashed
    assert portable.death(status) == words


def test_without_files_of_the_system_psutil_is_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(system, "SYSTEM", tmp_path)
    total, available = system.memory_bytes()
    assert total == psutil.virtual_memory().total
    assert 0 < available <= total
    assert system.memory_available() == pytest.approx(available, rel=0.5)
    assert threads.cpu_seconds(portable.os.getpid()) > 0
    assert threads.cpu_seconds(2**22 + 1) == 0


def test_a_mac_gives_the_processors_name(monkeypatch, tmp_path):
    monkeypatch.setattr(system, "SYSTEM", tmp_path)
    monkeypatch.setattr(sys, "platform", "darwin")
    answer = subprocess.CompletedProcess([], 0, "Apple M4\n", "")
    monkeypatch.setattr(portable.subprocess, "run", lambda command, **_: answer)
    assert system.cpu_name() == "Apple M4"


def test_without_a_timer_of_the_system_a_thread_ends_the_process():
    code = (
        "import signal, time; del signal.setitimer; from perflab.machine import portable;"
        "portable.end_in(0.1); time.sleep(60)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 1
