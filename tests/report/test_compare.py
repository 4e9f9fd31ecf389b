"""Comparing saved results: slow-downs are found, noise is not, and what cannot be compared is refused."""

import dataclasses
import itertools
import json
import sys

import numpy as np
import pytest
from conftest import one_line, perflab
from test_report import Page

from perflab import records
from perflab.catalog import cases
from perflab.contract import DIRECTIONS, PerflabError
from perflab.report.across import compare, compare_page, markdown, several, sides, timings, unpaired, wording
from perflab.report.across.allowed import thresholds
from perflab.report.across.sides import Timing
from perflab.run import presets
from perflab.statistics import Ratio

HERE = {"cpu": "A Processor", "cores_allowed": 2, "governor": "performance", "numpy": "2.4.6"}
NOISE = 0.01  # of one block, relative
CELL = "conv2d/jit/tiny/float32/forward/t1"
NAIVE = "conv2d/naive/tiny/float32/forward/t1"


def saved(
    folder, times, *, seed=0, processes=3, passes=4, noise=NOISE, shared=0.0, environment=HERE, more=()
):
    """A run's folder whose (operation, technique) take these seconds, with noise of blocks and processes."""
    techniques = {}
    for op, technique in times:
        techniques.setdefault(op, []).append(technique)
    chosen, named = {op: tuple(names) for op, names in techniques.items()}, ["/".join(each) for each in times]
    made = presets.make(chosen, "smoke", cases=("tiny",), named=named)
    plan = dataclasses.replace(made, processes=processes, passes=passes, directions=("forward",))
    records.begin(folder, plan, cases.describe(plan), environment)
    rng = np.random.default_rng(seed)
    writer = records.Writer(folder)
    for (op, technique), seconds in times.items():
        for process in range(processes):
            level = seconds * np.exp(rng.normal(0, shared))
            for pass_ in range(passes) if seconds else ():
                block = level * np.exp(rng.normal(0, noise))
                writer.append(
                    "block", operation=op, case="tiny", dtype="float32", threads=1, technique=technique,
                    direction="forward", process=process, iterations=1, after="same bits",
                    rounds_s=[block * 0.999, block, block * 1.01], **{"pass": pass_},
                )  # fmt: skip
    for record in more:
        writer.append(**record)
    writer.close()
    return folder


FAILURE = {
    "kind": "failure", "operation": "conv2d", "case": "tiny", "dtype": "float32", "threads": 1,
    "technique": "jit", "direction": "forward", "process": 0, "reason": "wrong",
}  # fmt: skip
BOTH = {("conv2d", "naive"): 0.1, ("conv2d", "jit"): 0.002}


def foreign(path, times, *, data=True, names="tests/test_it.py::test_sum[{}]", info=None):
    """A file in pytest-benchmark's JSON, as another project's suite would have written it."""
    benchmarks = []
    for name, rounds in times.items():
        stats = {"min": min(rounds), "median": float(np.median(rounds)), "rounds": len(rounds)}
        full = names.format(name)
        benchmarks.append(
            {
                "name": full.partition("::")[2],
                "fullname": full,
                "stats": stats | ({"data": rounds} if data else {}),
            }
        )
    path.write_text(json.dumps({"machine_info": info or {}, "benchmarks": benchmarks, "version": "5.1.0"}))
    return path


def rounds(seconds, count, seed, noise=0.005):
    return (seconds * np.exp(np.random.default_rng(seed).normal(0, noise, count))).tolist()


def compared(base, new, **chosen):
    return compare.compare(sides.read(base), sides.read(new), **chosen)


def verdicts(comparison):
    return {change.name: change.ratio.verdict for change in comparison.changes}


@pytest.fixture
def two(tmp_path):
    """Two runs: in the second, conv2d/jit takes 20 % longer."""
    return (
        saved(tmp_path / "base", BOTH, seed=1),
        saved(tmp_path / "new", BOTH | {("conv2d", "jit"): 0.0024}, seed=2),
    )


# ------------------------------------------------------------------------------------------ the statistics


