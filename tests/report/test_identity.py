"""Which benchmark is which: names, duplicates, times that are none, maps, guesses, selection."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import one_line, perflab
from test_compare import BOTH, CELL, HERE, NAIVE, foreign, rounds, saved, verdicts

from perflab.contract import PerflabError
from perflab.records import named
from perflab.report.across import compare, several, sides, unpaired, wording
from perflab.report.across.timings import Timing

CASES = Path(__file__).parent / "cases"
NAN, INF = float("nan"), float("inf")


def benchmarks(path, entries, **document):
    """A file in pytest-benchmark's JSON of (fullname, stats)."""
    listed = [{"fullname": name, "name": name, "stats": stats} for name, stats in entries]
    path.write_text(json.dumps({"machine_info": {}, "benchmarks": listed} | document))
    return path


def stats(values, **others):
    return {"data": values, "median": float(np.median(values))} | others


def whole(base, new, **chosen):
    (pair,) = several.compare_all(sides.read(base), [sides.read(new)], **chosen).pairs
    return pair


# -------------------------------------------------------------------------------------- the saved cases


@pytest.mark.parametrize("name", ["dup_data", "dup_nodata"])
def test_two_benchmarks_of_one_name_have_no_ratio(name):
    for pair in ((CASES / "base.json", CASES / f"{name}.json"), (CASES / f"{name}.json",) * 2):
        line = one_line(perflab("compare", *pair), 2)
        assert "no ratio: bench/test_a.py::test_x: " in line
        assert "two benchmarks of this name" in line


def test_names_that_differ_in_a_control_character_are_two_benchmarks():
    pair = whole(CASES / "ctrl.json", CASES / "ctrl.json")
    assert {change.label for change in pair.changes} == {f"bench/test_a.py::test_x[\\x0{n}]" for n in (0, 1)}
    assert len({change.base.median_s for change in pair.changes}) == 2
    done = perflab("compare", CASES / "ctrl.json", CASES / "ctrl.json")
    assert done.returncode == 0
    assert "\x00" not in done.stdout


def test_a_time_of_zero_costs_its_cell_and_a_coarse_clock_widens_the_other():
    done = perflab("compare", CASES / "coarse_timer.json", CASES / "coarse_timer.json")
    assert done.returncode == 0
    assert "no ratio: test_coarse.py::test_clock: in both: 0.0 is not a time" in done.stdout
    assert "test_coarse.py::test_sum  9 ms  9 ms" in done.stdout
    assert "its clock is coarse" in done.stdout


def test_a_moved_file_is_matched_by_a_guess_that_is_told_or_by_a_map():
    pair = (CASES / "base.json", CASES / "moved.json")
    guess = perflab("compare", *pair)
    assert guess.returncode == 0
    assert "matched by a guess: bench/test_a.py::test_x is taken to be tests/bench/test_a.py" in guess.stdout
    mapped = perflab("compare", *pair, "--map", "bench/*=tests/bench/*")
    assert "matched by --map: bench/test_a.py::test_x is now tests/bench/test_a.py::test_x" in mapped.stdout
    assert "guess" not in mapped.stdout


def test_google_benchmark_is_read():
    assert "BM_x/10  12 ns" in perflab("compare", CASES / "gbench.json", CASES / "gbench.json").stdout


# ------------------------------------------------------------------------------------ what costs one cell


