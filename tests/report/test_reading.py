"""A reading of outside files: what a run's figures say of where the time goes, and what they do not."""

import json
from dataclasses import asdict

import pytest

from perflab import records, report
from perflab.catalog import cases, sources
from perflab.report import contents
from perflab.report.why import reading
from perflab.report.why.spent import Bound
from perflab.run import presets

MINE = '"""Mine <b>."""\n\n\ndef forward(x, w, b):\n    return x @ w + b, (x, w)\n'
SECONDS = {"naive": 1.0, "per_neuron": 0.1, "vectorized": 0.001, "jit": 0.02}
WAY = {
    "kind": "numpy", "flops": 150_000_000, "bytes": 2_000_000, "steps": 100_000, "few": 100_000,
    "few_flops": 100_000, "whole": True, "allocations": 10, "allocated": 50_000_000,
    "temporaries": 40_000_000, "workspace": 0, "peak": 0, "memory": "", "code": None, "no_code": "",
}  # fmt: skip
HOT = {"arithmetic": 8, "packed": 8, "fused": 4, "gathers": 0, "numbers": 128, "widths": {"512": 8}}
LINES = [
    {"file": "", "number": 12, "text": "y = x[:, None] < w", "share": 0.7, "times": 1, "product": False},
    {"file": "beside.py", "number": 3, "text": "return a @ b", "share": 0.2, "times": 256, "product": True},
    {"file": "", "number": 4, "text": "z = y.sum(0)", "share": 0.06, "times": 1, "product": False},
    {"file": "", "number": 5, "text": "never shown", "share": 0.04, "times": 1, "product": False},
]
PROFILE = {"case": "large", "seconds": 0.01, "lines": LINES, "products": 0.2, "outside": 0.0, "tracer": 0.4}
CEILINGS = {
    "measured": [
        {
            "threads": 1,
            "arithmetic": [
                {"dtype": "float32", "chains": {"best": 100.0}, "product": {"best": 90.0}},
            ],
            "bandwidth": [{"bytes": 1000, "read": {"best": 10.0}}],
        }
    ]
}


def made_up(
    folder, *, mine_s=0.01, way=None, profile=PROFILE, evidence=True, reason="", fit=True, spread=1e-4
):
    """A run of fully_connected whose times are SECONDS, and `mine_s` for the outside file, on two cases."""
    file = folder.parent / "mine.py"
    folder.parent.mkdir(exist_ok=True)
    file.write_text(MINE, "utf-8")
    plan = presets.make(
        {"fully_connected": (*SECONDS, "mine")}, "quick", cases=["tiny", "large"], dtypes=["float32"],
        outside={"fully_connected/mine": str(file)},
    )  # fmt: skip
    fitness = {"state": "fit" if fit else "unfit", "reasons": []}
    records.begin(folder, plan, cases.describe(plan), {}, fitness, CEILINGS)
    writer = records.Writer(folder)
    for fields in sources.of_plan(plan):
        writer.append("source", **fields)
    for technique in plan.techniques["fully_connected"]:
        who = {"operation": "fully_connected", "dtype": "float32", "technique": technique}
        for case, scale in (("tiny", 0.01), ("large", 1.0)):
            at = who | {"case": case, "threads": 1, "process": 0}
            writer.append("verdict", **at, status="right", share=0.1, where="out[0]", precision="float64")
            for direction in plan.directions:
                for turn in range(8):
                    took = scale * SECONDS.get(technique, mine_s) * (1 + spread * turn)
                    block = {"direction": direction, "pass": turn, "iterations": 1, "rounds_s": [took]}
                    writer.append("block", **at, **block, after="same bits")
        if technique == "mine" and reason:
            writer.append("evidence", **who, case="large", reason=reason)
        elif evidence:
            ways = {
                name: WAY | ((way or {}) if technique == "mine" else {}) for name in ("forward", "backward")
            }
            further = {"profile": {"forward": profile} if profile else {}}
            further["step_s"] = {"plain": 4e-9, "element": 1e-8}
            more = further if technique == "mine" else {}
            writer.append("evidence", **who, case="large", lines=3, imported={}, ways=ways, **more)
    writer.close()
    return report.summarise(records.read(folder))


def of(summary):
    (only,) = reading.readings(summary)
    return only