def test_an_injected_slow_down_is_found_and_a_tiny_one_is_not_called(tmp_path):
    called = []
    for seed in range(20):
        base = saved(tmp_path / f"base{seed}", BOTH, seed=seed)
        slow = {("conv2d", "naive"): 0.1 * 1.005, ("conv2d", "jit"): 0.002 * 1.05}
        by_cell = verdicts(compared(base, saved(tmp_path / f"new{seed}", slow, seed=100 + seed)))
        called.append(by_cell[CELL])
        assert by_cell[NAIVE] in ("SAME", "AMBIGUOUS")
    assert called.count("SLOWER") >= 15
    assert "FASTER" not in called


@pytest.mark.parametrize("shared", [0.0, 0.02])
def test_a_copy_of_itself_is_seldom_called_different(tmp_path, capsys, shared):
    """A/A, also where every process has a speed of its own that its blocks share."""
    alarms = 0
    for seed in range(40):
        base, new = (
            saved(
                tmp_path / f"{seed}{side}", {("conv2d", "jit"): 0.002}, seed=2 * seed + number, shared=shared
            )
            for number, side in enumerate("an")
        )
        alarms += verdicts(compared(base, new))[CELL] in ("FASTER", "SLOWER")
    with capsys.disabled():
        sys.stdout.write(f" A/A, processes {shared:.0%} apart: {alarms} of 40 flagged ")
    assert alarms <= 5


@pytest.mark.parametrize("shared", [0.0, 0.02])
def test_the_interval_covers_the_true_ratio(capsys, shared):
    rng = np.random.default_rng(7)

    def timing(seconds):
        level = rng.normal(0, shared, (6, 1)) + rng.normal(0, 0.02, (6, 4))
        groups = tuple(tuple(seconds * np.exp(row)) for row in level)
        return Timing("x", float(np.median(groups)), groups)

    trials = 1000
    hits = 0
    for _ in range(trials):
        ratio = unpaired.ratio(timing(3.0), timing(2.0))
        hits += ratio.low <= 1.5 <= ratio.high
    with capsys.disabled():
        sys.stdout.write(f" coverage, processes {shared:.0%} apart: {hits / trials:.3f} ")
    assert 0.91 <= hits / trials <= 0.99


def test_the_interval_of_small_samples_is_the_tables(tmp_path):
    a, b = [1.0, 2.0, 3.0, 5.0, 8.0, 13.0], [1.5, 2.5, 4.0, 6.0, 9.0, 14.0]
    ratio = unpaired.ratio(Timing("x", 4, (tuple(a),)), Timing("x", 5, (tuple(b),)))
    every = sorted(x / y for x in a for y in b)
    assert (ratio.low, ratio.high) == pytest.approx((every[5], every[30]))
    assert ratio.value == pytest.approx((every[17] * every[18]) ** 0.5)


def test_large_samples_take_the_normal_approximation():
    exact, compare_exact = unpaired._cut(30, 30), unpaired.EXACT
    assert compare_exact == 900
    spread = (900 * 61 / 12) ** 0.5
    assert abs(exact - (450 - 1.96 * spread)) < 2
    assert unpaired._cut(31, 31) > exact


def test_turned_round_the_verdict_is_the_opposite(two):
    assert verdicts(compared(*two))[CELL] == "SLOWER"
    assert verdicts(compared(*reversed(two)))[CELL] == "FASTER"
    forth, back = compared(*two).changes[0].ratio, compared(*reversed(two)).changes[0].ratio
    assert forth.value == pytest.approx(1 / back.value)
    assert forth.low == pytest.approx(1 / back.high)


def test_a_run_against_itself_reads_one(two):
    comparison = compared(two[0], two[0])
    assert [change.ratio.value for change in comparison.changes] == [1.0, 1.0]
    assert not {"FASTER", "SLOWER"} & set(verdicts(comparison).values())


def test_fewer_than_six_times_are_not_enough(tmp_path):
    few = saved(tmp_path / "few", BOTH, processes=1, passes=5)
    many = saved(tmp_path / "many", dict.fromkeys(BOTH, 9.0))
    assert set(verdicts(compared(few, many)).values()) == {"not enough"}
    assert compare.to_json(compared(few, many))["changes"][0]["low"] is None


