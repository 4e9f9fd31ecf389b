"""Evidence on outside files: gathered apart, of what was shown to be right, line by line."""

import json
import time

import pytest

from perflab import catalog, evidence
from perflab.contract import Contender, PerflabError
from perflab.evidence import profile
from perflab.evidence.outside import gather_all
from perflab.machine import process
from perflab.records import Plan, kinds

RIGHT = """
import numpy as np
import {more}


def forward(x, w, b):
    {first}
    out = helper(
        x,
        w,
    )
    for m in range(w.shape[1]):
        out[:, m] += b[m]
    return out, (x, w)


def helper(x, w):
    return np.concatenate([part @ w for part in np.array_split(x, 4)])


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""


def file(folder, name, first="pass", more="sys"):
    path = folder / f"{name}.py"
    path.write_text(RIGHT.format(first=first, more=more), "utf-8")
    return path


def plan_of(files, cases=("tiny", "small")):
    techniques, outside = ("vectorized", *files), {f"fully_connected/{n}": str(f) for n, f in files.items()}
    return Plan(
        "made up", {"fully_connected": techniques}, {"fully_connected": cases}, ("float32",), (1,),
        ("forward",), 1, 1, 0.01, 1.0, outside=outside,
    )  # fmt: skip


def verdict(technique, status="right"):
    who = Contender("fully_connected", "tiny", "float32", 1, technique)
    return kinds.Judgement(who, process=0, status=status, where="", share=0.1)


def gathered(files):
    told = gather_all(plan_of(files), [verdict(name) for name in files])
    return {record["technique"]: record for record in told}


# ------------------------------------------------------------------------------------------ its processes


def test_one_that_misbehaves_costs_no_other_its_evidence(tmp_path):
    told = gathered({
        "raises": file(tmp_path, "raises", "raise KeyError('here')"),
        "exits": file(tmp_path, "exits", "sys.exit(4)"),
        "quits": file(tmp_path, "quits", "os._exit(5)", "os"),
        "dies": file(tmp_path, "dies", "os.abort()", "os"),
        "prints": file(tmp_path, "prints", "os.write(1, b'}{' * 99999); print('{}')", "os"),
    })  # fmt: skip
    assert told["raises"]["reason"] == "KeyError: 'here'"
    assert told["exits"]["reason"] == "SystemExit: 4"
    assert told["quits"]["reason"] == "it ended its process with exit status 5"
    assert told["dies"]["reason"] == "its process died: SIGABRT"
    assert set(told["prints"]["ways"]) == {"forward", "backward"}
    assert json.loads(json.dumps(told)) == told


def test_one_that_hangs_is_ended():
    with pytest.raises(PerflabError, match="it gave no answer for 1 s"):
        process.call("multiprocessing.connection:wait", {"object_list": [], "timeout": 600}, 1.0)


def test_what_was_not_shown_to_be_right_is_not_called(tmp_path):
    called = tmp_path / "called"
    first = f"__import__('pathlib').Path({str(called)!r}).touch()"
    plan = plan_of({"mine": file(tmp_path, "mine", first)})
    failure = kinds.Failure(verdict("mine").contender, process=0, reason="wrong")
    for records in ([], [verdict("mine", "wrong")], [verdict("mine"), failure], [verdict("vectorized")]):
        (told,) = gather_all(plan, records)
        assert "not shown to be right" in told["reason"]
    assert not called.exists()


def test_the_house_gathers_no_outside_file_in_its_own_process(tmp_path):
    plan = plan_of({"mine": file(tmp_path, "mine", "sys.exit(4)")}, ("tiny",))
    assert [record["technique"] for record in evidence.gather_all(plan)] == ["vectorized"]


# ------------------------------------------------------------------------------------------------- its lines


def test_what_is_gathered_is_of_the_largest_case_and_has_a_profile(tmp_path):
    told = gathered({"mine": file(tmp_path, "mine")})["mine"]
    assert (told["case"], told["dtype"]) == ("small", "float32")
    assert min(told["step_s"]["plain"], told["step_s"]["element"]) > 0
    forward = told["profile"]["forward"]
    assert forward["case"] == "small"
    assert 0 < sum(line["share"] for line in forward["lines"]) <= 1 + 1e-9
    loop = next(line for line in forward["lines"] if line["text"] == "out[:, m] += b[m]")
    assert (loop["times"], loop["number"], loop["file"]) == (64, 13, "")


@pytest.fixture(autouse=True)
def _a_clock_that_only_reading_and_sleeping_move(monkeypatch):
    """A microsecond for a reading, and what is slept: shares of time are the same on every machine."""
    now = 0

    def nanoseconds():
        nonlocal now
        now += 1000
        return now

    def sleep(seconds):
        nonlocal now
        now += round(seconds * 1e9)

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(profile, "perf_counter_ns", nanoseconds)
    monkeypatch.setattr(profile, "perf_counter", lambda: nanoseconds() / 1e9)
    monkeypatch.setattr(profile, "event_ns", lambda: 0.0)


def profile_of(path, case="small"):
    described = catalog.operation("fully_connected")
    held = catalog.load_raw(path, "fully_connected")
    return profile.profile(held, described, described.case(case), "float32")


def test_time_belongs_to_the_line_that_spends_it(tmp_path):
    path = file(tmp_path, "sleeps", "time.sleep(0.02)", "time")
    forward = profile_of(path)["forward"]
    hottest = forward.lines[0]
    assert (hottest.text, hottest.times, hottest.product) == ("time.sleep(0.02)", 1, False)
    assert hottest.share > 0.8
    assert forward.seconds > 0.02
    assert forward.outside < 0.2


def test_a_statement_of_several_lines_is_one_and_products_are_known(tmp_path):
    path = file(tmp_path, "mine")
    path.write_text(path.read_text("utf-8").replace("w,\n    )", "time.sleep(0.01) or w,\n    )"), "utf-8")
    path.write_text("import time\n" + path.read_text("utf-8"), "utf-8")
    found = profile_of(path)
    hottest = found["forward"].lines[0]
    assert (hottest.text, hottest.times) == ("out = helper( x, time.sleep(0.01) or w, )", 1)
    products = {line.text for line in found["forward"].lines if line.product}
    assert products == {"return np.concatenate([part @ w for part in np.array_split(x, 4)])"}
    assert found["backward"].products > 0.3


def test_lines_of_a_file_beside_it_are_its_own_too(tmp_path):
    (tmp_path / "beside_of_mine.py").write_text(
        "import time\n\n\ndef wait():\n    time.sleep(0.02)\n", "utf-8"
    )
    first = f"sys.path.insert(0, {str(tmp_path)!r}); import beside_of_mine; beside_of_mine.wait()"
    hottest = profile_of(file(tmp_path, "mine", first))["forward"].lines[0]
    assert (hottest.file, hottest.number, hottest.text) == ("beside_of_mine.py", 5, "time.sleep(0.02)")


def test_an_event_that_was_slow_when_it_was_measured_leaves_every_direction_its_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(profile, "event_ns", lambda: 1e9)
    found = profile_of(file(tmp_path, "mine", "time.sleep(0.02)", "time"))
    assert found.keys() == {"forward", "backward"}
    assert found["forward"].lines[0].text == "time.sleep(0.02)"


def test_what_is_compiled_whole_has_no_lines():
    described = catalog.operation("fully_connected")
    held = catalog.raw("fully_connected", "jit")
    assert profile.profile(held, described, described.case("tiny"), "float32") == {}
