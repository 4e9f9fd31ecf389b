"""Nobody gets past the oracle: each way to try is a file in cheats/, and is told as what it is."""

import json
from pathlib import Path

import pytest
from conftest import one_line, perflab, slow_but

from perflab.contract import PerflabError
from perflab.oracle.sandbox import review

CHEATS = Path(__file__).parent / "cheats"
OPERATION = "fully_connected"
# What a first look tells of each, on the check cases.
TOLD = {
    "crashes": "it crashed the interpreter: SIGSEGV",
    "eats_memory": "MemoryError: Unable to allocate",
    "exits": "it ended its process with exit status 0",
    "forges": "it wrote into the pipe of its own results",
    "hangs": "it gave no answer for 15 s",
    "leaves": "SystemExit: 0 (line 7)",
    "patches_later": "it replaced numpy.copyto",
    "patches_numpy": "it replaced numpy.a",
    "patches_the_clock": "it replaced time.perf_counter",
    "prints": "it printed ",
    "raises": "RuntimeError: not today (line 5)",
    "reads_the_clock": "it reads the clock: line 9 calls time.monotonic",
    "remembers_objects": "the same arrays with other contents got the old answer",
    "reuses": "a later call changed what an earlier one had returned",
    "right_for_a_while": "rounding bound: out[",
    "right_once": "rounding bound: out[",
    "right_where_known": "(seed ",
    "views": "out: shares memory with an input",
    "writes": "forward or backward wrote to an input",
    "zeros": "rounding bound: out[",
}
WRONG, NOT_SHOWN, CANNOT_RUN = "wrong", "not shown", "cannot run here"
NO_NUMBERS = {"raises": CANNOT_RUN, "eats_memory": CANNOT_RUN} | dict.fromkeys(
    ("crashes", "exits", "forges", "hangs", "leaves", "patches_later", "patches_numpy", "patches_the_clock",
     "prints", "reads_the_clock"), NOT_SHOWN,
)  # fmt: skip
UNREADABLE = {
    "exits_when_read": "while it was loaded, it ended its process with exit status 0",
    "hangs_when_read": "while it was loaded, it gave no answer for 2 s",
}
# What only a race shows: answers on inputs that are timed, and how long they take.
RACED = {
    "casts": "gives float64 for float32: timed in float64 alone",
    "exits_later": "it ended its process with exit status 0",
    "remembers_contents": "it looks answers up: forward on new contents takes",
    "remembers_in_its_cache": "it looks answers up: backward on new contents takes",
    "right_when_small": "times its rounding bound",
}


def look(name, **more):
    return review.review(CHEATS / f"{name}.py", OPERATION, **more).reviews


def test_every_file_is_held_to_something():
    assert {path.stem for path in CHEATS.glob("*.py")} == {*TOLD, *UNREADABLE, *RACED}


@pytest.mark.parametrize("name", slow_but(TOLD.keys() - {"hangs"}, TOLD))
def test_a_cheat_is_told_as_what_it_is(name):
    limit_s = 15.0 if name == "hangs" else 60.0
    (review,) = look(name, limit_s=limit_s)
    assert not review.ok
    status = NO_NUMBERS.get(name, WRONG)
    assert any(verdict.status == status and TOLD[name] in verdict.where for verdict in review.verdicts), (
        review.reason
    )
    assert TOLD[name] in review.reason


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_is_one_line(name):
    limit_s = 2 if name.startswith("hangs") else 60
    with pytest.raises(PerflabError, match=UNREADABLE[name]):
        look(name, limit_s=limit_s)
    done = perflab("verify", OPERATION, "--with", CHEATS / f"{name}.py", "--limit", limit_s)
    assert UNREADABLE[name] in one_line(done, 2)


@pytest.mark.parametrize("name", slow_but({"casts"}, RACED))
def test_some_are_right_on_every_check_case(name):
    (review,) = look(name)
    assert review.ok, review.reason
    in_float32, in_float64 = review.verdicts
    assert in_float32.remarks == (("gives float64 for float32",) if name == "casts" else ())
    assert in_float64.remarks == ()


@pytest.mark.slow
def test_a_process_that_dies_is_waited_for_once():
    (review,) = look("hangs", limit_s=15.0)
    first, second = review.verdicts
    assert first.where == second.where
    assert len(first.checks) == 1
    assert second.checks == ()


@pytest.mark.slow
def test_a_race_goes_on_without_those_that_cheat(tmp_path):
    files = [CHEATS / f"{name}.py" for name in (*RACED, "zeros", "raises")]
    right = tmp_path / "right.py"
    right.write_text((CHEATS / "raises.py").read_text().replace('raise RuntimeError("not today")', WELL))
    folder = tmp_path / "run"
    done = perflab(
        "run", f"{OPERATION}/vectorized", "--preset", "smoke", "--with", *files, right, "--out", folder
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    timed = {(r["technique"], r["case"]) for r in records if r["kind"] == "block"}
    assert {("vectorized", "digits"), ("right", "digits"), ("right", "tiny")} <= timed
    reasons = {r["technique"]: r["reason"] for r in records if r["kind"] == "failure"}
    reasons |= {r["technique"]: r["basis"] for r in records if r["kind"] == "prediction"}
    for name, told in {**RACED, "zeros": TOLD["zeros"], "raises": TOLD["raises"]}.items():
        assert told in reasons[name], name
    cells = (folder / "tables" / "cells.csv").read_text()
    assert ",right," in cells
    assert not [name for name in (*RACED, "zeros", "raises") if f",{name}," in cells]
    report = (folder / "report.html").read_text()
    for name in (*RACED, "zeros"):
        assert name in report


WELL = "return x @ w + b, (x, w)"