# ---------------------------------------------------------------------------------------- what is compared


def test_cells_are_sorted_by_size_of_change_and_the_same_are_counted(tmp_path):
    three = {("conv2d", t): 0.1 for t in ("naive", "per_neuron", "jit")}
    base = saved(tmp_path / "base", three, noise=0.0005)
    new = saved(
        tmp_path / "new", three | {("conv2d", "per_neuron"): 0.05, ("conv2d", "jit"): 0.11}, noise=0.0005
    )
    comparison = compared(base, new)
    assert [change.name.split("/")[1] for change in comparison.changes] == ["per_neuron", "jit", "naive"]
    assert comparison.counts == {"FASTER": 1, "SLOWER": 1, "SAME": 1}
    assert [row[0].split("/")[1] for row in wording.table(comparison).rows] == ["per_neuron", "jit"]
    assert len(wording.table(comparison, whole=True).rows) == 3
    done = perflab("compare", base, new)
    assert done.returncode == 0, done.stderr
    assert "1 SAME" in done.stdout
    assert NAIVE not in done.stdout
    assert NAIVE in perflab("compare", base, new, "--all").stdout


def test_missing_and_new_cells_are_named_with_the_reason(tmp_path):
    base = saved(tmp_path / "base", BOTH)
    new = saved(tmp_path / "new", {("conv2d", "naive"): 0.1, ("conv2d", "vectorized"): 0.1})
    comparison = compared(base, new)
    assert comparison.missing == {CELL: "not in it"}
    assert comparison.added == {"conv2d/vectorized/tiny/float32/forward/t1": "not in it"}
    done = perflab("compare", base, new)
    assert f"missing in NEW: {CELL} (not in it)" in done.stdout
    assert "new in NEW: conv2d/vectorized/" in done.stdout


def test_a_contender_found_wrong_has_no_ratio(tmp_path):
    base = saved(tmp_path / "base", BOTH)
    new = saved(tmp_path / "new", BOTH, more=[FAILURE])
    for comparison, field in ((compared(base, new), "missing"), (compared(new, base), "added")):
        assert list(verdicts(comparison)) == [NAIVE]
        assert getattr(comparison, field) == {CELL: "wrong"}


def test_a_prediction_enters_no_ratio(tmp_path):
    predicted = {
        "kind": "prediction", "operation": "conv2d", "case": "tiny", "dtype": "float32", "threads": 1,
        "technique": "naive", "seconds": dict.fromkeys(DIRECTIONS, 9.0), "basis": "a guess", "process": 0,
    }  # fmt: skip
    base = saved(tmp_path / "base", BOTH)
    new = saved(tmp_path / "new", BOTH | {("conv2d", "naive"): 0}, more=[predicted])
    comparison = compared(base, new)
    assert list(verdicts(comparison)) == [CELL]
    assert comparison.missing == {NAIVE: "predicted, not run: a guess"}


def test_one_name_for_two_problems_gives_no_ratio(two, tmp_path):
    file = two[1] / "records.jsonl"
    first, rest = file.read_text().split("\n", 1)
    header = json.loads(first)
    header["operations"]["conv2d"]["cases"]["tiny"]["sizes"]["N"] += 1
    file.write_text(json.dumps(header) + "\n" + rest)
    with pytest.raises(PerflabError, match=r"no ratio: conv2d/.*: another problem under the same name"):
        compared(*two)


def test_an_unfit_machine_leaves_every_cell_unmeasurable(tmp_path):
    unfit = {"kind": "fitness", "state": "unfit", "reasons": ["time was stolen"]}
    base = saved(tmp_path / "base", BOTH)
    new = saved(tmp_path / "new", dict.fromkeys(BOTH, 9.0), more=[unfit])
    comparison = compared(base, new, allowed={"": 0.05})
    assert set(verdicts(comparison).values()) == {"UNMEASURABLE"}
    assert not comparison.failed
    done = perflab("compare", base, new, "--fail-if-slower", "5%")
    assert done.returncode == 3
    assert done.stdout.startswith("unfit to measure: NEW: time was stolen")
    noisy = saved(tmp_path / "noisy", BOTH, more=[unfit | {"state": "noisy"}])
    assert "its machine was noisy: time was stolen" in perflab("compare", base, noisy).stdout


