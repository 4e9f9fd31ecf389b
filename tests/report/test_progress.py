"""The progress of a run: rows that are refined, a time left that only falls, terminals of every kind."""

import io
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from perflab.catalog import cases
from perflab.contract import FIRST_RUNGS
from perflab.records import Run, kinds, typed
from perflab.report import progress
from perflab.report.progress import Progress, Rows
from perflab.run import presets

SECONDS = {"naive": 0.1, "per_neuron": 0.01, "vectorized": 0.001, "jit": 0.0005, "fused": 0.0001}


@pytest.fixture
def run(tmp_path):
    plan = presets.make({"rnn": (*FIRST_RUNGS, "fused"), "mlp": FIRST_RUNGS}, "quick")
    described = {op: typed.read(kinds.Operation, each) for op, each in cases.describe(plan).items()}
    return Run(tmp_path, plan, described, {}, 0.0, ())


def block(operation, technique, case, turn, direction="step"):
    seconds = SECONDS[technique] * (1 + 0.001 * turn)
    cell = {"operation": operation, "case": case, "dtype": "float32", "threads": 1, "technique": technique}
    more = {"direction": direction, "process": turn // 3, "pass": turn % 3, "rounds_s": [seconds] * 3}
    return {"event": "block", **cell, **more}


FAILURE = {
    "event": "failure", "operation": "rnn", "technique": "jit", "case": "tiny", "dtype": "float32",
    "reason": "wrong [red]",
}  # fmt: skip
SMALL = [block("rnn", name, "tiny", turn) for turn in range(6) for name in FIRST_RUNGS]
STUDY = [block("rnn", name, "large", turn) for turn in range(6) for name in ("vectorized", "jit", "fused")]


def told(run, events, show="all", **console):
    file = io.StringIO()
    with Progress(run, Console(file=file, **{"width": 100} | console), show) as shown:
        for event in events:
            shown.tell(event)
    return file.getvalue()


def test_a_row_stands_as_soon_as_two_techniques_were_measured_and_is_refined(run):
    rows = Rows(run)
    assert rows.head == ("operation", "per_neuron", "vectorized", "jit", "fastest", "over", "on")
    rows.add(SMALL[0])
    assert rows.rows() == {}
    rows.add(SMALL[1])
    assert rows.rows() == {"rnn": ("rnn", "×10", "–", "–", "per_neuron ×10", "naive", "tiny")}
    for event in SMALL[2:]:
        rows.add(event)
    assert rows.rows()["rnn"] == ("rnn", "×10.0", "×100", "×200", "jit ×200", "naive", "tiny")


def test_where_naive_was_not_measured_the_ratio_is_over_the_slowest_and_says_so(run):
    rows = Rows(run)
    for event in (*SMALL[:3], *STUDY):
        rows.add(event)
    (row,) = rows.rows().values()
    assert row == ("rnn", "×10", "×100", "–", "fused ×10.0", "vectorized", "large")


def test_where_the_fastest_is_the_only_base_the_ratio_is_over_the_next_one(run):
    """A contest's peers are no bases: `auto` alone would stand over itself."""
    techniques, homes = {"rnn": ("jit", "fused", "vectorized")}, {"vectorized": "torch"}
    plan = replace(run.plan, techniques=techniques, homes=homes)
    rows = Rows(replace(run, plan=plan))
    for turn in range(6):
        for name in ("jit", "vectorized"):
            rows.add(block("rnn", name, "large", turn))
    (row,) = rows.rows().values()
    assert row[-3:] == ("jit ×2.00", "vectorized", "large")


def test_a_resumed_run_begins_with_the_rows_that_it_has(run):
    records = [typed.read(kinds.Timed, {**event, "iterations": 1, "after": "same bits"}) for event in SMALL]
    saved = Run(run.folder, run.plan, run.operations, {}, 0.0, tuple(records))
    assert [*Rows(saved).rows()] == ["rnn"]


def test_a_file_gets_a_line_for_each_operation_that_got_further(run):
    other = [block("mlp", name, "tiny", 0) for name in ("naive", "vectorized")]
    lines = told(run, [*SMALL[:4], *other, {"event": "evidence"}, *STUDY, {"event": "memory"}]).splitlines()
    assert lines == [
        "rnn: per_neuron ×10, vectorized ×100, jit ×200, fastest jit ×200 over naive on tiny",
        "mlp: vectorized ×100, fastest vectorized ×100 over naive on tiny",
        "rnn: per_neuron ×10, vectorized ×100, jit ×200, fastest jit ×200 over naive on tiny",
    ]


def test_failures_are_told_and_nothing_where_nothing_is_wanted(run):
    failed = "rnn/jit on tiny float32: wrong [red]"
    assert told(run, [FAILURE]).splitlines() == [failed]
    assert told(run, [FAILURE, *SMALL], "failures").splitlines() == [failed]
    assert told(run, [FAILURE, *SMALL], "nothing") == ""


ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_terminal_has_a_row_an_operation_and_what_is_being_done(run, width):
    compiling = {"event": "compile", "name": "conv2d/simd/float32", "place": 4, "total": 22}
    events = [{"event": "time", "left_s": 99.5}, *SMALL, *STUDY, compiling]
    shown = ESCAPES.sub("", told(run, events, force_terminal=True, width=width)).replace("\r", "\n")
    assert re.search(r"rnn +×10\.0 +×100 +×200 +jit ×200 +naive +tiny *\n", shown)
    assert "compiling conv2d/simd float32, 4 of 22" in shown
    assert "1:39 left" in shown


@pytest.mark.parametrize(
    "console",
    [{"width": 20}, {"width": 1}, {"_environ": {"TERM": "dumb"}}, {"_environ": {"NO_COLOR": "1"}}],
    ids=["20 columns", "1 column", "TERM=dumb", "NO_COLOR"],
)
def test_every_terminal_is_borne(run, console):
    file = io.StringIO()
    events = [{"event": "time", "left_s": 9.0}, *SMALL, FAILURE, {"event": "evidence"}]
    with Progress(run, Console(file=file, force_terminal=True, **console)) as shown:
        for event in events:
            shown.tell(event)
    lines = ESCAPES.sub("", file.getvalue()).replace("\r", "\n").splitlines()
    if "width" in console:
        assert max(map(len, lines)) <= console["width"]
    assert "wrong" in file.getvalue().replace("\n", "") or console.get("width") == 1
    assert "\x1b[3" not in file.getvalue() or "_environ" not in console, "no colour"


def test_a_window_that_is_resized_is_drawn_anew(run):
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    shown = Progress(run, console)
    for event in SMALL:
        shown.tell(event)
    assert isinstance(shown._view(), progress.Group)
    console.width = 20
    assert isinstance(shown._view(), progress.Text), "the line alone"


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 200])
def test_no_name_and_no_number_is_broken(run, width):
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    shown = Progress(run, console)
    for event in (*SMALL, *(block("mlp", name, "large", 0) for name in FIRST_RUNGS[1:])):
        shown.tell(event)
    console.print(shown._view())
    *table, line = ESCAPES.sub("", console.file.getvalue()).splitlines()
    assert max(map(len, table), default=0) <= width
    whole = {*FIRST_RUNGS, "operation", "fastest", "over", "on", "rnn", "mlp", "tiny", "large", "–"}
    words = " ".join(table).split()
    assert {word for word in words if not re.fullmatch(r"×[\d.]+", word)} <= whole
    assert len(table) == (3 if width >= 40 else 0)
    assert len(line) <= width