@pytest.mark.parametrize(
    ("lost", "reason"),
    [
        (stats([1.0, 0.0, 2.0]), "0.0 is not a time: 1 of 3"),
        (stats([-1.0] * 7), "-1.0 is not a time: 7 of 7"),
        (stats([1.0, NAN]), "nan is not a time: 1 of 2"),
        (stats([1.0, INF]), "inf is not a time"),
        (stats([1.0]) | {"data": [True]}, "True is not a time"),
        (stats([1.0]) | {"data": ["1.0"]}, "is not a time"),
        (stats([1.0]) | {"data": [10**400]}, "is not a time"),
        ({"median": NAN}, "nan is not a time"),
        ({"median": 0}, "0 is not a time"),
        ({"median": None}, "its statistics are lost"),
        ({"min": 1.0}, "the statistics are lost"),
        (None, "the statistics are lost"),
        ([], "the statistics are lost"),
        ({"data": 3}, "the statistics are lost"),
    ],
)  # fmt: skip
def test_a_time_that_is_none_costs_its_cell_only(tmp_path, lost, reason):
    good = benchmarks(
        tmp_path / "good.json", [("a.py::test_a", stats([1.0] * 7)), ("a.py::test_b", stats([1.0] * 7))]
    )
    bad = benchmarks(tmp_path / "bad.json", [("a.py::test_a", lost), ("a.py::test_b", stats([2.0] * 7))])
    for pair, side in (((good, bad), "NEW"), ((bad, good), "BASE"), ((bad, bad), "in both")):
        comparison = whole(*pair)
        assert list(verdicts(comparison)) == ["a.py::test_b"]
        assert reason in comparison.unlike["a.py::test_a"]
        assert comparison.unlike["a.py::test_a"].startswith(side)
        assert not comparison.missing
        assert not comparison.added


def test_times_decide_where_the_median_is_lost(tmp_path):
    file = benchmarks(tmp_path / "a.json", [("a", {"data": [1.0, 3.0, 2.0], "median": None})])
    assert sides.read(file).timings["a"].median_s == 2.0


def test_a_benchmark_without_a_name_is_counted_and_the_others_are_compared(tmp_path):
    file = benchmarks(tmp_path / "a.json", [("a", stats([1.0] * 7)), (None, stats([1.0] * 7))])
    pair = whole(file, file)
    assert list(verdicts(pair)) == ["a"]
    assert "lacks its fullname" in pair.unlike["benchmarks[1]"]


@pytest.mark.parametrize("data", [True, False])
def test_duplicates_are_never_pooled_however_many(tmp_path, data):
    slow = stats([9.0] * 7) if data else {"median": 9.0}
    fast = stats([1.0] * 7) if data else {"median": 1.0}
    base = benchmarks(tmp_path / "a.json", [("x", fast), ("y", fast), ("z", fast)])
    new = benchmarks(
        tmp_path / "b.json", [("x", fast), ("y", fast), ("x", slow), ("z", fast), ("z", None), ("x", slow)]
    )
    pair = whole(base, new)
    assert list(verdicts(pair)) == ["y"]
    assert pair.unlike == {"x": "NEW: 3 benchmarks of this name", "z": "NEW: two benchmarks of this name"}


def test_perflab_s_own_blocks_are_pooled_by_process_but_not_twice_the_same(tmp_path):
    names = [f"bench/test_grid.py::test_block[{CELL}/{p}.{i}]" for p in range(2) for i in range(4)]
    once = benchmarks(tmp_path / "a.json", [(name, stats([0.002] * 3)) for name in names])
    twice = benchmarks(tmp_path / "b.json", [(name, stats([0.002] * 3)) for name in [*names, names[0]]])
    assert list(sides.read(once).timings) == [CELL]
    assert sides.read(twice).faults == {CELL: "two benchmarks of this name"}


def test_times_that_are_all_equal_are_told(tmp_path):
    file = benchmarks(tmp_path / "a.json", [("a", stats([0.016] * 8)), ("b", stats(rounds(0.1, 8, 1)))])
    assert "all times of 1 of its benchmarks are equal" in sides.read(file).notes[-1]


def test_a_coarse_clock_is_no_certainty():
    fine = unpaired.ratio(Timing("x", 1.0, ((1.0,) * 9,)), Timing("x", 1.0, ((1.0,) * 9,)))
    coarse = unpaired.ratio(
        Timing("x", 1.0, ((1.0,) * 9,), step_s=0.1), Timing("x", 1.0, ((1.0,) * 9,), step_s=0.1)
    )
    assert (fine.low, fine.high, fine.verdict) == (1.0, 1.0, "SAME")
    assert coarse.low < 0.92
    assert coarse.verdict == "AMBIGUOUS"