def test_it_stands_between_two_rungs_and_the_next_one_says_what_it_changes(tmp_path):
    mine = of(made_up(tmp_path / "run"))
    (place,) = mine.standings
    assert (place.direction, place.case, place.faster) == ("step", "large", "vectorized")
    assert "it is ×2.00 [2.00, 2.00] as fast as jit, and vectorized is faster" in place.sentence
    assert place.changes.startswith("The next faster rung, vectorized, is ×10.0 [10.0, 10.0] as fast: “")
    assert [line.partition(":")[0] for line in place.why] == ["forward", "backward"]


@pytest.mark.parametrize(
    ("mine_s", "sentence"),
    [
        (0.02, "mine is as fast as jit (×1.00"),
        (1e-4, "faster than every rung measured there, and ×10.0 [10.0, 10.0] as fast as vectorized"),
        (2.0, "slower than every rung measured there, of which naive is the slowest"),
    ],
)
def test_it_stands_beside_a_rung_or_at_an_end(tmp_path, mine_s, sentence):
    (place,) = of(made_up(tmp_path / "run", mine_s=mine_s)).standings
    assert sentence in place.sentence
    assert bool(place.faster) == (mine_s > 1e-3)


def test_what_the_turns_cannot_tell_apart_is_said_so(tmp_path):
    summary = made_up(tmp_path / "run", mine_s=0.0201, spread=0.0)
    folder = summary.run.folder
    writer = records.Writer(folder)
    at = {
        "operation": "fully_connected",
        "dtype": "float32",
        "technique": "mine",
        "case": "large",
        "threads": 1,
    }
    for turn in range(8, 16):
        for technique, took in (("mine", 0.03 if turn % 2 else 0.01), ("jit", 0.02)):
            block = {"direction": "step", "pass": turn, "iterations": 1, "rounds_s": [took], "process": 0}
            writer.append("block", **at | {"technique": technique}, **block, after="same bits")
    writer.close()
    (place,) = of(report.summarise(records.read(folder))).standings
    assert "mine is equal within the interval to jit" in place.sentence


def test_an_unfit_machine_places_nothing(tmp_path):
    (place,) = of(made_up(tmp_path / "run", fit=False)).standings
    assert "unfit" in place.sentence
    assert not place.changes


def test_bounds_come_from_figures(tmp_path):
    forward, _ = of(made_up(tmp_path / "run")).spent
    low = {bound.what: bound.low for bound in forward.bounds}
    # 10 ms a call: 100 000 steps of 4 ns; 40 MB twice at 10 GB/s; 150 MFLOP at 100 GFLOP/s; what must move
    figure = next(
        f for f in made_up(tmp_path / "again").of(technique="mine", case="large", direction="forward")
    )
    assert low["the interpreter"] == pytest.approx(0.04, rel=0.01)
    assert low["temporaries"] == pytest.approx(40e6 * figure.bytes / 2e6 * 2 / 10e9 / 0.01, rel=0.01)
    assert low["arithmetic"] == pytest.approx(figure.flops / 100e9 / 0.01, rel=0.01)
    assert low["inputs and outputs"] == pytest.approx(figure.bytes / 10e9 / 0.01, rel=0.01)
    (interpreter, *_) = forward.bounds
    assert interpreter.high == pytest.approx(0.01, rel=0.3), "a whole call on tiny takes as many steps"


def test_bounds_that_explain_little_say_so(tmp_path):
    forward, _ = of(made_up(tmp_path / "run", mine_s=1.0)).spent
    assert any("only: they explain little" in remark for remark in forward.remarks)
    forward, _ = of(made_up(tmp_path / "faster", mine_s=1e-4)).spent
    assert any("are at least the whole call" in remark for remark in forward.remarks)


def test_loops_of_the_interpreter_are_estimated_not_bounded(tmp_path):
    way = {"kind": "interpreted", "steps": 2_700_000, "few": 1800, "temporaries": 10**9}
    forward, _ = of(made_up(tmp_path / "run", way=way)).spent
    assert forward.bounds[0].share == "about 91%"
    assert [bound.what for bound in forward.bounds] == ["the interpreter", "arithmetic", "inputs and outputs"]
    assert not any("Together" in remark for remark in forward.remarks)


def test_compiled_loops_are_told_by_their_instructions(tmp_path):
    way = {"kind": "compiled", "code": {"hot": HOT, "innermost": HOT, "whole": HOT, "calls": [], "loops": 1}}
    forward, _ = of(made_up(tmp_path / "run", way=way, profile=None)).spent
    assert (
        "Of the 8 arithmetic instructions in its hot loop, 8 work on more than one number, 512 bits wide,"
        in " ".join(forward.remarks)
    )
    assert "None of its lines runs in Python: all of it is compiled." in forward.remarks
    assert not forward.lines