@pytest.mark.parametrize("terminal", [False, True])
def test_a_pipe_that_closes_ends_no_run(run, terminal):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    with Progress(run, Console(file=Closed(), width=100, force_terminal=terminal)) as shown:
        for event in [*SMALL, FAILURE, {"event": "evidence"}, *STUDY]:
            shown.tell(event)


def test_the_time_left_only_falls(run, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    shown = Progress(None, Console(file=io.StringIO()))
    assert shown._left() == ""
    shown.tell({"event": "blocks", "total": 100})
    left = []
    for took in (1.0, 0.1, 5.0, 9.0, 0.1, 0.1):
        now[0] += took
        shown.tell(SMALL[0])
        left.append(shown._least_left_s if shown._left() else None)
    assert left == sorted(left, reverse=True)
    assert len(set(left)) > 1


@pytest.mark.slow
def test_a_notebook_has_one_display_that_is_cleared_at_the_end(run, monkeypatch):
    display = pytest.importorskip("IPython.display", reason="no IPython (perflab[dev])")
    written = []
    handle = SimpleNamespace(update=lambda data, raw: written.append(data["text/plain"]))
    monkeypatch.setattr(display, "display", lambda *_, **__: handle)
    monkeypatch.setattr(progress, "NOTEBOOK_S", 0.0)
    file = io.StringIO()
    with Progress(run, Console(file=file, force_jupyter=True)) as shown:
        for event in SMALL:
            shown.tell(event)
    assert file.getvalue() == ""
    assert re.search(r"jit ×200 +naive +tiny", written[-2])
    assert written[-1] == ""