# --------------------------------------------------------------------------------------------- environments


def test_environments_that_differ_are_refused_unless_told_anyway(tmp_path):
    base = saved(tmp_path / "base", BOTH)
    new = saved(tmp_path / "new", BOTH, environment=HERE | {"cpu": "Another", "numpy": "2.3.0"})
    line = one_line(perflab("compare", base, new), 2)
    differing = "cpu: 'A Processor' against 'Another'; numpy: '2.4.6' against '2.3.0'"
    assert line.startswith(f"perflab: cannot be compared: {differing}")
    done = perflab(
        "compare", base, new, "--anyway", "--html", tmp_path / "a.html", "--markdown", tmp_path / "a.md"
    )
    assert done.returncode == 0, done.stderr
    for text in (done.stdout, (tmp_path / "a.md").read_text()):
        top = text[:400]
        assert "compared although the environments differ" in top
        assert "cpu: 'A Processor' against 'Another'" in top
    page = "".join(Page((tmp_path / "a.html").read_text()).text)
    assert page.index("cpu: 'A Processor' against 'Another'") < page.index(CELL)
    document = json.loads(perflab("compare", base, new, "--anyway", "--json").stdout)
    assert next(iter(document)) == "banner"
    assert [difference["key"] for difference in document["differences"]] == ["cpu", "numpy"]


def test_what_merely_differs_is_told_and_compared(tmp_path):
    base = saved(tmp_path / "base", BOTH, environment=HERE | {"commit": "a"})
    new = saved(tmp_path / "new", BOTH, environment=HERE | {"commit": "b"})
    assert "also differs: commit: 'a' against 'b'" in wording.closing_lines(compared(base, new))


# -------------------------------------------------------------------------------------------- foreign files


def test_a_foreign_file_is_compared_by_fullname_both_ways(tmp_path):
    base = foreign(tmp_path / "a.json", {"1-2": rounds(0.001, 200, 1), "3": rounds(0.001, 8, 2), "4": [1.0]})
    new = foreign(tmp_path / "b.json", {"1-2": rounds(0.0012, 200, 3), "3": rounds(0.001, 8, 4), "5": [1.0]})
    comparison = compared(base, new)
    assert verdicts(comparison)["tests/test_it.py::test_sum[1-2]"] == "SLOWER"
    assert verdicts(comparison)["tests/test_it.py::test_sum[3]"] in ("SAME", "AMBIGUOUS")
    assert list(comparison.missing) == ["tests/test_it.py::test_sum[4]"]
    assert list(comparison.added) == ["tests/test_it.py::test_sum[5]"]
    assert {change.operation for change in comparison.changes} == {"test_sum"}
    assert verdicts(compared(new, base))["tests/test_it.py::test_sum[1-2]"] == "FASTER"
    assert perflab("compare", base, new, "--fail-if-slower", "test_sum=5%").returncode == 1


def test_statistics_without_times_are_not_enough(tmp_path):
    base = foreign(tmp_path / "a.json", {"1": rounds(0.001, 50, 1)}, data=False)
    new = foreign(tmp_path / "b.json", {"1": rounds(0.002, 50, 2)}, data=False)
    (change,) = compared(base, new, allowed={"": 0.05}).changes
    assert change.ratio.verdict == "not enough"
    assert change.ratio.value == pytest.approx(0.5, rel=0.01)
    assert "not compared with its threshold: 1" in "\n".join(
        wording.closing_lines(compared(base, new, allowed={"": 0.05}))
    )


def test_many_rounds_count_as_batches(tmp_path):
    base = foreign(tmp_path / "a.json", {"1": rounds(0.001, 100_000, 1)})
    (timing,) = sides.read(base).timings.values()
    assert len(timing.values) == timings.BATCHES