# ---------------------------------------------------------------------------------------- maps and guesses


def files(folder, before, after):
    data = stats(rounds(0.001, 12, 1))
    return (
        benchmarks(folder / "old.json", [(name, data) for name in before]),
        benchmarks(folder / "new.json", [(name, data) for name in after]),
    )


@pytest.mark.parametrize(
    ("before", "after", "matched"),
    [
        (["a/t.py::f[1]", "a/t.py::f[2]"], ["b/t.py::f[1]", "b/t.py::f[2]"], 2),  # a moved file
        (["t.py::f", "u.py::f"], ["x/t.py::f", "x/u.py::f"], 2),  # told apart by their files
        (["t.py::f"], ["t.py::C::f"], 1),  # into a class
        (["t.py::C::f"], ["u.py::D::f"], 1),
        (["t.py::test_sum[1]"], ["t.py::test_sum_all[1]"], 1),  # renamed
        (["t.py::test_softmax"], ["t.py::test_soft_max"], 1),
        (["t.py::f", "u.py::f"], ["v.py::f", "w.py::f"], 0),  # which is which?
        (["t.py::test_sum[4]"], ["t.py::test_sum[5]"], 0),  # another size
        (["t.py::test_sum_10"], ["t.py::test_sum_100"], 0),
        (["t.py::test_sum"], ["t.py::test_convolve"], 0),
        ([CELL], [NAIVE], 0),
        (["test_block[" + CELL + "]"], ["test_block[" + CELL.replace("32", "64") + "]"], 0),
    ],
)  # fmt: skip
def test_what_was_moved_or_renamed_is_guessed_and_nothing_else(tmp_path, before, after, matched):
    pair = whole(*files(tmp_path, ["always", *before], ["always", *after]))
    assert sum(change.guessed for change in pair.changes) == matched == len(pair.changes) - 1
    assert sum("guess" in line for line in wording.closing_lines(pair)) == matched
    assert len(pair.missing) == len(before) - matched


def test_what_is_too_little_for_a_guess_is_a_hint(tmp_path):
    pair = whole(*files(tmp_path, ["x", "t.py::test_sum[4]"], ["x", "t.py::test_convolve[4]"]))
    assert pair.told == (
        "perhaps renamed: t.py::test_sum[4] to t.py::test_convolve[4]; --map OLD=NEW compares them",
    )
    assert pair.missing == {"t.py::test_sum[4]": "not in it"}


@pytest.mark.parametrize(
    ("before", "after", "maps", "changes"),
    [
        (["a/x", "a/y"], ["b/x", "b/y"], ["a/*=b/*"], 2),
        (["a=1", "b"], ["a=2", "b"], ["a=1=a=2"], 2),  # names with an equals sign
        (["f[x]", "g"], ["h[x]", "g"], ["f[*]=h[*]"], 2),  # brackets are themselves
        (["p", "q"], ["q", "p"], ["p=q", "q=p"], 2),  # exchanged
        (["a"], ["a", "b"], ["a=b"], 1),  # NEW has both: the map decides
    ],
)
def test_a_map_says_what_is_what(tmp_path, before, after, maps, changes):
    pair = whole(*files(tmp_path, before, after), maps=maps)
    assert len(pair.changes) == changes
    assert sum("matched by --map" in line for line in pair.told) >= 1
    assert not any(change.guessed for change in pair.changes)


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (["a"], "wanted OLD=NEW"),
        (["=b/x"], "wanted OLD=NEW"),
        (["nope=b/x"], "BASE has nothing of this name; "),
        (["a/x=b/nope"], "which NEW lacks"),
        (["a/x=b/x", "a/y=b/x"], "sends two to one: a/x and a/y to b/x"),
        (["a/*=b/x"], "sends two to one"),
        (["a/x=b/x", "a/x=b/y"], "is sent to b/x and to b/y"),
        (["a/x=both"], "sends two to one"),
        (["a/x=b/*"], "matches nothing"),
    ],
)
def test_a_map_that_cannot_be_is_one_line(tmp_path, maps, message):
    pair = files(tmp_path, ["a/x", "a/y", "both"], ["b/x", "b/y", "both"])
    words = [word for each in maps for word in ("--map", each)]
    assert message in one_line(perflab("compare", *pair, *words), 2)


