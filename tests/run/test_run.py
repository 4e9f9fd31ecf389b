"""Runs from end to end: verified or no number, interrupted, killed, resumed, with outside files."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from conftest import ROOT, interruptible, one_line, perflab, perflab_process, slow_but, user_environment

from perflab import catalog, evidence, records
from perflab.catalog import cases, kernels
from perflab.contract import FIRST_RUNGS
from perflab.records import Part, Phase, kinds
from perflab.run import compilation, explaining, presets, runner, turns

FIRST = [f"fully_connected/{technique}" for technique in FIRST_RUNGS]
ONE = (*FIRST, "--preset", "smoke", "--case", "tiny")


def blocks(folder):
    return list(records.read(folder).of_kind(kinds.Timed))


def keys(folder):
    return [record.block for record in blocks(folder)]


def test_a_run_leaves_one_folder_with_everything(measured_run):
    folder, printed = measured_run
    assert {"records.jsonl", "environment.json", "report.html", "report.md", "benchmark.json"} <= {
        path.name for path in folder.iterdir()
    }
    assert len(list((folder / "figures").glob("*.svg"))) == len(list((folder / "figures").glob("*.png"))) > 0
    assert "fully" in printed.lower()
    assert "inside timed calls" in printed


def test_every_block_was_verified_before_and_after_in_the_same_process(measured_run):
    folder, _ = measured_run
    run = records.read(folder)
    right = {
        (verdict.contender, verdict.process)
        for verdict in run.of_kind(kinds.Judgement)
        if verdict.right and verdict.share <= 1
    }
    seen = 0
    for r in run.of_kind(kinds.Timed):
        assert (r.contender, r.process) in right
        assert r.after in ("same bits", "within bound")
        assert min(r.rounds_s) > 0
        seen += 1
    assert seen == 2 * 4 * 2 * 6, "two operations, four techniques, two directions, six passes"


def test_several_fresh_processes_and_contenders_interleaved(measured_run):
    folder, _ = measured_run
    order = [(*r.turn, r.direction, r.contender.technique) for r in blocks(folder)]
    assert {process for process, *_ in order} == {0, 1}
    firsts = {names[3] for names in order[::4]}
    assert len(firsts) > 1, "not always the same contender first"


def test_nothing_was_compiled_inside_a_timed_call(measured_run):
    folder, _ = measured_run
    run = records.read(folder)
    assert not list(run.of_kind(kinds.Failure))
    compiled = [r for r in run.of_kind(kinds.Judgement) if r.compile_s > 0]
    assert all(r.contender.technique == "jit" for r in compiled), (
        "compile time stands apart, with the verdict"
    )


@pytest.mark.slow
def test_compile_time_is_told_apart_cold_and_from_the_cache(tmp_path):
    words = ("max_pool2d/jit", "--preset", "smoke", "--case", "tiny")
    cache = str(tmp_path / "cache")
    for out in ("cold", "warm"):
        done = perflab_process("run", *words, "--out", tmp_path / out, XDG_CACHE_HOME=cache)
        assert done.returncode == 0, done.stderr
    cold, warm = (records.read(tmp_path / out) for out in ("cold", "warm"))
    (first,) = cold.of_kind(kinds.Compiled)
    assert first.names == ("max_pool2d/jit/float32",)
    assert not list(warm.of_kind(kinds.Compiled)), "the second run finds the kernels in the cache"
    found = [*cold.of_kind(kinds.Judgement), *warm.of_kind(kinds.Judgement)]
    (compile_s,) = {r.cold_compile_s for r in found}
    assert compile_s > 0
    assert first.wall_s > 0
    for r in found:
        assert r.compile_s == 0, "compiled before the clock starts, in a process of its own"
        assert r.load_s > 0
    assert "full compilation" in (tmp_path / "warm" / "report.md").read_text()


def test_the_pools_of_every_process_are_recorded(measured_run):
    told = list(records.read(measured_run[0]).of_kind(kinds.Pools))
    assert [(r.process, r.threads) for r in told] == [(0, 1), (1, 1)]
    for r in told:
        assert {pool["threads"] for pool in r.pools} == {1}
        assert r.variables["OPENBLAS_NUM_THREADS"] == "1"


@pytest.mark.slow
def test_threads_are_pinned_in_the_measuring_process(tmp_path):
    (tmp_path / "pools.py").write_text(
        '"""Tells how many threads its pools have."""\n'
        "import json, os, pathlib\n"
        "from threadpoolctl import threadpool_info\n"
        "def forward(x, w, b):\n"
        "    found = {'blas': [p['num_threads'] for p in threadpool_info() if p['user_api'] == 'blas'],\n"
        "             'numba': os.environ['NUMBA_NUM_THREADS'],\n"
        "             'sleepy': os.environ['OPENBLAS_THREAD_TIMEOUT']}\n"
        f"    pathlib.Path({str(tmp_path / 'told.json')!r}).write_text(json.dumps(found))\n"
        "    return x @ w + b, (x, w)\n"
        "def backward(dout, cache):\n"
        "    x, w = cache\n"
        "    return dout @ w.T, x.T @ dout, dout.sum(axis=0)\n"
    )
    done = perflab("run", *ONE, "--with", tmp_path / "pools.py", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["blas"]
    assert set(told["blas"]) == {1}
    assert told["numba"] == "1"
    assert told["sleepy"] == "4"


WRONG = {
    "raises": (
        "def forward(x, w, b):\n    raise ZeroDivisionError('no')\n",
        "ZeroDivisionError: no (line 3)",
    ),
    "wrong": ("def forward(x, w, b):\n    return x @ w, (x, w)\n", "wrong: odd: rounding bound: out["),
    "writes": (
        "def forward(x, w, b):\n    out = x @ w + b\n    b += 1\n    return out, (x, w)\n",
        "wrote to an input",
    ),
    "writes_later": (
        "def forward(x, w, b):\n    out = x @ w + b\n    b += len(x) > 15\n    return out, (x, w)\n",
        "wrote to its inputs",
    ),
    "exits": ("def forward(x, w, b):\n    raise SystemExit(3)\n", "SystemExit: 3"),
    "crashes": (
        "def forward(x, w, b):\n    import os, signal\n    os.kill(os.getpid(), signal.SIGSEGV)\n",
        "SIGSEGV",
    ),
    "raises_before_it_is_timed": (
        "calls = []\ndef forward(x, w, b):\n    calls.append(len(x) > 15)\n    1 / (sum(calls) < 6)\n"
        "    return x @ w + b, (x, w)\n",
        "it raised ZeroDivisionError",
    ),
    "raises_later": (
        "calls = []\ndef forward(x, w, b):\n    calls.append(len(x) > 15)\n    1 / (sum(calls) < 600)\n"
        "    return x @ w + b, (x, w)\n",
        "it raised ZeroDivisionError: division by zero",
    ),
    "later": (
        "calls = []\ndef forward(x, w, b):\n    calls.append(len(x) > 15)\n"
        "    return x @ w + b + (1e-2 if sum(calls) > 20 else 0), (x, w)\n",
        "wrong: out[",
    ),
}
CANNOT_RUN = ("raises", "raises_before_it_is_timed")  # exit code 2, as there is no other finding
BACKWARD = (
    "def backward(dout, cache):\n    x, w = cache\n    return dout @ w.T, x.T @ dout, dout.sum(axis=0)\n"
)


HANGS = "def forward(x, w, b):\n    while len(x) > 15:\n        pass\n    return x @ w + b, (x, w)\n"
WRONG["hangs"] = (HANGS, "not shown: it gave no answer for 20 s")
TOGETHER = tuple(name for name in WRONG if name not in ("wrong", *CANNOT_RUN))


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("wrong",), 1),
        *(pytest.param(*both, marks=pytest.mark.slow) for both in ((CANNOT_RUN, 2), (TOGETHER, 1))),
    ],
)
def test_no_time_is_shown_for_wrong_contenders_and_the_run_goes_on(names, code, tmp_path):
    folder, files = tmp_path / "run", [tmp_path / f"{name}.py" for name in names]
    for file in files:
        file.write_text('"""Wrong on purpose."""\n' + WRONG[file.stem][0] + BACKWARD)
    done = perflab("run", *ONE, "--with", *files, "--out", folder, "--json")
    assert done.returncode == code, done.stderr
    held = json.loads(done.stdout)
    reasons = {finding["technique"]: finding["reason"] for finding in held["findings"]}
    assert set(reasons) == set(names)
    for name in names:
        assert WRONG[name][1] in reasons[name]
    others = Counter(figure["technique"] for figure in held["figures"])
    assert others == dict.fromkeys(FIRST_RUNGS, 2)
    assert all(figure["blocks"] == 6 for figure in held["figures"])
    shown = json.loads((folder / "benchmark.json").read_text())
    assert not [b for b in shown["benchmarks"] if any(f"/{name}/" in b["name"] for name in names)]


STOPS = """
import pathlib, time
BLOCKS, GO = pathlib.Path({blocks!r}), pathlib.Path({go!r})
def forward(x, w, b):
    while BLOCKS.exists() and BLOCKS.read_bytes().count(b'"kind": "block"') >= 7 and not GO.exists():
        time.sleep(0.01)
    return x @ w + b, (x, w)
