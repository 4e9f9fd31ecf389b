"""Workers of a dask.distributed cluster: a run a host, a class spread over them, whatever worker dies.

The workers are processes that claim different hosts: on Linux every address of 127.0.0.0/8 is this machine.
"""

import json
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from conftest import RIGHT, interruptible, one_line, perflab, perflab_process, user_environment

from perflab import __version__, records, report
from perflab.contract import PerflabError
from perflab.records import kinds
from perflab.report.across import hosts as across
from perflab.run.workers import cluster
from perflab.run.workers.hosts import REQUEST

HOSTS = ("127.0.0.2", "127.0.0.3")
WRONG = RIGHT.replace("dout.sum(axis=0)", "dout.mean(axis=0)")
NEEDS = pytest.mark.skipif(sys.platform != "linux", reason="one machine with several addresses")
MISSING = "dask.distributed is not installed (perflab[dask])"
SMOKE = ("fully_connected/naive", "fully_connected/vectorized", "--preset", "smoke")


# ------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("words", [("run", "conv2d"), ("grade", "conv2d", "mine.py")])
def test_without_distributed_the_extra_is_named(words, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(RIGHT)
    monkeypatch.setitem(sys.modules, "distributed", None)
    line = one_line(perflab(*words, "--dask", "tcp://127.0.0.1:1", cwd=tmp_path), 2)
    assert line.endswith("--dask: dask.distributed is not installed; wanted: pip install 'perflab[dask]'")


@pytest.mark.parametrize("address", ["nonsense", "", "local:", "local:0", "local:two", "smoke://x:1"])
def test_an_address_that_is_none_is_named(address, tmp_path):
    pytest.importorskip("distributed", reason=MISSING)
    line = one_line(perflab("run", *SMOKE, "--dask", address, cwd=tmp_path), 2)
    assert f"--dask: {address!r}" in line
    assert "wanted a scheduler's address, such as tcp://10.0.0.1:8786" in line


def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason=MISSING)
    monkeypatch.setattr(cluster, "PATIENCE_S", 0.2)
    line = one_line(perflab("run", *SMOKE, "--dask", "tcp://127.0.0.1:1", cwd=tmp_path), 2)
    assert "--dask: tcp://127.0.0.1:1: no answer within 0.2 s" in line
    assert not [*tmp_path.iterdir()], "nothing is written"


class Client:
    """A client of a cluster whose workers say this of perflab's version."""

    def __init__(self, **versions):
        self.versions = versions

    def nthreads(self):
        return dict.fromkeys(self.versions, 1)

    def run(self, function, name, workers, on_error):
        assert f"{function.__module__}.{function.__name__}" == "pkgutil.resolve_name", "no code of ours"
        return {worker: self.versions[worker] for worker in workers}