def test_a_run_meets_its_own_benchmark_json_and_the_suite_s(two, tmp_path):
    times = {CELL: rounds(0.002, 12, 5), NAIVE: rounds(0.1, 12, 6)}
    own = foreign(tmp_path / "own.json", times, names="bench/test_grid.py::test_block[{}]", info=HERE)
    assert set(verdicts(compared(two[0], own))) == {CELL, NAIVE}
    assert verdicts(compared(own, two[1]))[CELL] == "SLOWER"
    blocks = {f"{CELL}/{p}.{i}": rounds(0.002, 3, 10 * p + i) for p in range(2) for i in range(4)}
    suite = foreign(tmp_path / "suite.json", blocks, names="bench/test_grid.py::test_block[{}]")
    (timing,) = sides.read(suite).timings.values()
    assert [len(group) for group in timing.groups] == [4, 4]


def test_few_of_the_ambiguous_are_shown_unless_all_are_asked_for(tmp_path):
    rng = np.random.default_rng(5)
    sides = []
    for name in ("base", "new"):
        drawn = [rng.lognormal(0, 0.2, 12).tolist() for _ in range(30)]
        stats = [{"data": data, "median": float(np.median(data))} for data in drawn]
        document = {"benchmarks": [{"fullname": f"test_{n}", "stats": each} for n, each in enumerate(stats)]}
        sides.append(tmp_path / f"{name}.json")
        sides[-1].write_text(json.dumps(document))
    short = perflab("compare", *sides)
    assert short.returncode == 0, short.stderr
    assert short.stdout.count(" AMBIGUOUS\n") == wording.MOST_AMBIGUOUS
    assert "30 cells on both sides" in short.stdout
    assert perflab("compare", *sides, "--all").stdout.count(" AMBIGUOUS\n") > wording.MOST_AMBIGUOUS


def test_the_small_run_meets_its_own_benchmark_json(small_run):
    done = perflab("compare", small_run, small_run / "benchmark.json", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert len(document["changes"]) == 16
    assert not document["missing"]
    assert not document["added"]


def test_pytest_benchmark_s_machine_is_compared_in_perflab_s_words(two, tmp_path):
    info = {
        "cpu": {"brand_raw": "Another"}, "python_implementation": "CPython", "python_version": "3.11.7",
        "system": "Linux", "release": "6.18",
    }  # fmt: skip
    other = foreign(tmp_path / "a.json", {CELL: [1.0]}, names="x::test_block[{}]", info=info)
    with pytest.raises(PerflabError, match="cannot be compared: cpu: 'A Processor' against 'Another'"):
        compared(two[0], other)


# -------------------------------------------------------------------------------------------------- the gate


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (["5%"], {"": 0.05}),
        (["5"], {"": 0.05}),
        (["0.05"], {"": 0.05}),
        (["0.5%"], {"": 0.005}),
        (["1"], {"": 0.01}),
        (["0"], {"": 0.0}),
        (["5%", "conv2d=10%", "mlp=0.2"], {"": 0.05, "conv2d": 0.1, "mlp": 0.2}),
    ],
)
def test_a_threshold_is_written_in_three_ways(words, allowed):
    assert thresholds(words) == pytest.approx(allowed)


@pytest.mark.parametrize(
    "word", ["", "five", "-5%", "5%%", "conv2d=", "=5%", "nan", "inf", "1e9", "5 %x", "٥%"]
)
def test_a_threshold_of_another_form_is_refused_by_name(word):
    with pytest.raises(PerflabError, match="--fail-if-slower: ") as refused:
        thresholds([word])
    assert repr(word) in str(refused.value)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 0),
        (["5%"], 1),
        (["30%"], 0),
        (["5%", "conv2d=30%"], 0),
        (["30%", "conv2d=5%"], 1),
        (["max_pool2d=5%"], 2),
    ],
)
def test_the_exit_code_follows_the_threshold(two, words, code):
    options = ["--fail-if-slower", *words] if words else []
    done = perflab("compare", *two, *options)
    assert done.returncode == code, done.stderr
    assert ("slower than allowed: " + CELL in done.stdout) == (code == 1)
    if code == 2:
        assert "'max_pool2d'" in one_line(done, 2)