# ------------------------------------------------------------------------------------------- what is meant


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("sort", ["m.py::test_sort[small]", "m.py::test_sort[large]"]),
        ("SORT and not small", ["m.py::test_sort[large]"]),
        ("(sum or sort) and small", ["m.py::test_sort[small]", "m.py::test_sum[small]"]),
        ("not sort and not sum", ["m.py::test_x"]),
        ("'test_x' or [large]", ["m.py::test_sort[large]", "m.py::test_x"]),
    ],
)
def test_k_selects_as_pytest_does(tmp_path, expression, names):
    every = ["m.py::test_sort[small]", "m.py::test_sort[large]", "m.py::test_sum[small]", "m.py::test_x"]
    pair = whole(*files(tmp_path, every, every), select=expression)
    assert sorted(verdicts(pair)) == sorted(names)
    assert not pair.missing


def test_k_finds_a_moved_benchmark_by_either_name(tmp_path):
    pair = files(tmp_path, ["old/t.py::f", "x"], ["new/t.py::f", "x"])
    for word in ("old", "new"):
        assert len(whole(*pair, select=word).changes) == 1


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("sorrt", "matches none of 2 cells; did you mean sort"),
        ("sort and", "not an expression"),
        ("(sort", "not an expression"),
        ("sort)", "not an expression"),
        ("sort sum", "not an expression"),
        ("'sort", "not an expression"),
        ("and", "not an expression"),
    ],
)
def test_an_expression_that_selects_nothing_is_one_line(tmp_path, expression, message):
    pair = files(tmp_path, ["test_sort[1]", "test_sum[1]"], ["test_sort[1]", "test_sum[1]"])
    line = one_line(perflab("compare", *pair, "-k", expression), 2)
    assert "-k" in line
    assert message in line


def test_a_threshold_is_of_a_pattern_and_the_last_that_fits_decides(tmp_path):
    base, new = (
        saved(tmp_path / "a", BOTH, seed=1),
        saved(tmp_path / "b", BOTH | {("conv2d", "jit"): 0.0022}, seed=2),
    )
    for words, code in (
        (["conv2d/*=3%"], 1),
        (["conv2d/*=3%", "conv2d/jit/*=30%"], 0),
        (["conv2d/jit/*=30%", "conv2d/*=3%"], 1),
        (["3%", "*/jit/*=30%"], 0),
        (["*/naive/*=3%"], 0),
    ):
        assert perflab("compare", base, new, "--fail-if-slower", *words).returncode == code, words
    line = one_line(perflab("compare", base, new, "--fail-if-slower", "conv2d/jjit/*=3%"), 2)
    assert "did you mean jit" in line


# --------------------------------------------------------------------------------- within one, and by name


def test_a_run_is_compared_with_its_own_baseline_turn_by_turn(tmp_path):
    run = saved(tmp_path / "a", BOTH | {("conv2d", "vectorized"): 0.05})
    (pair,) = several.compare_all(sides.read(run), [], baseline="naive").pairs
    assert verdicts(pair) == dict.fromkeys([CELL, NAIVE.replace("naive", "vectorized")], "FASTER")
    assert [round(change.ratio.value) for change in pair.changes] == [50, 2]
    assert pair.paired
    assert pair.changes[0].ratio.pairs == 12
    assert perflab("compare", run, "--baseline", "naive").returncode == 0
    assert "jit" in one_line(perflab("compare", run, "--baseline", "jitt"), 2)
    assert "got 2" in one_line(perflab("compare", run, run, "--baseline", "naive"), 2)


