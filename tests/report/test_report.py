"""Reports are pure functions of what was saved, and honest about what was not."""

import csv
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from conftest import one_line, perflab, slow_but

from perflab import evidence, records, report
from perflab.catalog import cases
from perflab.contract import DIRECTIONS, FIRST_RUNGS, Cell
from perflab.records import kinds, typed
from perflab.records.roof import NOT_MEASURED, Ceilings
from perflab.report import contents, contest, method, opening, tables, winners, words
from perflab.report import page as pages
from perflab.report.benchmark_json import benchmark_json
from perflab.report.study import section
from perflab.report.why import why
from perflab.run import presets
from perflab.statistics import Ratio, Scaling

CEILINGS = {
    "measured": [
        {
            "threads": 1,
            "arithmetic": [
                {"dtype": dtype, "chains": {"best": best}, "product": {"best": 0.7 * best}}
                for dtype, best in (("float32", 200.0), ("float64", 100.0))
            ],
            "bandwidth": [
                {"bytes": 24576, "read": {"best": 300.0}, "triad": {"best": 400.0}},
                {"bytes": 2**28, "read": {"best": 16.0}, "triad": {"best": 15.0}},
            ],
        }
    ]
}


@pytest.fixture
def summary(small_run):
    return replace(report.summarise(records.read(small_run)), ceilings=typed.read(Ceilings, CEILINGS))


def copied(small_run, tmp_path, change=lambda lines: lines):
    """A copy of the small run whose record lines were changed."""
    folder = tmp_path / "copy"
    folder.mkdir()
    shutil.copy(small_run / "environment.json", folder)
    lines = [json.loads(line) for line in (small_run / "records.jsonl").read_text().splitlines()]
    changed = change(lines)
    (folder / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in changed))
    return folder


FAILURE = {
    "kind": "failure",
    "operation": "max_pool2d",
    "case": "tiny",
    "dtype": "float32",
    "threads": 1,
    "technique": "jit",
    "process": 1,
    "reason": "wrong",
}