def test_only_a_whole_interval_beyond_the_threshold_fails(two):
    (change,) = [c for c in compared(*two, allowed={"": 0.05}).changes if c.name == CELL]
    assert change.too_slow
    for low, high, failed in ((0.90, 0.952, True), (0.90, 0.953, False), (0.90, 0.99, False)):
        assert dataclasses.replace(change, ratio=Ratio(0.92, low, high, 12)).too_slow == failed
    assert not dataclasses.replace(change, allowed=None).too_slow


def test_base_and_new_may_stand_anywhere(two):
    base, new = map(str, two)
    for words in (
        ["--fail-if-slower", "5%", base, new],
        [base, "--fail-if-slower", "5%", new],
        [base, "--json", new, "--fail-if-slower", "conv2d=5%", "7%"],
        ["--fail-if-slower", "5%", base, "--json", new],
    ):
        done = perflab("compare", *words)
        assert done.returncode == 1, (words, done.stderr)


# -------------------------------------------------------------------------------------------------- outputs

EVIL = "tests/test_x.py::test_y[<script>alert(1)</script>|`x`\x1b[31m [red]![a](http://b)]"


def test_text_stays_text_in_every_output(tmp_path):
    base = foreign(tmp_path / "a|b.json", {EVIL: rounds(0.001, 10, 1)}, names="{}")
    new = foreign(tmp_path / "c.json", {EVIL: rounds(0.002, 10, 2), EVIL + "2": [1.0]}, names="{}")
    comparison = compared(base, new)
    page = Page(compare_page.html(several.Several((comparison,))))
    assert page.open == []
    assert page.tags.count("script") == 3  # the page's own
    assert "<script>alert(1)</script>|`x`" in "".join(page.text)
    assert not [link for link in page.asked if link != "data:," and not link.startswith("#")]
    text = markdown.markdown(several.Several((comparison,)))
    assert "<script" not in text
    assert "](http" not in text
    (row,) = [line for line in text.splitlines() if line.startswith("| tests/")]
    assert row.replace("\\|", "").count("|") == 6
    done = perflab("compare", base, new)
    assert "[red]" in done.stdout
    assert "\x1b" not in done.stdout + text


def test_outputs_are_written_and_printed(two, tmp_path):
    page, text = tmp_path / "compare.html", tmp_path / "compare.md"
    done = perflab("compare", *two, "--html", page, "--markdown", text, "--json")
    document = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(name))
    assert {change["verdict"] for change in document["changes"]} >= {"SLOWER"}
    assert Page(page.read_text()).open == []
    assert CELL in page.read_text()
    printed = perflab("compare", *two, "--markdown", "-").stdout
    assert printed.strip() == text.read_text().strip()
    assert printed.startswith("### perflab compare")
    assert "SLOWER" in printed


def test_markdown_of_three_hundred_cells_is_short_whatever_there_is_to_say(tmp_path):
    """Slower, faster, missing, new, duplicate, moved and lost cells, on machines that differ."""
    rng = np.random.default_rng(4)
    times = {f"m{n % 30}.py::test_{n}[{n % 7}]": rounds(1e-4, 8, n) for n in range(300)}
    newer = {
        name.replace("m3.py", "moved.py"): [value * rng.choice([0.8, 1, 1, 1.3]) for value in data]
        for name, data in times.items()
        if "test_1[" not in name
    }
    newer |= {f"new.py::test_{n}": [1.0] * 8 for n in range(40)} | {"m0.py::test_30[2]": [0.0] * 8}
    base = foreign(tmp_path / "a.json", times, names="{}", info=HERE)
    new = foreign(tmp_path / "b.json", newer, names="{}", info=dict.fromkeys(HERE, "another"))
    done = perflab("compare", base, new, "--anyway", "--fail-if-slower", "1%", "--markdown", "-")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert len(lines) < 60
    assert lines.count("<details><summary>All other figures, and how they were made</summary>") == 1
    for before, line in itertools.pairwise(lines):  # what follows a table at once would be a row of it
        assert not (before.startswith("|") and line and not line.startswith("|")), line
    assert (
        len(perflab("compare", base, new, "--anyway", "--all", "--markdown", "-").stdout.splitlines()) > 300
    )