def test_a_benchmark_is_the_baseline_of_those_with_its_parameters(tmp_path):
    times = {
        f"m.py::test_{f}[{n}]": rounds(0.001 * n * (1 + (f == "slow")), 12, n)
        for f in ("slow", "fast")
        for n in (1, 2)
    }
    file = foreign(tmp_path / "a.json", times | {"m.py::test_other[3]": rounds(0.1, 12, 5)}, names="{}")
    (pair,) = several.compare_all(sides.read(file), [], baseline="test_slow").pairs
    assert {
        name: round(change.ratio.value) for name, change in zip(verdicts(pair), pair.changes, strict=True)
    } == {
        "m.py::test_fast[1]": 2,
        "m.py::test_fast[2]": 2,
    }
    assert pair.added == {"m.py::test_other[3]": "no baseline with its parameters"}
    (pair,) = several.compare_all(sides.read(file), [], baseline="m.py::test_slow[1]").pairs
    assert len(pair.changes) == 2 + 2  # a single one is the baseline of all


def test_names_stand_for_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for at, (name, branch) in enumerate([("a", "main"), ("b", "topic"), ("c", "main"), ("d", "topic/x")]):
        folder = saved(tmp_path / "reports" / name, BOTH, seed=at, environment=HERE | {"branch": branch})
        os.utime(folder / "records.jsonl", (1000 + at, 1000 + at))
    found = {word: named(word) for word in ("main", "topic", "topic/x", "last", "a", "nope")}
    assert {word: path and path.name for word, path in found.items()} == {
        "main": "c", "topic": "b", "topic/x": "d", "last": "d", "a": "a", "nope": None,
    }  # fmt: skip
    done = perflab("compare", "main", "last", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "BASE reports/c, NEW reports/d" in done.stdout
    assert "BASE: main is reports/c" in done.stdout
    assert "did you mean main?" in one_line(perflab("compare", "maim", "last", cwd=tmp_path), 2)


def test_records_keep_the_branch(monkeypatch):
    from perflab.machine import description

    monkeypatch.setattr(description, "_git", lambda *words: " ".join(words))
    assert description.environment()["branch"] == "symbolic-ref --short --quiet HEAD"


# ------------------------------------------------------------------------------------- the number of them all


def test_one_sentence_and_one_number_stand_on_top(tmp_path):
    names = [f"m.py::test_f{f}[{n}]" for f in range(3) for n in range(4)]
    base = foreign(
        tmp_path / "a.json", {name: rounds(0.001, 12, at) for at, name in enumerate(names)}, names="{}"
    )
    slow = {name: rounds(0.0012 if "f1" in name else 0.001, 12, 50 + at) for at, name in enumerate(names)}
    new = foreign(tmp_path / "b.json", slow, names="{}")
    document = json.loads(perflab("compare", base, new, "--json").stdout)
    mean = document["mean"]
    assert mean["cells"] == 12
    assert mean["value"] == pytest.approx((1 / 1.2) ** (1 / 3), rel=0.01)
    assert mean["low"] < mean["value"] < mean["high"] < 1
    assert document["verdict"].startswith("Slower: 4 of 12 cells, most of all m.py::test_f1[")
    text = perflab("compare", base, new, "--fail-if-slower", "5%").stdout
    assert "Slower than allowed: 4 of 12 cells" in text
    assert "test_f1" in text.split("geometric mean")[1].splitlines()[2]  # the slowest group first


def test_thresholds_of_no_cell_and_no_common_cell_are_refused(tmp_path):
    pair = files(tmp_path, ["x"], ["y"])
    with pytest.raises(PerflabError, match="no cell was measured on both sides"):
        compare.compare(*map(sides.read, pair))