class Page(HTMLParser):
    """What a page asks for, the text it shows, its ids and the elements that stay open."""

    VOID = frozenset({"meta", "link", "br", "img", "hr", "input", "path", "use", "rect", "wbr"})

    def __init__(self, text):
        super().__init__()
        self.asked, self.ids, self.open, self.text, self.tags = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        held = dict(attrs)
        self.tags.append(tag)
        self.asked += [held[name] for name in ("src", "href", "xlink:href") if held.get(name)]
        if "id" in held:
            self.ids.append(held["id"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_opens_from_disk_and_asks_nothing_of_a_network(small_run):
    text = (small_run / "report.html").read_text()
    page = Page(text)
    assert page.open == []
    outside = [link for link in page.asked if not link.startswith(("#", "data:,"))]
    assert {"records.jsonl", "benchmark.json", "report.md", "tables/cells.csv"} <= set(outside)
    for link in outside:
        assert (small_run / link).is_file()
    assert not re.search(r"url\((?!#)|@import|\bsrc=|https?://(?!www\.w3\.org/)", text)
    assert "default-src 'none'" in text
    assert page.tags.count("script") == 3
    assert len(page.ids) == len(set(page.ids)), "ids of inlined figures do not meet"
    targets = {link[1:] for link in page.asked if link.startswith("#")}
    assert targets <= set(page.ids)


def test_every_cell_figure_and_table_has_an_anchor_that_stays(small_run, summary):
    page = Page((small_run / "report.html").read_text())
    assert {pages.anchor(cell) for cell in summary.figures} <= set(page.ids)
    assert "cell-max_pool2d-jit-tiny-float32-backward-t1" in page.ids
    drawn = {f"figure-{path.stem}" for path in (small_run / "figures").glob("*.svg")}
    assert drawn == {held for held in page.ids if held.startswith("figure-")}
    tables = {f"table-{path.stem}" for path in (small_run / "tables").glob("*.csv")}
    assert tables == {held for held in page.ids if held.startswith("table-")}


def numbers_of(text):
    """The whole numbers that `page.digits` wrote."""
    for group in re.findall(r"[g-z0-9+/]*[A-Za-f]", text):
        yield sum(pages.ALPHABET.index(digit) % 32 * 32**place for place, digit in enumerate(group))


def test_numbers_survive_their_digits():
    for number in (*range(70), 1023, 1024, 1025, 32**3 - 1, 10**9):
        assert list(numbers_of(pages.digits(number) + pages.digits(7))) == [number, 7]


def test_the_embedded_data_holds_every_ratio_as_the_summary_has_it(summary):
    grid = pages.Grid(summary)
    held = pages.data(grid)
    assert json.loads(str(pages.embedded(grid))) == json.loads(json.dumps(held))
    assert "<" not in str(pages.embedded(grid))
    for row, (cell, figure) in zip(held["cells"], summary.figures.items(), strict=True):
        told = dict(zip(held["fields"], row, strict=True))
        assert held["names"]["technique"][told["technique"]] == cell.technique
        assert told["time"] == words.time(figure)
        turns = told["samples"].split(",")
        assert len(turns) == figure.blocks
        samples = [number for turn in turns for number in numbers_of(turn)]
        assert len(samples) == figure.samples
        assert min(samples) == 0, "beyond the fastest"
        fastest = min(r for b in summary.run.of_kind(kinds.Timed) if b.cell == cell for r in b.rounds_s)
        slowest = max(r for b in summary.run.of_kind(kinds.Timed) if b.cell == cell for r in b.rounds_s)
        assert max(samples) == pytest.approx(held["steps"] * (slowest / fastest - 1), abs=1)
        contenders = held["contenders"][cell.operation][cell.case]
        for baseline, ratio in zip(contenders, told["ratios"].split("|"), strict=True):
            known = summary.ratio(replace(cell, technique=baseline), cell)
            verdict = list(pages.MARKS).index(known.verdict) if known else ""
            wanted = f"{words.interval(known).removeprefix('×')}{verdict}" if known else ""
            assert ratio == ("" if baseline == cell.technique else wanted)


def test_every_table_is_there_as_csv_and_markdown(small_run, summary):
    folder = small_run / "tables"
    assert {path.stem for path in folder.glob("*.csv")} == {path.stem for path in folder.glob("*.md")}
    with (folder / "cells.csv").open(newline="") as file:
        rows = {row["cell"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(summary.figures)
    for cell, figure in summary.figures.items():
        row = rows[pages.anchor(cell)]
        assert float(row["median_s"]) == figure.median_s
        assert (row["technique"], row["state"]) == (cell.technique, "measured")
        assert row["verdict"] == (figure.speedup.verdict if figure.speedup else "")
    name = "times-max_pool2d-float32-forward-t1"
    table = tables.times_table(summary, "max_pool2d", "float32", "forward", 1).turned("technique")
    with (folder / f"{name}.csv").open(newline="") as file:
        assert [tuple(row) for row in csv.reader(file)] == [table.head, *table.rows]
    markdown = (folder / f"{name}.md").read_text()
    assert words.markdown(table) in markdown
    assert words.markdown(table) in (small_run / "report.md").read_text()


def test_commands_name_the_folder_of_a_users_own_operation_as_it_was_saved(small_run):
    run = records.read(small_run)
    own = replace(run, plan=replace(run.plan, own={"max_pool2d": "/home/me/my ops/max_pool2d"}))
    theirs, mine = section.sections(report.summarise(own))
    assert theirs.target == "fully_connected"
    assert mine.target == "'/home/me/my ops/max_pool2d'"
    (first, *others) = mine.rungs
    assert first.exercise == ""
    assert {rung.exercise for rung in others} == {
        f"perflab climb '/home/me/my ops/max_pool2d'/{rung.technique}" for rung in others
    }


def test_an_earlier_report_leaves_no_tables_and_figures_behind(small_run, tmp_path):
    run = records.read(copied(small_run, tmp_path))
    report.write(run, report.summarise(run))
    for stale in ("tables/old.csv", "figures/old.svg"):
        (run.folder / stale).write_text("")
    told = []
    report.write(run, report.summarise(run), lambda *step: told.append(step))
    assert not list(run.folder.rglob("old.*"))
    assert [done for done, _, _ in told] == list(range(told[0][1]))


def test_the_same_records_make_the_same_report(small_run, tmp_path):
    made = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        copy = copied(small_run, folder)
        run = records.read(copy)
        report.write(run, report.summarise(run))
        made.append(
            {p.name: p.read_bytes() for p in copy.rglob("*") if p.suffix in (".html", ".md", ".svg", ".json")}
        )
    assert made[0] == made[1]


def test_ratios_are_medians_of_pairs_within_passes(summary):
    held = {}
    for r in summary.run.of_kind(kinds.Timed):
        rounds = sorted(r.rounds_s)
        middle = rounds[len(rounds) // 2] if len(rounds) % 2 else sum(rounds[len(rounds) // 2 - 1 :][:2]) / 2
        held[r.contender.operation, r.contender.technique, r.direction, *r.turn] = middle
    cell = Cell("fully_connected", "tiny", "float32", 1, "forward", "jit")
    ratios = sorted(
        held["fully_connected", "naive", "forward", process, pass_]
        / held["fully_connected", "jit", "forward", process, pass_]
        for process in range(2)
        for pass_ in range(3)
    )
    speedup = summary.figures[cell].speedup
    assert speedup.pairs == 6
    assert speedup.value == pytest.approx((ratios[2] + ratios[3]) / 2)
    assert (speedup.low, speedup.high) == pytest.approx((ratios[0], ratios[-1]))


def test_pytest_benchmark_reads_the_run_as_its_own(small_run, tmp_path):
    import subprocess
    import sys

    file = small_run / "benchmark.json"
    held = json.loads(file.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert "UNSERIALIZABLE" not in file.read_text()
    assert len(held["benchmarks"]) == 2 * 4 * 2
    done = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", str(file), "--columns=min,median"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "fully_connected/jit/tiny/float32/forward/t1" in done.stdout


def test_text_from_records_stays_text(small_run, tmp_path):
    evil = "<script>alert(1)</script>|`x`"

    def change(lines):
        for line in lines:
            if line["kind"] == "run":
                line["operations"]["max_pool2d"]["title"] = evil
        return [*lines, FAILURE | {"reason": evil}]

    run = records.read(copied(small_run, tmp_path, change))
    page = Page(report.write(run, report.summarise(run)).read_text())
    assert page.tags.count("script") == 3, "the page's own"
    assert evil in "".join(page.text)
    markdown = (run.folder / "report.md").read_text()
    assert words.markdown_text(evil) in markdown
    assert evil not in markdown


def test_blocks_of_a_contender_found_wrong_later_are_not_shown(small_run, tmp_path):
    summary = report.summarise(records.read(copied(small_run, tmp_path, lambda lines: [*lines, FAILURE])))
    assert not [c for c in summary.figures if (c.operation, c.technique) == ("max_pool2d", "jit")]
    assert [f.reason for f in summary.findings] == ["wrong"]


def test_inputs_that_changed_under_way_void_that_process_for_everyone(small_run, tmp_path):
    changed = FAILURE | {"technique": "", "reason": "the inputs changed"}
    summary = report.summarise(records.read(copied(small_run, tmp_path, lambda lines: [*lines, changed])))
    assert {f.blocks for f in summary.of(operation="max_pool2d")} == {3}
    assert {f.blocks for f in summary.of(operation="fully_connected")} == {6}


@pytest.mark.parametrize("kept", [1, 2, 6, 30])
def test_an_interrupted_run_gives_an_honest_report(kept, small_run, tmp_path):
    folder = copied(small_run, tmp_path, lambda lines: lines[:kept])
    done = perflab("report", folder)
    assert done.returncode == 0, done.stderr
    assert "still to be measured" in done.stdout
    text = (folder / "report.html").read_text()
    summary = report.summarise(records.read(folder))
    measured = len(summary.figures)
    assert f"{measured} of 16 cells measured, {16 - measured} still to be measured" in text
    assert Page(text).open == []
    taken = sum(figure.blocks for figure in summary.figures.values())
    told = f"{6 * measured - taken} further turns of measured cells still to be measured"
    assert (told in text) == (measured > 0)
    assert f"not finished: {measured} of 16" in (folder / "report.md").read_text()


def test_a_run_in_which_everything_failed_gives_an_honest_report(small_run, tmp_path):
    def change(lines):
        kept = [line for line in lines if line["kind"] not in ("block", "verdict")]
        for op, name in (
            (o, t)
            for o in ("fully_connected", "max_pool2d")
            for t in ("naive", "per_neuron", "vectorized", "jit")
        ):
            kept.append(FAILURE | {"operation": op, "technique": name})
        return kept

    folder = copied(small_run, tmp_path, change)
    done = perflab("report", folder)
    assert done.returncode == 1, done.stderr
    assert "not shown: fully_connected/naive" in done.stdout
    page = Page((folder / "report.html").read_text())
    text = "".join(page.text)
    assert "8 contenders gave no valid figure" in text
    assert "0 of 16 cells measured" in text
    assert "still to be measured" not in text, "what failed is done with"
    assert "fully_connected/naive on tiny, float32: wrong" in " ".join(text.split())


def test_what_was_not_compiled_in_time_is_named_with_what_would_reach_it(small_run, tmp_path):
    left = {"max_pool2d/jit/float32": 1.0} | {f"mlp/{name}/float32": 80.0 for name in ("a", "b", "c", "d")}
    line = {"kind": "compiled", "names": ["mlp/a/float32"], "wall_s": 1.0, "left": left, "more_s": 301.0}
    folder = copied(small_run, tmp_path, lambda lines: [*lines, line])
    assert perflab("report", folder).returncode == 0
    told = (
        "not compiled in the time of this run: mlp/b float32 (about 80 s), mlp/c float32 (about 80 s),"
        " mlp/d float32 (about 80 s); perflab run --resume --for 6m would reach them"
    )
    assert told in tables.closing_lines(report.summarise(records.read(folder)))
    assert told[1:] in (folder / "report.html").read_text("utf-8")


def test_a_run_of_one_cell_and_one_that_holds_no_newer_record_give_a_report(small_run, tmp_path):
    def change(lines):
        plan = lines[0]["plan"]
        plan["techniques"] = {"max_pool2d": ["jit"]}
        plan["directions"] = ["forward"]
        mine = {"operation": "max_pool2d", "technique": "jit", "direction": "forward"}
        blocks = [r for r in lines if r["kind"] == "block" and all(r[k] == v for k, v in mine.items())]
        return [lines[0], blocks[0]]

    folder = copied(small_run, tmp_path, change)
    (folder / "environment.json").unlink()
    run = records.read(folder)
    text = report.write(run, report.summarise(run)).read_text()
    page = Page(text)
    assert page.open == []
    shown = "".join(page.text)
    assert "1 of 1 cells measured" in shown
    assert "not checked" in shown
    assert "not recorded" in shown
    assert "No implementation was verified, so no time is shown." in shown


def test_without_the_baseline_there_is_no_ratio_and_no_error(small_run, tmp_path):
    def change(lines):
        lines[0]["plan"]["techniques"] = {op: ["vectorized", "jit"] for op in lines[0]["plan"]["techniques"]}
        return [line for line in lines if line.get("technique") not in ("naive", "per_neuron")]

    run = records.read(copied(small_run, tmp_path, change))
    summary = report.summarise(run)
    assert all(figure.speedup is None for figure in summary.figures.values())
    assert report.write(run, summary).is_file()


def test_of_what_nothing_is_known_there_is_no_table(small_run, tmp_path):
    folder = copied(small_run, tmp_path, lambda lines: [x for x in lines if x.get("direction") != "backward"])
    parts = contents.gather(report.summarise(records.read(folder)))["parts"]
    names = [named.name for part in parts for named in part.times]
    assert names == [f"times-{op}-float32-forward-t1" for op in ("fully_connected", "max_pool2d")]


def test_the_method_says_for_how_long_and_how_often_was_measured(small_run, tmp_path):
    once = method.measured(report.summarise(records.read(small_run)))
    assert once.startswith("2 new processes with 3 passes in each; in a pass the contenders of a case")
    plan = presets.make({"mlp": FIRST_RUNGS}, "quick", for_s=100.0)
    described = {op: typed.read(kinds.Operation, each) for op, each in cases.describe(plan).items()}
    run = records.Run(tmp_path, plan, described, {}, 0.0, (kinds.Granted(50.0), kinds.Process(0, 1, 9.0)))
    summary = report.summarise(run)
    assert not opening.is_spent(summary), "it was interrupted"
    assert opening.is_spent(replace(summary, run=replace(run, records=(kinds.Process(0, 1, 90.0),))))
    told = method.measured(summary)
    assert "The time of the run was 150 s, compilation, evidence and report included. 1 new process " in told
    assert f"more than {1.5 * plan.budget_s:.1f} s in all was predicted and not run" in told
    assert method.ON_RATIOS in told


def test_the_same_run_is_shown_over_another_baseline(small_run, tmp_path):
    folder = copied(small_run, tmp_path)
    done = perflab("report", folder, "--baseline", "jit")
    assert done.returncode == 0, done.stderr
    assert "1 thread, × over jit" in done.stdout
    summary = report.summarise(records.read(folder), "jit")
    cell = Cell("max_pool2d", "tiny", "float32", 1, "backward", "vectorized")
    held = summary.ratio(replace(cell, technique="jit"), cell)
    assert summary.shown(summary.figures[cell]) == held
    lines = done.stdout.partition("Max-pool")[2].splitlines()
    (row,) = [line.split() for line in lines if line.startswith("vectorized")]
    assert row[-1] == words.ratio(held)
    assert '<span id="grid-baseline">jit</span>' in (folder / "report.html").read_text()
    winner = next(w for w in winners.winners(summary) if w.operation == "max_pool2d")
    assert [gain.over for gain in winner.gains] == ["naive", "jit"]
    assert records.read(folder).plan.baseline == "naive", "the run is what it was"


def test_a_baseline_that_was_not_measured_gets_one_line(small_run, tmp_path):
    def change(lines):
        return [line for line in lines if line["kind"] != "block" or line["technique"] != "jit"]

    folder = copied(small_run, tmp_path, change)
    line = one_line(perflab("report", folder, "--baseline", "jit"), 2)
    assert "jit: not measured in this run" in line
    assert line.endswith("wanted one of naive, per_neuron, vectorized")
    line = one_line(perflab("report", folder, "--baseline", "vectorised"), 2)
    assert "vectorised: unknown baseline; did you mean vectorized?" in line
    assert not (folder / "report.html").exists()


def test_strict_json_everywhere(small_run):
    for name in ("environment.json", "benchmark.json"):
        json.loads((small_run / name).read_text(), parse_constant=lambda constant: pytest.fail(constant))
    for line in (small_run / "records.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda constant: pytest.fail(constant))


def test_figures_in_words():
    assert words.ratio(Ratio(123.4, 123.1, 123.6, 6)) == "×123"
    assert words.interval(Ratio(123.4, 100.0, 150.0, 6)) == "×120 [100, 150]"
    assert words.interval(Ratio(2.0, None, None, 3)) == "×2.0 (not enough: 3 pairs)"
    assert words.interval(None) == "–"
    assert words.exponent(Scaling(0.5, None, None, 2)) == "0.50 (2 sizes)"
    assert words.exponent(None) == "–"
    assert words.plain({"simd": ["avx2", "fma"], "limit": None}) == "simd avx2, fma, limit –"


FLOPS = {"tiny": 10**4, "digits": 7 * 10**4, "small": 10**5, "medium": 10**6, "large": 10**7}
LAWS = {
    "naive": lambda flops: 2e-6 * flops,
    "per_neuron": lambda flops: 1e-6 * flops,
    "vectorized": lambda flops: 1e-5 * flops**0.5,
    "jit": lambda flops: 2e-8 * flops,
}


def by_law(small_run, tmp_path, laws=LAWS, pairs=6, noise=0.001, compile_s=1.0):
    """A run of fully_connected whose times follow laws; `large` is predicted for naive, digits are slow."""

    def change(lines):
        header, cell = lines[0], {"operation": "fully_connected", "dtype": "float32", "threads": 1}
        plan, described = header["plan"], header["operations"]["fully_connected"]
        plan |= {"techniques": {"fully_connected": list(laws)}, "cases": {"fully_connected": list(FLOPS)}}
        plan["directions"] = DIRECTIONS
        header["operations"] = {"fully_connected": described}
        tiny = described["cases"]["tiny"]
        described["cases"] = {
            case: tiny
            | {"inputs": "digits" if case == "digits" else "normal"}
            | {"costs": {"float32": {way: {"flops": flops, "bytes": flops} for way in DIRECTIONS}}}
            for case, flops in FLOPS.items()
        }
        made = [header]
        for technique, law in laws.items():
            for case, flops in FLOPS.items():
                mine = cell | {"case": case, "technique": technique}
                took = law(flops) * (100 if case == "digits" else 1)
                if (technique, case) == ("naive", "large"):
                    seconds = dict.fromkeys(DIRECTIONS, 1e6 * took)
                    made.append({"kind": "prediction", **mine, "seconds": seconds, "basis": "", "process": 0})
                    continue
                made.append(
                    next(r for r in lines if r["kind"] == "verdict" and r["technique"] == "jit")
                    | mine
                    | {"cold_compile_s": compile_s if technique == "jit" else None, "load_s": 0.0}
                )
                block = next(r for r in lines if r["kind"] == "block") | mine
                made += [
                    block
                    | {"direction": direction, "process": turn // 3, "pass": turn % 3}
                    | {"rounds_s": [took * (1 + noise * (turn - 2.5) * (-1) ** len(technique))]}
                    for direction in DIRECTIONS
                    for turn in range(pairs)
                ]
        return made

    return records.read(copied(small_run, tmp_path, change))


def test_growth_is_the_exponent_over_measured_drawn_cases(small_run, tmp_path):
    summary = report.summarise(by_law(small_run, tmp_path))
    found = {g.technique: g.scaling for g in summary.growths if g.direction == "forward"}
    assert {name: round(fitted.exponent, 6) for name, fitted in found.items()} == {
        "naive": 1.0, "per_neuron": 1.0, "vectorized": 0.5, "jit": 1.0,
    }  # fmt: skip
    assert {name: fitted.points for name, fitted in found.items()} == {
        "naive": 3, "per_neuron": 4, "vectorized": 4, "jit": 4,
    }  # fmt: skip
    table = tables.growth_table(summary, "fully_connected")
    assert dict(zip(table.head, table.rows[2], strict=True)) == {
        "technique": "vectorized", "dtype": "float32", "threads": "1", "forward": "0.50 [0.50, 0.50]",
        "backward": "0.50 [0.50, 0.50]", "step": "0.50 [0.50, 0.50]", "sizes": "4",
    }  # fmt: skip


def test_a_time_without_an_interval_has_none_in_the_embedded_data(small_run, tmp_path):
    summary = report.summarise(by_law(small_run, tmp_path, pairs=3))
    held = pages.data(pages.Grid(summary))
    told = [dict(zip(held["fields"], row, strict=True)) for row in held["cells"]]
    assert {figure.predicted for figure in summary.figures.values()} == {True, False}
    for row, figure in zip(told, summary.figures.values(), strict=True):
        assert figure.low_s is None
        assert (row["low"], row["high"]) == (0, 0)
        assert (row["samples"] == "") == figure.predicted


def test_crossovers_lie_where_the_laws_cross(small_run, tmp_path):
    run = by_law(small_run, tmp_path)
    summary = report.summarise(run)
    found = [c for c in summary.crossovers if c.direction == "step"]
    assert [(c.technique, c.overtaken, c.below, c.above) for c in found] == [
        ("vectorized", "jit", "small", "medium")
    ]
    assert found[0].flops == pytest.approx((1e-5 / 2e-8) ** 2, rel=0.02)
    page = report.write(run, summary).read_text()
    for text in (page, (run.folder / "report.md").read_text()):
        assert "vectorized overtakes jit" in text
        assert "2.5·10⁵ operations" in text
        assert "small and medium" in text
        assert "How time grows" in text


def test_two_that_cannot_be_told_apart_do_not_cross(small_run, tmp_path):
    laws = LAWS | {"jit": lambda flops: 1e-5 * flops**0.5 * (0.999 if flops < 10**5 else 1.001)}
    summary = report.summarise(by_law(small_run, tmp_path, laws))
    assert not summary.crossovers
    assert tables.crossover_table(summary, "fully_connected") is None
    assert "overtakes another within" in tables.no_crossover(summary, "fully_connected")


def test_too_few_pairs_say_nothing_of_crossovers_or_of_paying_for_itself(small_run, tmp_path):
    run = by_law(small_run, tmp_path, pairs=5)
    summary = report.summarise(run)
    assert not summary.crossovers
    assert tables.no_crossover(summary, "fully_connected").startswith("Too little")
    assert tables.compile_table(summary).rows[0][-1] == "unclear on large: not enough"
    assert "Too little was measured" in report.write(run, summary).read_text()


def test_a_compilation_pays_for_itself_in_calls_of_the_largest_common_case(small_run, tmp_path):
    summary = report.summarise(by_law(small_run, tmp_path, compile_s=7.0))
    against = {p.against: p for c in summary.compilations for p in c.paybacks}
    assert (against["naive"].case, against["naive"].calls) == ("medium", 4)  # 7 s / (2 s - 0.02 s)
    assert (against["vectorized"].case, against["vectorized"].calls) == ("large", None)
    assert tables.compile_table(summary).rows[0][-2:] == ("4 calls on medium", "never on large: not faster")
    assert tables.calls(None) == "–"
    faster = against["naive"]
    assert tables.calls(replace(faster, calls=1)) == "1 call on medium"
    assert tables.calls(replace(faster, calls=12345)) == "12000 calls on medium"


@pytest.mark.parametrize("state", slow_but({"unfit", "fit"}, ["fit", "noisy", "unfit", "unknown"]))
def test_what_the_self_check_said_is_told_and_an_unfit_machine_gives_no_verdict(state, small_run, tmp_path):
    fitness = kinds.Fitness(state, ("<b>steal</b>",), false_alarms=1, contests=40)
    run = by_law(small_run, tmp_path)
    run = replace(run, records=(fitness, *run.records))
    summary = report.summarise(run)
    ratios = [figure.speedup.verdict for figure in summary.figures.values() if figure.speedup]
    assert (set(ratios) == {"UNMEASURABLE"}) == (state == "unfit")
    assert bool(summary.crossovers) == (state != "unfit")
    assert any("the machine was" in line for line in tables.closing_lines(summary)) == (
        state in ("noisy", "unfit")
    )
    assert report.to_json(summary)["fit"] == (state != "unfit")
    text = "".join(Page(report.write(run, summary).read_text()).text)
    assert ("flagged 1 times in 40" if state == "fit" else "<b>steal</b>") in text
    if state == "unfit":
        assert tables.compile_table(summary).rows[0][-1] == "unclear on large: UNMEASURABLE"
        assert "unfit" in tables.no_crossover(summary, "fully_connected")


def test_what_follows_from_the_figures_is_in_the_json(small_run, tmp_path):
    held = json.loads(
        json.dumps(report.to_json(report.summarise(by_law(small_run, tmp_path))), allow_nan=False)
    )
    assert {g["technique"]: g["scaling"]["points"] for g in held["growths"]}["vectorized"] == 4
    assert {(c["technique"], c["overtaken"]) for c in held["crossovers"]} == {("vectorized", "jit")}
    paid = {p["against"]: p for p in held["compilations"][0]["paybacks"]}
    assert (paid["naive"]["calls"], paid["naive"]["ratio"]["verdict"]) == (1, "FASTER")
    assert (paid["vectorized"]["calls"], paid["vectorized"]["ratio"]["verdict"]) == (None, "SLOWER")


def test_figures_of_pytest_benchmark_are_its_own(summary):
    from pytest_benchmark.stats import Stats

    for held in benchmark_json(summary)["benchmarks"]:
        theirs = Stats()
        theirs.data = held["stats"]["data"]
        wanted = theirs.as_dict()
        assert wanted.pop("outliers") == held["stats"]["outliers"]
        assert {name: held["stats"][name] for name in wanted} == pytest.approx(wanted, rel=1e-12)


def test_the_json_of_a_summary_holds_every_cell(summary):
    held = report.to_json(summary)
    assert len(held["figures"]) == 16
    assert {f["technique"] for f in held["figures"]} == {"naive", "per_neuron", "vectorized", "jit"}
    assert benchmark_json(summary)["benchmarks"]


def test_the_share_of_the_roof_is_the_bound_over_the_time(summary):
    figure = summary.figures[Cell("fully_connected", "tiny", "float32", 1, "forward", "vectorized")]
    limit = summary.roof(figure)
    assert limit.seconds == max(limit.arithmetic_s, limit.memory_s)
    assert limit.arithmetic_s == pytest.approx(figure.flops / 200e9)
    share, limb = tables.roof_words(summary, figure)
    assert (share, limb) == (f"{limit.seconds / figure.median_s:.0%}", limit.limb)
    assert tables.roof_words(replace(summary, ceilings=NOT_MEASURED), figure) == ("–", "–")
    table = tables.best_table(summary)
    assert [row[0] for row in table.rows] == ["fully_connected"] * 2 + ["max_pool2d"] * 2
    for row in table.rows:
        cells = list(summary.of(operation=row[0], case=row[1], dtype=row[2], direction=row[3]))
        assert row[5] == min(cells, key=lambda f: f.median_s).cell.technique


def test_the_contest_takes_the_fastest_on_either_side(small_run, tmp_path):
    def change(lines):
        lines[0]["plan"]["homes"] = {"per_neuron": "torch", "naive": "jax"}  # as if they were peers' columns
        return lines

    summary = report.summarise(records.read(copied(small_run, tmp_path, change)))
    met = contest.meetings(summary)
    assert {(m.cell.operation, m.cell.direction) for m in met} == {
        (op, way) for op in ("fully_connected", "max_pool2d") for way in ("forward", "backward")
    }
    for m in met:
        assert m.peer.cell.technique == "per_neuron", "naive is slower"
        assert m.rung.cell.technique in ("vectorized", "jit")
        assert m.ratio.pairs == 6
    assert contest.geometric_mean(met) == pytest.approx(np.exp(np.mean([np.log(m.ratio.value) for m in met])))
    assert contest.lost(met) == [m for m in met if m.ratio.value < 1]
    table = tables.contest_table(summary)
    assert len(table.rows) == len(met)
    text = report.write(summary.run, summary).read_text()
    assert "The contest" in text
    assert tables.contest_lines(summary)[0].replace("'", "&#39;") in text


def test_what_the_peer_won_is_told_with_both_sides_figures(small_run, tmp_path):
    def change(lines):
        lines[0]["plan"]["homes"] = {"jit": "torch", "vectorized": "torch"}
        return lines

    run = records.read(copied(small_run, tmp_path, change))
    summary = replace(report.summarise(run), ceilings=typed.read(Ceilings, CEILINGS))
    behind = [line for line in tables.contest_lines(summary) if line.startswith("behind: ")]
    assert len(behind) == 4, "per_neuron is slower than both everywhere"
    assert all("GFLOP/s" in line and "per_neuron" in line for line in behind)
    assert all("the limit is " in line and "the rung reaches" in line for line in behind)
    bare = replace(summary, ceilings=NOT_MEASURED)
    line = next(line for line in tables.contest_lines(bare) if line.startswith("behind"))
    assert line.endswith("no reason is given without the machine's ceilings")


def test_without_peers_there_is_no_contest(summary):
    assert tables.contest_table(summary) is None
    assert tables.contest_lines(summary) == []


def test_evidence_is_shown_and_explained(small_run, tmp_path):
    def change(lines):
        for technique in FIRST_RUNGS:
            held = evidence.gather("fully_connected", technique, "tiny", "float32")
            lines.append({"kind": "evidence", **held.plain()})
        return lines

    summary = report.summarise(records.read(copied(small_run, tmp_path, change)))
    table = why.evidence_table(summary, "fully_connected", "float32")
    assert [row[:2] for row in table.rows] == [
        (technique, way) for technique in FIRST_RUNGS for way in ("forward", "backward")
    ]
    assert why.evidence_table(summary, "max_pool2d", "float32") is None
    told = why.reasons_of(summary, "fully_connected", "float32", "forward")
    assert len(told) == 3
    assert told[0].startswith("On tiny, per_neuron is ")
    assert "interpreted" in told[0]
    text = report.write(summary.run, summary).read_text()
    assert "The rungs on tiny" in text
    shown = " ".join("".join(Page(text).text).split())
    assert told[0].removeprefix("On tiny, ").partition(",")[0] in shown
    assert "Why, rung by rung" in (summary.run.folder / "report.md").read_text()


def test_a_case_that_the_memory_cannot_hold_is_not_run_and_not_missing(small_run, tmp_path):
    def change(lines):
        gone = {"operation": "fully_connected", "case": "tiny", "dtype": "float32", "technique": "jit"}
        kept = [
            line
            for line in lines
            if line["kind"] not in ("block", "verdict") or any(line[k] != v for k, v in gone.items())
        ]
        told = "it needs about 83.8 GiB of memory"
        return [
            *kept,
            {"kind": "prediction", **gone, "threads": 1, "process": 0, "seconds": {}, "basis": told},
        ]

    summary = report.summarise(records.read(copied(small_run, tmp_path, change)))
    assert summary.outstanding == 0
    assert not list(summary.of(operation="fully_connected", technique="jit"))