def test_in_eighty_columns_no_line_is_wider(two):
    done = perflab("compare", *two, "--fail-if-slower", "5%", COLUMNS="80")
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_strict_json_whatever_is_saved(tmp_path):
    base = saved(tmp_path / "base", BOTH, processes=1, passes=2, more=[FAILURE])
    done = perflab("compare", base, base, "--json")
    json.loads(done.stdout, parse_constant=lambda name: pytest.fail(name))


# ------------------------------------------------------------------------------------------------ bad input

GOOD_JSON = json.dumps({"benchmarks": [{"fullname": "a::b", "stats": {"data": [1.0], "median": 1.0}}]})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing", None, "no such file or folder"),
        ("x.json", "{", "not JSON, or cut short"),
        ("x.json", GOOD_JSON[:40], "not JSON, or cut short"),
        ("x.json", "", "not JSON, or cut short"),
        ("x.json", "\x89PNG\x00", "not JSON, or cut short"),
        ("x.json", "[" * 100_000, "not JSON, or cut short"),
        ("x.json", "[1]", "no list of benchmarks"),
        ("x.json", '{"cpu": "an environment.json"}', "no list of benchmarks"),
        ("x.json", '{"benchmarks": 3}', "no list of benchmarks"),
        ("x.json", '{"benchmarks": [3]}', "lacks its fullname"),
        ("x.json", '{"benchmarks": [{"fullname": "a", "stats": {}}]}', "lacks its stats"),
        ("x.json", '{"benchmarks": [{"fullname": 3, "stats": {"median": 1}}]}', "lacks its fullname"),
        ("x.json", GOOD_JSON.replace("[1.0]", "[NaN]"), "nan is not a time"),
        ("x.json", GOOD_JSON.replace("[1.0]", "[0.0]"), "0.0 is not a time"),
        ("x.json", GOOD_JSON.replace("[1.0]", '["x"]'), '"x" is not a time'),
        ("x.json", '{"benchmarks": []}', "no cell was measured on both sides"),
        ("x.json", GOOD_JSON, "no cell was measured on both sides"),
        ("records.jsonl", "", "no whole line"),
        ("records.jsonl", '{"kind": "run", "schema": 99}\n', "schema 99"),
        ("records.jsonl", '{"kind": "run", "schema": 1}\n', "line 1: started is missing"),
        ("x.json", '{"kind": "run", "schema": 99}\n', "schema 99"),
    ],
)
def test_broken_input_gets_one_line(two, tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    for pair in ((two[0], path), (path, two[0])):
        with pytest.raises(PerflabError) as refused:
            compared(*pair)
        assert message in str(refused.value)
        assert str(path) in str(refused.value)
        assert "\n" not in str(refused.value)


MISTAKES = {
    "a folder without records": ([".", "."], "records.jsonl"),
    "one side": (["."], "wanted two, BASE and NEW"),
    "no side": ([], "wanted two, BASE and NEW"),
    "three sides by way of the option": (["a", "b", "--fail-if-slower", "5%", "c"], "a: no such file"),
    "a wrong threshold": (["a", "b", "--fail-if-slower", "five"], "'five'"),
    "two outputs on one stream": (["a", "b", "--json", "--markdown", "-"], "wanted a FILE"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_one_line_and_exit_code_2(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words, message = MISTAKES[name]
    assert message in one_line(perflab("compare", *words), 2)


def test_a_record_that_lacks_its_seconds_is_refused(two):
    file = two[0] / "records.jsonl"
    file.write_text(file.read_text().replace('"rounds_s": [', '"rounds_s": [-', 1))
    with pytest.raises(PerflabError, match=r"line 2: rounds_s\[0\] is -0"):
        compared(*two)


def test_a_folder_that_cannot_be_written_is_told(two):
    line = one_line(perflab("compare", *two, "--html", "/dev/null/x.html"), 2)
    assert "/dev/null/x.html: cannot be written" in line


def test_a_torn_last_line_is_told(two):
    with (two[1] / "records.jsonl").open("a") as file:
        file.write('{"kind": "blo')
    assert "NEW: the last line was cut short and is left out" in wording.closing_lines(compared(*two))