@pytest.mark.parametrize(
    ("versions", "told"),
    [
        ({}, "no worker within 0.1 s"),
        ({"a": __version__, "b": "0.0.1"}, f"worker b has perflab 0.0.1; wanted {__version__}, as here"),
        ({"a": ModuleNotFoundError("No module named 'perflab'")}, "worker a has no perflab (ModuleNotFound"),
    ],
)
def test_workers_that_cannot_be_asked_are_named(versions, told, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE_S", 0.1)
    with pytest.raises(PerflabError) as error:
        cluster.Cluster("tcp://here:1", Client(**versions)).check()
    assert told in str(error.value)


def test_a_worker_that_comes_later_is_asked_if_it_has_this_perflab():
    client = Client(a=__version__)
    asked = cluster.Cluster("tcp://here:1", client)
    asked.check()
    client.versions |= {"b": __version__, "c": "0.0.1"}
    assert asked.workers() == ["a", "b"]
    del client.versions["a"]
    assert asked.workers() == ["b"]


BAD = {
    "holds the runs of hosts already": ("conv2d", "--out", "there"),
    "no runs of hosts here": ("--resume", "--out", "empty"),
    "wanted --out DIR": ("--resume",),
    "wanted no other choice": ("conv2d", "--resume", "--out", "there"),
    "wanted what `perflab run --dask` wrote": ("--resume", "--out", "foreign"),
    "wanted no --against": ("conv2d", "--against", "HEAD"),
    "wanted no --dask": ("conv2d", "--watch", "--with", "mine.py"),
}


@pytest.mark.parametrize("told", BAD)
def test_what_cannot_be_measured_on_hosts_is_refused_before_anyone_is_asked(told, tmp_path):
    (tmp_path / "mine.py").write_text(RIGHT)
    for name, text in (("there", '{"request": {}, "own": []}'), ("foreign", "[]"), ("empty", "")):
        (tmp_path / name).mkdir()
        if text:
            (tmp_path / name / REQUEST).write_text(text)
    line = one_line(perflab("run", *BAD[told], "--dask", "tcp://127.0.0.1:1", cwd=tmp_path), 2)
    assert told in line


# ------------------------------------------------------------------------------------- which technique wins


def test_the_fastest_technique_on_each_machine_is_in_one_table(small_run):
    summary = report.summarise(records.read(small_run))
    found = across.winners({"a": summary, "b": summary})
    assert found.head == ("operation", "case", "dtype", "threads", "a", "b")
    assert found.rows[0][:4] == ("fully_connected", "tiny", "float32", "1")
    assert all(row[4] == row[5] and row[4].startswith("vectorized,") for row in found.rows)
    assert across.winners({"a": summary}) is None, "one machine has nobody to be compared with"


def test_compare_tells_it_of_runs_on_machines_that_differ(small_run, tmp_path):
    for host in HOSTS:
        shutil.copytree(small_run, tmp_path / host, ignore=shutil.ignore_patterns("report*", "figures"))
    file = tmp_path / HOSTS[1] / records.ENVIRONMENT
    file.write_text(json.dumps(json.loads(file.read_text()) | {"cpu": "another"}))
    done = perflab("compare", *HOSTS, "--anyway", cwd=tmp_path)
    row = next(line for line in done.stdout.splitlines() if line.startswith("fully_connected  tiny"))
    assert row.count("vectorized,") == 2
    same = perflab("compare", HOSTS[0], small_run, cwd=tmp_path)
    assert "on each machine" not in same.stdout


# -------------------------------------------------------------------------- a cluster of separate processes


class Started:
    """A scheduler and its workers, each a process; a worker claims a host."""

    def __init__(self, folder):
        self.folder, self.file, self.processes = folder, folder / "scheduler.json", {}
        self.start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0")
        until = time.monotonic() + 60
        while not self.file.exists() and time.monotonic() < until:
            time.sleep(0.05)
        self.address = json.loads(self.file.read_text())["address"]

    def start(self, name, *words, **variables):
        log = (self.folder / f"{name}.log").open("wb")
        common = ("--scheduler-file", str(self.file), "--no-dashboard")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", "dask", *words, *common],
            env=user_environment() | variables, cwd=self.folder, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()

    def worker(self, host, name="", **variables):
        self.start(name or host, "worker", "--host", host, "--nthreads", "1", "--no-nanny", **variables)

    def wait_for(self, name):
        """Until a worker is there: the scheduler has answered it."""
        until = time.monotonic() + 60
        while "Registered to" not in (self.folder / f"{name}.log").read_text():
            assert time.monotonic() < until
            time.sleep(0.05)

    def end(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    pytest.importorskip("distributed", reason=MISSING)
    found = Started(tmp_path_factory.mktemp("cluster"))
    for host in HOSTS:
        found.worker(host)
    for host in HOSTS:
        found.wait_for(host)
    yield found
    for name in [*found.processes]:
        found.end(name)


def begun(started, *words, cwd):
    """The command as a process, while which the test does something."""
    return subprocess.Popen(
        [sys.executable, "-m", "perflab", *map(str, words), "--dask", started.address],
        env=user_environment(), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(process, is_so):
    """Until something is so; the process must not end before."""
    until = time.monotonic() + 300
    while not is_so():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


def blocks(folder):
    return [*records.read(folder).of_kind(kinds.Timed)]


@NEEDS
@pytest.mark.slow
def test_every_host_is_measured_and_a_lost_one_goes_on_where_it_was(started, tmp_path):
    out = tmp_path / "out"
    files = {host: out / host / records.RECORDS for host in HOSTS}
    kept, lost = HOSTS
    running = begun(started, "run", *SMOKE, "--out", out, cwd=tmp_path)
    wait_for(running, lambda: files[lost].exists() and b'"kind": "block"' in files[lost].read_bytes())
    started.end(lost)
    _, said = running.communicate(timeout=300)
    assert running.returncode == 2, said
    assert f"perflab: {lost}: its worker tcp://{lost}:" in said
    assert f"go on with: perflab run --resume --out {out} --dask {started.address}" in said
    assert "Traceback" not in said
    assert (out / kept / "report.html").is_file()
    before = files[lost].read_bytes()
    whole, part = (len(blocks(out / host)) for host in HOSTS)
    assert 0 < part < whole

    away = perflab("run", "--resume", "--out", out, "--dask", started.address)
    assert away.returncode == 2
    assert f"perflab: {lost}: no worker is on it now; its run stays as it is" in away.stderr
    started.worker(lost)
    started.wait_for(lost)
    done = perflab("run", "--resume", "--out", out, "--dask", started.address)
    assert done.returncode == 0, done.stderr
    assert f"perflab: {kept}: measured, 0 blocks" in done.stderr, "nothing is measured twice"
    assert "The fastest technique on each machine" in done.stdout
    assert files[lost].read_bytes().startswith(before)
    assert len(blocks(out / lost)) == whole


@NEEDS
@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_where_the_command_ends_the_workers_stop_measuring(started, tmp_path, end):
    out = tmp_path / "out"
    with interruptible():
        running = begun(started, "run", *SMOKE, "--out", out, cwd=tmp_path)
    wait_for(running, lambda: all((out / host / records.RECORDS).exists() for host in HOSTS))
    workers = [psutil.Process(started.processes[host].pid) for host in HOSTS]
    assert all(worker.children() for worker in workers)
    running.send_signal(end)
    _, said = running.communicate(timeout=60)
    if end == signal.SIGINT:
        assert running.returncode == 130
        assert said.startswith(f"perflab: interrupted; go on with: perflab run --resume --out {out}"), said
    until = time.monotonic() + 60
    while any(worker.children() for worker in workers):
        assert time.monotonic() < until, "they measure for nobody"
        time.sleep(0.05)


def marks(printed):
    """Each submission's mark and mistakes; where an error is seen first depends on inputs drawn anew."""
    rows = json.loads(printed)["rows"]
    return [(row["submission"], row["mark"], [each["name"] for each in row["mistakes"]]) for row in rows]


@NEEDS
@pytest.mark.slow
def test_a_class_is_the_same_over_workers_of_which_one_dies(started, tmp_path):
    files = []
    for number in range(6):
        files.append(tmp_path / f"s{number}.py")
        files[-1].write_text(f"{WRONG}\n\n# {number}\n" if number % 4 else "def forward(x, w, b:\n")
    words = ("grade", "fully_connected", *files, "--json")
    alone = perflab(*words, "--out", "alone", cwd=tmp_path)
    saved = tmp_path / "spread" / "grades.jsonl"
    running = begun(started, *words, "--out", "spread", cwd=tmp_path)
    wait_for(running, lambda: saved.exists() and saved.read_bytes().count(b"\n") >= 2)
    started.end(HOSTS[0])
    printed, said = running.communicate(timeout=300)
    started.worker(HOSTS[0])
    started.wait_for(HOSTS[0])
    assert running.returncode == alone.returncode == 1, said
    assert marks(printed) == marks(alone.stdout)
    assert [name for name, *_ in marks(printed)] == [file.stem for file in files]


@pytest.mark.slow
def test_a_class_over_workers_of_this_machine(tmp_path):
    pytest.importorskip("distributed", reason=MISSING)
    files = [tmp_path / "bob.py", tmp_path / "erin.py"]
    for file, text in zip(files, (WRONG, "def forward(x, w, b:\n"), strict=True):
        file.write_text(text)
    words = ("grade", "fully_connected", *files, "--json", "--dask", "local:2")
    done = perflab_process(*words, cwd=tmp_path)
    assert done.stderr == "perflab: written: grades/index.html\n", "nothing of Dask's"
    assert marks(done.stdout) == [("bob", "wrong", ["db_mean"]), ("erin", "cannot run here", [])]
    again = perflab(*words[:-1], "tcp://127.0.0.1:1", cwd=tmp_path)
    assert again.stdout == done.stdout, "nothing is left to ask anybody"


@NEEDS
@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('__version__ = "0.0.1"', f"has perflab 0.0.1; wanted {__version__}, as here"),
        ('raise ModuleNotFoundError("none here")', "has no perflab (ModuleNotFoundError: none here)"),
    ],
)
def test_a_worker_of_another_perflab_is_named(started, tmp_path, text, told):
    (tmp_path / "perflab").mkdir()
    (tmp_path / "perflab" / "__init__.py").write_text(text)
    started.worker("127.0.0.4", "other", PYTHONPATH=str(tmp_path))
    try:
        started.wait_for("other")
        line = one_line(perflab("run", *SMOKE, "--dask", started.address, cwd=tmp_path), 2)
        assert "worker tcp://127.0.0.4:" in line
        assert told in line
    finally:
        started.end("other")


@NEEDS
@pytest.mark.slow
def test_what_is_asked_wrongly_is_said_once(started, tmp_path):
    line = one_line(perflab("run", "conv2d", "--case", "none", "--dask", started.address, cwd=tmp_path), 2)
    assert "none" in line
    assert not [*tmp_path.iterdir()], "nothing is written"
