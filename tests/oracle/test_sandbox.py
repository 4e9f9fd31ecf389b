"""Nobody gets past the oracle: each way to try is a file of the corpus, and is told as what it is."""

import json

import pytest
from conftest import CHEATS, one_line, perflab, slow_but

from perflab.contract import PerflabError
from perflab.oracle.sandbox import review
from perflab.run.referee import corpus

OPERATION = "fully_connected"
FIRST = (  # which a first look finds, on the check cases
    "crashes", "eats_memory", "exits", "forges", "hangs", "leaves", "patches_later", "patches_numpy",
    "patches_the_clock", "prints", "raises", "reads_the_clock", "remembers_objects", "reuses",
    "right_for_a_while", "right_once", "right_where_known", "views", "writes", "zeros",
)  # fmt: skip
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
RACED = ("casts", "exits_later", "remembers_contents", "remembers_in_its_cache", "right_when_small")


def look(name, **more):
    return review.review(CHEATS / f"{name}.py", OPERATION, **more).reviews


@pytest.mark.parametrize("name", slow_but({*FIRST} - {"hangs"}, FIRST))
def test_a_cheat_is_told_as_what_it_is(name):
    limit_s = 15.0 if name == "hangs" else 60.0
    (review,) = look(name, limit_s=limit_s)
    assert not review.ok
    status = NO_NUMBERS.get(name, WRONG)
    (kind,) = corpus.kinds([name])
    named = [verdict.status for verdict in review.verdicts if kind.is_named_by(verdict.where)]
    assert status in named, review.reason
    assert kind.is_named_by(review.reason)


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
    how = ("--preset", "smoke", "--case", "tiny", "digits", "--out", folder)
    done = perflab("run", f"{OPERATION}/vectorized", *how, "--with", *files, right)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    timed = {(r["technique"], r["case"]) for r in records if r["kind"] == "block"}
    assert {("vectorized", "digits"), ("right", "digits"), ("right", "tiny")} <= timed
    reasons = {r["technique"]: r["reason"] for r in records if r["kind"] == "failure"}
    reasons |= {r["technique"]: r["basis"] for r in records if r["kind"] == "prediction"}
    for kind in corpus.kinds([*RACED, "zeros", "raises"]):
        assert kind.is_named_by(reasons[kind.name]), kind.name
    cells = (folder / "tables" / "cells.csv").read_text()
    assert ",right," in cells
    assert not [name for name in (*RACED, "zeros", "raises") if f",{name}," in cells]
    report = (folder / "report.html").read_text()
    for name in (*RACED, "zeros"):
        assert name in report


WELL = "return x @ w + b, (x, w)"