def test_the_three_hottest_lines_stand_with_their_text(tmp_path):
    mine = of(made_up(tmp_path / "run"))
    forward, backward = mine.spent
    assert [(line.place, line.share, line.often) for line in forward.lines] == [
        ("line 12", 0.7, "once a call"),
        ("beside.py:3", 0.2, "256 times a call"),
        ("line 4", 0.06, "once a call"),
    ]
    assert not backward.lines
    text = "\n".join(reading.lines(mine))
    assert "line 12, once a call: 70%  y = x[:, None] < w" in text
    assert "never shown" not in text
    assert "Lines with a matrix product take 20% of the time" in text
    assert "the tracer itself took 40% of the traced time" in text
    assert json.loads(json.dumps(asdict(mine)))["technique"] == "mine"


@pytest.mark.parametrize(
    ("known", "note"),
    [
        ({"evidence": False}, "Where the time goes is not known: it was not gathered."),
        (
            {"reason": "its process died: SIGSEGV"},
            "Where the time goes is not known: its process died: SIGSEGV.",
        ),
    ],
)
def test_without_evidence_only_its_place_is_told(tmp_path, known, note):
    mine = of(made_up(tmp_path / "run", **known))
    assert mine.standings
    assert not mine.spent
    assert mine.notes == (note,)


def test_a_column_without_a_figure_has_no_reading(tmp_path):
    folder = made_up(tmp_path / "run").run.folder
    writer = records.Writer(folder)
    for case in ("tiny", "large"):
        who = {"operation": "fully_connected", "technique": "mine", "case": case, "dtype": "float32"}
        writer.append("failure", **who, threads=1, process=0, reason="wrong: dw[0]")
    writer.close()
    assert reading.readings(report.summarise(records.read(folder))) == []


def test_the_report_shows_it_and_escapes_what_the_file_holds(tmp_path):
    summary = made_up(tmp_path / "run")
    path = report.write(summary.run, summary)
    html = path.read_text("utf-8")
    assert 'id="reading-fully_connected-mine"' in html
    assert "<code>y = x[:, None] &lt; w</code>" in html
    text = (path.parent / "report.md").read_text("utf-8")
    assert "## Your file: fully_connected/mine" in text
    assert text.index("## Your file") < text.index("## The fastest rungs")
    assert html.index('id="reading-fully_connected-mine"') < html.index('id="winners"'), "the file is first"
    assert "| forward | beside.py:3 | 20% | 256 | return a @ b |" in text
    assert [mine.technique for mine in contents.gather(summary)["readings"]] == ["mine"]


def test_shares_in_words():
    assert Bound("", None, None, "").share == "not known"
    assert Bound("", 0.0, None, "").share == "not shown"
    assert Bound("", 0.0, 0.2, "").share == "at most about 20%"
    assert Bound("", 0.3, None, "", 1.4).share == "about all"


def test_an_exception_while_a_file_is_explained_costs_the_explanation_alone(tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("explanation")

    summary = made_up(tmp_path / "run")
    monkeypatch.setattr(reading, "standing", broken)
    (only,) = reading.readings(summary)
    assert only.notes == ("Where the time goes could not be told: ZeroDivisionError: explanation.",)
    assert [mine.technique for mine in contents.gather(summary)["readings"]] == ["mine"]


def test_a_file_that_numba_compiles_is_told_what_llvm_said(tmp_path):
    folder = tmp_path / "run"
    made_up(folder)
    name = "fully_connected/mine.py"
    remark = {"file": name, "line": 5, "words": "loop not vectorized: call instruction cannot be vectorized"}
    limits = {"instructions": 9, "flops": 2, "chain": 4.0, "links": ["vaddss"], "cycles": 4.1}
    who = {"operation": "fully_connected", "technique": "mine", "dtype": "float32"}
    records.save(folder, "remarks", [
        {**who, "clock_hz": 3e9, "remarks": [remark], "limits": {"forward": limits}}
    ])  # fmt: skip
    (found,) = reading.readings(report.summarise(records.read(folder)))
    text = "\n".join(reading.lines(found))
    assert "mine.py:5: loop not vectorized: call instruction cannot be vectorized: the loop calls" in text
    assert "forward 4.1 (chain of 1 vaddss; " in text
    records.save(folder, "remarks", [{**who, "reason": "this Numba's LLVM gives no remarks"}])
    (found,) = reading.readings(report.summarise(records.read(folder)))
    assert "What LLVM said of it is not known: this Numba's LLVM gives no remarks." in found.notes
