"""The races of a class: several submissions at a time, each once, and each alone where a race breaks."""

from dataclasses import asdict

import pytest

from perflab import records
from perflab.catalog.cases import describe
from perflab.records.grades import Book
from perflab.run.grading import races


def right(name, operation="fully_connected"):
    function = {"operation": operation, "technique": name, "path": f"/{name}.py", "file": f"{name}.py"}
    plain = {"name": name, "path": f"/{name}.py", "digest": name, "asked": "", "limit_s": 10.0, "took_s": 1.0}
    return plain | {"functions": [function | {"status": "right", "where": ""}]}


@pytest.fixture
def book(tmp_path):
    made = Book.opened(tmp_path)
    for name, operation in (("a", "rnn"), ("b", "conv2d"), ("c", "rnn"), ("d", "conv2d")):
        made.add(right(name, operation))
    made.add(right("wrong") | {"functions": [right("x")["functions"][0] | {"status": "wrong"}]})
    return made


@pytest.fixture
def measured(monkeypatch):
    """The submissions of each race, in order; a race with the one called `bad` breaks."""
    held = []

    def measure(folder, plan, resume=False):
        held.append([name.partition(":")[2] for name in plan.outside])
        if not resume:
            records.begin(folder, plan, describe(plan), {})
        return ["race: it broke"] if measure.bad in held[-1] else []

    measure.bad = ""
    monkeypatch.setattr(races, "_measure", measure)
    monkeypatch.setattr(races, "_is_finished", lambda run: True)
    measure.held = held
    return measure


def test_those_of_one_operation_race_together_and_each_once(tmp_path, book, measured, monkeypatch):
    monkeypatch.setattr(races, "TOGETHER", 2)
    told = []
    assert races.race(tmp_path, book.grades, told.append) == []
    assert measured.held == [["b", "d"], ["a", "c"]]
    assert told == [1, 3, 5]
    races.race(tmp_path, book.grades, told.append)
    assert len(measured.held) == 2, "nothing is raced again"
    book.add(right("late"))
    races.race(tmp_path, book.grades, told.append)
    assert measured.held[2:] == [["late"]]


def test_where_a_race_breaks_each_races_alone(tmp_path, book, measured):
    measured.bad = "c"
    assert races.race(tmp_path, book.grades, lambda _: None) == ["race: it broke"]
    assert measured.held == [["b", "d", "a", "c"], ["b"], ["d"], ["a"], ["c"]]
    measured.bad = ""
    races.race(tmp_path, book.grades, lambda _: None)
    assert measured.held[5:] == [["c"]], "the one that broke has another try"


def test_a_race_that_was_interrupted_in_its_second_process_is_unfinished(tmp_path):
    made = Book.opened(tmp_path)
    made.add(right("a"))
    plan, folder = races._plan(made.grades), tmp_path / "0"
    assert (plan.threads, plan.processes) == ((1,), 2)
    records.begin(folder, plan, describe(plan), {})
    first, second = (list(plan.blocks(1, process)) for process in range(2))
    writer = records.Writer(folder)

    def is_finished_after(*blocks):
        for block in blocks:
            cell = asdict(block.cell) | {"process": block.process, "pass": block.pass_}
            writer.append("block", **cell, iterations=1, rounds_s=[0.01], after="same bits")
        return races._is_finished(records.read(folder))

    assert not is_finished_after(*first)
    (submitted,) = {block.cell.technique for block in first} - {*races.RUNGS}
    of_rungs = [block for block in second if block.cell.technique != submitted]
    assert not is_finished_after(*of_rungs[:-1])
    assert not is_finished_after(of_rungs[-1]), "the submission's own blocks are missing"
    failed = {**asdict(first[0].cell.contender), "technique": submitted, "process": 1}
    writer.append("failure", **failed, reason="not shown: it ended")
    run = records.read(folder)
    writer.close()
    assert races._unexplained(run) == [f"fully_connected/{submitted}"]
    evidence = {name: failed[name] for name in ("operation", "technique", "dtype", "case")}
    records.save(folder, "evidence", [evidence | {"reason": "it ended"}])
    assert races._is_finished(records.read(folder)), "what failed is measured no more"