"""


def start(folder):
    """A run whose last contender waits, once 7 blocks are recorded, until it is killed or told to go on."""
    file = folder.with_name("stops.py")
    file.write_text(
        STOPS.format(blocks=str(folder / "records.jsonl"), go=str(folder.with_name("go"))) + BACKWARD
    )
    words = [*FIRST[:3], "--preset", "smoke", "--case", "tiny", "--with", str(file), "--out", str(folder)]
    with interruptible():
        return subprocess.Popen(
            [sys.executable, "-m", "perflab", "run", *words],
            env=user_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip


def wait_for_blocks(folder, count, process):
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        file = folder / "records.jsonl"
        if file.exists() and file.read_bytes().count(b'"kind": "block"') >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("no blocks came")


@pytest.mark.parametrize("how", slow_but({signal.SIGINT}, [signal.SIGKILL, signal.SIGINT]))
def test_killed_in_the_middle_and_resumed_nothing_is_measured_twice(how, tmp_path):
    folder = tmp_path / "run"
    process = start(folder)
    wait_for_blocks(folder, 7, process)
    os.kill(process.pid, how)
    _, told = process.communicate(timeout=600)
    folder.with_name("go").touch()
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "perflab run --resume" in told
        assert "Traceback" not in told
        assert (folder / "report.html").is_file(), "what was measured is reported"
    before = keys(folder)
    assert 7 <= len(before) < 48
    raw = (folder / "records.jsonl").read_bytes()

    done = perflab("run", "--resume", "--out", folder)
    assert done.returncode == 0, done.stderr
    after = keys(folder)
    assert len(after) == len(set(after)) == 48
    assert after[: len(before)] == before
    assert (folder / "records.jsonl").read_bytes().startswith(raw[: raw.rfind(b"\n") + 1])


@pytest.mark.slow
def test_the_measuring_process_dies_with_the_run(tmp_path):
    folder = tmp_path / "run"
    process = start(folder)
    wait_for_blocks(folder, 3, process)
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert listed
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=600)
    deadline = time.monotonic() + 600
    while any(Path(f"/proc/{pid}").exists() for pid in listed):
        assert time.monotonic() < deadline, "an orphan goes on measuring"
        time.sleep(0.05)


def test_a_torn_last_line_is_said_and_resumed(small_run, tmp_path):
    folder = tmp_path / "torn"
    folder.mkdir()
    whole = (small_run / "records.jsonl").read_bytes()
    lines = [line for line in whole.splitlines(keepends=True) if b'"kind": "process"' not in line]
    (folder / "records.jsonl").write_bytes(b"".join(lines)[:-20])
    done = perflab("report", folder)
    assert done.returncode == 0
    assert "the last line is incomplete and is ignored" in done.stderr
    done = perflab("run", "--resume", "--out", folder)
    assert done.returncode == 0, done.stderr
    found = keys(folder)
    assert len(found) == len(set(found)) == 96


def test_a_second_run_into_the_same_folder_is_refused(small_run):
    assert "holds a run already" in one_line(perflab("run", *ONE, "--out", small_run), 2)


def test_a_finished_run_resumes_to_nothing(small_run, tmp_path):
    folder = shutil.copytree(small_run, tmp_path / "run")
    before = (folder / "records.jsonl").read_bytes()
    done = perflab("run", "--resume", "--out", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "records.jsonl").read_bytes() == before


@pytest.mark.slow
def test_a_full_disk_stops_the_run_with_one_line_and_keeps_what_was_measured(tmp_path):
    """A file-size limit of the shell stands in for the disk: the write fails in the same place."""
    folder = tmp_path / "run"
    small = f"ulimit -f 24; {sys.executable} -m perflab run {' '.join(ONE)} --out {folder}"
    environment = user_environment() | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        ["bash", "-c", f"trap '' XFSZ; {small}"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert any(line.startswith("perflab: ") for line in done.stderr.splitlines())
    kept = keys(folder)
    assert kept
    done = perflab("run", "--resume", "--out", folder)
    assert done.returncode == 0, done.stderr
    found = keys(folder)
    assert len(found) == len(set(found)) == 48
    assert found[: len(kept)] == kept


@pytest.mark.slow
def test_a_home_that_cannot_be_written_is_no_obstacle(tmp_path):
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/cache"}
    done = perflab_process("run", *ONE, "--out", tmp_path / "run", **nowhere)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "/dev/null" not in done.stderr
    assert len(keys(tmp_path / "run")) == 48


@pytest.mark.slow
def test_a_cell_over_its_budget_is_predicted_marked_and_enters_no_ratio(tmp_path):
    folder = tmp_path / "run"
    done = perflab("run", "fully_connected/naive", "fully_connected/vectorized", "--preset", "smoke",
                   "--case", "tiny", "large", "--out", folder, "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = {(f["technique"], f["case"], f["direction"]): f for f in json.loads(done.stdout)["figures"]}
    predicted = figures["naive", "large", "forward"]
    assert predicted["predicted"]
    assert predicted["blocks"] == 0
    assert predicted["speedup"] is None
    assert "flops^" in predicted["basis"]
    assert figures["vectorized", "large", "forward"]["speedup"] is None, "no prediction enters a ratio"
    assert figures["vectorized", "tiny", "forward"]["speedup"]["value"] > 0
    assert "predicted" in (folder / "report.md").read_text()


@pytest.mark.slow
def test_two_thread_counts_are_measured_in_processes_of_their_own(tmp_path):
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core")
    folder = tmp_path / "run"
    words = ["fully_connected/vectorized", "--preset", "smoke", "--case", "tiny", "--threads", "1", "2"]
    done = perflab("run", *words, "--out", folder)
    assert done.returncode == 0, done.stderr
    assert Counter(r.contender.threads for r in blocks(folder)) == {1: 12, 2: 12}


def plain_pytest(*words):
    command = [sys.executable, "-m", "pytest", "bench", "-q", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_plain_pytest_runs_the_suite():
    done = plain_pytest(*(f"--perflab-target=max_pool2d/{rung}" for rung in ("vectorized", "jit")))
    assert done.returncode == 0, done.stdout
    assert "12 passed" in done.stdout
    assert "max_pool2d tiny float32 forward t1" in done.stdout


@pytest.mark.slow
def test_the_suite_runs_once_as_a_test_where_benchmarks_are_disabled():
    done = plain_pytest("--benchmark-disable")
    assert done.returncode == 0, done.stdout[-2000:]


TWO = {"fully_connected": ("naive", "vectorized")}
GROUP = ("fully_connected", "tiny", "float32")


def grown(folder, *turns, **changed):
    """A new run of two techniques on a tiny case, with a phase for each number of turns; its plan."""
    plan = presets.make(TWO, "quick", cases=("tiny",), dtypes=("float32",))
    names = {"fully_connected": ("tiny",)}
    phases = tuple(Phase(f"{n} turns", names, ("float32",), TWO, n, n) for n in turns)
    plan = replace(plan, **{"phases": phases, "passes": 2, "for_s": 0.0, "explain": False} | changed)
    records.begin(folder, plan, cases.describe(plan), {})
    return plan


def test_a_run_of_phases_measures_each_in_parts_and_ends(tmp_path):
    folder, events = tmp_path / "run", []
    plan = grown(folder, 1, 3)
    runner.run(folder, plan, events.append)
    parts = records.read(folder).parts(1)
    assert [part.passes for part in parts.values()] == [1, 2]
    assert {part.groups for part in parts.values()} == {(GROUP,)}
    assert len(keys(folder)) == len(set(keys(folder))) == 3 * 2 * len(plan.directions)
    assert {(e["process"], e["pass"]) for e in events if e["event"] == "block"} == {(0, 0), (1, 0), (1, 1)}
    before = (folder / "records.jsonl").read_bytes()
    runner.run(folder, plan, events.append)
    assert (folder / "records.jsonl").read_bytes() == before, "a finished run has no more parts"


def test_what_an_interrupted_process_was_to_measure_is_measured_first(tmp_path):
    """Its part is saved when it begins, so that resuming it needs no second choice."""
    folder = tmp_path / "run"
    plan = grown(folder, 1)
    part = Part((GROUP,), ("fully_connected/naive", "fully_connected/vectorized"), 2)
    records.save(folder, "part", [{"process": 0, "threads": 1, **asdict(part)}])
    runner.run(folder, plan, lambda event: None)
    assert set(keys(folder)) == set(plan.blocks(1, 0, part))
    assert len(records.read(folder).parts(1)) == 1, "its turns are more than the phase wants"


@pytest.mark.slow
def test_an_old_run_that_was_extended_is_resumed(small_run, tmp_path):
    folder = shutil.copytree(small_run, tmp_path / "run")
    group = ("max_pool2d", "tiny", "float32")
    records.save(folder, "extension", [{"process": 2, "threads": 1, "groups": [group]}])
    done = perflab("run", "--resume", "--out", folder)
    assert done.returncode == 0, done.stderr
    found = keys(folder)
    assert len(found) == len(set(found)) == 96 + 24


def test_no_block_begins_when_the_time_is_over_and_the_rest_stays_for_later(tmp_path):
    folder = tmp_path / "run"
    plan = grown(folder, 1)
    part = Part((GROUP,), (), 2)
    records.save(folder, "part", [{"process": 0, "threads": 1, **asdict(part)}])
    (child,) = turns.measure_in_turn(folder, plan, 1, 0, [""], lambda event: None, time.monotonic() - 1)
    assert not child.died
    assert child.process.returncode == 0
    assert keys(folder) == []
    runner.run(folder, plan, lambda event: None)
    assert len(keys(folder)) == 4 * len(plan.directions)


def test_a_run_ends_with_its_time_and_more_can_be_granted(tmp_path):
    """Whatever the clock makes of it: the records are whole, and granting more is recorded."""
    folder, words = tmp_path / "run", ["fully_connected/naive", "fully_connected/vectorized"]
    more = ["--case", "tiny", "--dtype", "float32", "--for", "2s", "--out", folder]
    done = perflab("run", *words, *more)
    assert done.returncode == 0, done.stderr
    run = records.read(folder)
    assert run.plan.for_s == run.granted_s == 2.0
    before = keys(folder)
    done = perflab("run", "--resume", "--for", "0.05m", "--out", folder)
    assert done.returncode == 0, done.stderr
    run = records.read(folder)
    assert run.granted_s == 5.0
    found = keys(folder)
    assert found[: len(before)] == before
    assert len(found) == len(set(found))
    assert (folder / "report.html").is_file()


def test_compilation_takes_the_cheapest_first_and_begins_none_that_its_time_does_not_allow():
    name, left = "conv2d/winograd2/float32", {}
    assert compilation.compile_first([name], lambda event: 1 / 0, limit_s=0.01, left=left) == []
    assert left[name] == compilation._size_of(name) * compilation.USUAL_RATE > 0.01
    first = {op: sum(kernels.sizes(op, "jit").values()) for op in catalog.operations()}
    assert max(first.values()) < sum(kernels.sizes("conv2d", "simd").values())
    assert not compilation.may_compile("conv2d", "shift_and_add")
    assert all(compilation.may_compile(op, "jit") for op in catalog.operations())


def test_a_loop_over_threads_is_compiled_for_one_thread_and_again_for_several(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "prepare_numba_cache", lambda: str(tmp_path))
    asked = {"fully_connected": ("tiles", "cores")}, ("float32",)
    tiles, cores = "fully_connected/tiles/float32", "fully_connected/cores/float32"
    assert compilation.missing(*asked) == [tiles, cores]
    monkeypatch.setattr(compilation, "numba_threads", lambda: 1)
    compilation.remember(tiles, 1.0)
    compilation.remember(cores, 1.0)
    assert compilation.missing(*asked) == []
    assert compilation.missing(*asked, 2) == [cores]
    monkeypatch.setattr(compilation, "numba_threads", lambda: 2)
    compilation.remember(cores, 1.0)
    assert compilation.missing(*asked, 2) == []


def test_what_there_was_no_time_to_compile_is_saved_once_with_the_time_that_would_do(
    small_run, tmp_path, monkeypatch
):
    folder, limits = shutil.copytree(small_run, tmp_path / "run"), []
    name = "fully_connected/pythran/float32"

    def gives_up(names, tell, limit_s, threads, left):
        limits.append(limit_s)
        left[name] = 80.0
        return []

    monkeypatch.setattr(runner, "compile_first", gives_up)
    records.save(folder, "compiled", [{"names": [], "wall_s": 25.0}])
    before = [*records.read(folder).of_kind(kinds.Compiled)]
    lines = (folder / "records.jsonl").read_text().splitlines(keepends=True)
    header = json.loads(lines[0])
    header["plan"]["for_s"] = 100.0
    (folder / "records.jsonl").write_text("".join([json.dumps(header) + "\n", *lines[1:]]))
    drive = runner._Drive(folder, records.read(folder).plan, print, time.monotonic() + 60.0)
    for _ in range(2):
        drive.compile([name], 1)
    assert max(limits) <= 0.0, "a quarter of the time is for compiling, and it is spent"
    *_, last = after = [*records.read(folder).of_kind(kinds.Compiled)]
    assert len(after) == len(before) + 1
    assert last.left == {name: 80.0}
    spent_s = sum(record.wall_s for record in after)
    assert last.more_s == pytest.approx((spent_s + 80.0) / 0.25 - 100.0, abs=1.0)


def test_the_evidence_on_the_fastest_technique_of_each_operation_is_gathered_first(small_run):
    names = explaining.lacking_evidence(records.read(small_run))
    assert {name.partition("/")[0] for name in names[:2]} == {"fully_connected", "max_pool2d"}
    assert {name.partition("/")[2] for name in names[:2]} == {"vectorized"}
    assert {name.partition("/")[2] for name in names[-2:]} == {"naive"}


def test_evidence_that_is_refused_is_named_and_takes_no_other_with_it(small_run, tmp_path, monkeypatch):
    folder = shutil.copytree(small_run, tmp_path / "run")

    def found(plan, _):
        (op,) = plan.techniques
        (technique,) = plan.techniques[op]
        who = {"operation": op, "technique": technique, "dtype": "float32", "case": "tiny"}
        yield {**who, "lines": -1 if technique == "naive" else 7}

    monkeypatch.setattr(evidence, "gather_all", found)
    monkeypatch.setattr(explaining.portable, "keep_to_cores", lambda threads: None)
    names = [f"fully_connected/{name}" for name in ("naive", "vectorized")]
    (refused,) = explaining.gather_evidence(str(folder), names)
    assert refused.startswith("fully_connected/naive: ")
    assert "not written: evidence: lines is -1" in refused
    saved = {each.technique: each for each in records.read(folder).of_kind(kinds.Evidence)}
    assert saved["vectorized"].lines == 7
    assert "lines is -1" in saved["naive"].reason


def test_what_was_refused_is_told(small_run, monkeypatch):
    told, run = [], records.read(small_run)
    monkeypatch.setattr(explaining, "gather", lambda *_: ["a line"])
    told_by = explaining.Explaining(small_run, run.plan, told.append, math.inf)
    told_by._gather("evidence", 10.0, [])
    assert told == [{"event": "evidence"}, {"event": "unexplained", "reason": "a line"}]


@pytest.mark.slow
def test_another_commits_techniques_are_measured_beside_todays(tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout with commits")
    words = ["fully_connected/vectorized", "fully_connected/jit", "--preset", "smoke", "--case", "tiny"]
    done = perflab("run", *words, "--against", "HEAD", "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    names = {figure["technique"] for figure in json.loads(done.stdout)["figures"]}
    assert len(names) == 4
    assert sorted(name.partition("@")[0] for name in names) == ["jit", "jit", "vectorized", "vectorized"]
    page = (tmp_path / "run" / "report.md").read_text()
    table = page.partition("## Today compared with ")[2].partition("\n## ")[0]
    assert table.count("| fully_connected/") == 4, "two techniques, two directions, paired"
    unknown = perflab("run", *words, "--against", "no-such-commit", "--out", tmp_path / "other")
    assert "no such commit" in one_line(unknown, 2)


@pytest.mark.slow
def test_a_peer_is_measured_in_a_process_of_its_own_yet_in_turn(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed (perflab[torch])")
    folder = tmp_path / "run"
    words = ["fully_connected/vectorized", "--preset", "smoke", "--case", "tiny", "--peer", "torch"]
    done = perflab("run", *words, "--out", folder)
    assert done.returncode == 0, done.stderr
    order = [(*r.turn, r.direction, r.contender.technique) for r in blocks(folder)]
    pairs = [{order[i][3], order[i + 1][3]} for i in range(0, len(order), 2)]
    assert pairs == [{"vectorized", "torch"}] * 12, "turn by turn, pass by pass"
    assert len(list(records.read(folder).of_kind(kinds.Pools))) == 4, (
        "two processes, each with a home of its own"
    )


def test_a_peer_that_is_unknown_or_not_installed_is_named(tmp_path):
    assert "did you mean torch" in one_line(perflab("run", "--peer", "torhc", cwd=tmp_path), 2)
