"""A contest on drawn shapes: its groups, the cells that are behind, the worst with reasons, on every page."""

import importlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from conftest import perflab
from test_report import CEILINGS

from perflab import records, report
from perflab.catalog import cases
from perflab.catalog.find import operation
from perflab.catalog.sizes import own_case
from perflab.contract import DTYPES
from perflab.records import Plan, typed
from perflab.records.drawn import Drawn
from perflab.records.roof import Ceilings
from perflab.report import contest, drawn, tables
from perflab.run import presets

picture = importlib.import_module("perflab.report.figures.peers")
SHAPES = {
    "conv2d": [
        {"N": 1, "C": 8, "H": 14, "W": 14, "F": 16, "HH": 3, "WW": 3, "stride": 1, "pad": 1},
        {"N": 2, "C": 8, "H": 14, "W": 14, "F": 16, "HH": 1, "WW": 1, "stride": 1, "pad": 0},
        {"N": 1, "C": 3, "H": 15, "W": 15, "F": 16, "HH": 3, "WW": 3, "stride": 2, "pad": 1},
    ],
    "max_pool2d": [{"N": 2, "C": 5, "H": 12, "W": 12, "size": 3, "stride": 2}],
}
HOMES = {"torch": "torch", "torch_channels_last": "torch"}
SPREAD = (0.99, 0.995, 0.998, 1.0, 1.004, 1.01)  # six turns: the same for every technique


def saved(folder, seconds, techniques=("implicit", "simd"), threads=(1,), lacking=()):
    """A saved run whose times are `seconds(technique, case, dtype, direction)`."""
    sized = {op: tuple(own_case(operation(op), size) for size in sizes) for op, sizes in SHAPES.items()}
    plan = presets.make(
        dict.fromkeys(SHAPES, (*techniques, *HOMES)), "peers", sized=sized, homes=HOMES, threads=threads
    )
    origins = {op: {case.name: f"about {op}" for case in some} for op, some in sized.items()}
    plan = replace(plan, drawn=Drawn(4, "a seed", origins, ("AlexNet's conv2 (two groups)",)))
    records.begin(folder, plan, cases.describe(plan), {"cpu": "A processor", "cores_allowed": 2})
    right = {"process": 0, "status": "right", "where": "out[0]", "share": 0.25, "precision": "float64"}
    for cell in plan.cells():
        if cell.technique in lacking:
            continue
        who = {
            "operation": cell.operation, "case": cell.case, "dtype": cell.dtype, "threads": cell.threads,
            "technique": cell.technique,
        }  # fmt: skip
        took = seconds(cell.technique, cell.case, cell.dtype, cell.direction)
        records.save(folder, "verdict", [who | right])
        records.save(folder, "block", [
            who | {"direction": cell.direction, "process": at // 2, "pass": at % 2, "iterations": 1,
                   "after": "same bits", "rounds_s": [took * factor]}
            for at, factor in enumerate(SPREAD)
        ])  # fmt: skip
    return folder


def times(technique, case, dtype, direction):
    """Behind on the 1×1 convolution, forward and thus in a step; else twice as fast as the best peer."""
    base = 2e-3 if direction == "step" else 1e-3
    peer = base * (1.5 if technique == "torch" else 1.0)
    if technique in HOMES:
        return peer
    slow = "HH1" in case and dtype == "float32" and direction in ("forward", "step")
    return base * (1.25 if slow else 0.5) * (1.1 if technique == "simd" else 1)


def summary_of(folder):
    return replace(report.summarise(records.read(folder)), ceilings=typed.read(Ceilings, CEILINGS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("drawn") / "run", times)


@pytest.fixture(scope="module")
def summary(folder):
    return summary_of(folder)


def test_each_group_has_its_mean_and_its_cells_behind(summary):
    found = {(each.name, each.dtypes): each for each in drawn.groups(summary)}
    assert list(found) == [
        ("conv2d, 3×3 stride 1", ("float32",)), ("conv2d, others", ("float32",)), ("conv2d", ("float64",)),
        ("max_pool2d", ("float32",)), ("max_pool2d", ("float64",)), ("max_pool2d", DTYPES),
    ]  # fmt: skip
    assert [len(each.cells) for each in found.values()] == [3, 6, 9, 3, 3, 6]
    others = found["conv2d, others", ("float32",)]
    assert others.mean == pytest.approx(np.exp((2 * np.log(0.8) + 4 * np.log(2)) / 6))
    assert (others.behind, others.surely) == (2, 2)
    assert others.least.ratio.value == pytest.approx(0.8)
    assert sum(each.behind for each in found.values()) == 2
    assert found["max_pool2d", DTYPES].mean == pytest.approx(2)


def test_the_table_and_the_sentences_say_what_the_groups_do(summary):
    table = drawn.group_table(summary)
    row = dict(zip(table.head, table.rows[1], strict=True))
    assert row["group"] == "conv2d, others"
    assert row["rung"] == "best"
    assert (row["cells"], row["under 0.97"], row["surely"]) == ("6", "2 (33%)", "2")
    first, second, last = drawn.lines(summary)
    assert "24 cells; 2 (8%) are under 0.97, 2 of them surely" in first
    assert "4 shapes drawn from the seed a seed" in second
    assert "AlexNet's conv2 (two groups)" in second
    assert last.endswith("perflab run conv2d max_pool2d --draw 4 --seed 'a seed'")
    assert [*tables.terminal_tables(summary)] == [table, drawn.worst_table(summary)]


def test_the_worst_cells_have_reasons_from_the_figures(summary):
    table = drawn.worst_table(summary)
    assert len(table.rows) == 2, "in all others the rung leads"
    forward, step = sorted(table.rows, key=lambda row: "step" in row[1])
    assert forward[0].startswith("×0.8")
    assert "N=2 C=8 H=14 W=14 F=16 HH=1 WW=1 stride=1 pad=0 float32 forward; about conv2d" in forward[1]
    assert "implicit 1.2 ms, torch_channels_last 1.0 ms" in forward[2]
    assert "ahead of torch, ×1.2" in forward[2], "the other layout"
    assert re.search(r"the limit is \w+: the rung reaches \d+% of the roof, the peer \d+%", forward[2])
    assert "forward ×0.8" in step[2]
    assert "backward ×2.0" in step[2]


def test_an_interval_that_holds_the_threshold_is_not_sure(tmp_path):
    def near(technique, case, dtype, direction):
        return 1e-3 if technique in HOMES else 1e-3 / 0.965

    (*_, group) = drawn.groups(wide := summary_of(saved(tmp_path / "near", near)))
    assert group.behind == group.surely == 6
    turns = {cell: {turn: s * (1.02 if turn[1] else 0.98) if cell.technique == "simd" else s
                    for turn, s in some.items()} for cell, some in wide.turns.items()}  # fmt: skip
    unsure = replace(wide, turns=turns)
    met = [m for m in contest.meetings(unsure) if m.rung.cell.technique == "simd"]
    assert all(m.ratio.high > drawn.BEHIND for m in met)


def test_auto_is_the_rung_where_there_is_one_also_where_another_is_faster(tmp_path):
    def slower(technique, case, dtype, direction):
        return times(technique, case, dtype, direction) * (3 if technique == "auto" else 1)

    summary = summary_of(saved(tmp_path / "auto", slower, ("simd", "auto")))
    assert {m.rung.cell.technique for m in contest.meetings(summary)} == {"auto"}
    table = drawn.worst_table(summary)
    assert len(table.rows) == 10
    assert table.title == "Where the peer leads most: 10 cells"
    assert all(re.search(r"simd is ×2\.[0-9]+ as fast as auto here", row[2]) for row in table.rows)
    assert {row[2] for row in drawn.group_table(summary).rows} == {"auto"}
    assert tables.contest_table(summary).title == "The contest: auto against the best peer"
    assert picture.peers(summary, "float32", 1).title.startswith("Auto against the best peer")


def test_a_contest_of_very_many_shapes_has_tables_and_no_picture(summary, monkeypatch):
    assert picture.peers(summary, "float32", 1) is not None
    monkeypatch.setattr(picture, "MOST_CASES", 3)
    assert picture.peers(summary, "float32", 1) is None


def test_a_cell_without_a_figure_of_both_sides_is_counted(tmp_path):
    summary = summary_of(saved(tmp_path / "half", times, lacking=("simd", "implicit")))
    assert drawn.group_table(summary) is None
    assert drawn.worst_table(summary) is None
    assert drawn.lines(summary)[0] == "24 cells are not compared: there is no figure of both sides"
    assert [*tables.terminal_tables(summary)] == []


def test_several_threads_have_groups_of_their_own(tmp_path):
    summary = summary_of(saved(tmp_path / "two", times, threads=(1, 2)))
    table = drawn.group_table(summary)
    assert table.head[2] == "threads"
    assert len(table.rows) == 12


def test_terminal_page_markdown_and_json_have_it(folder):
    done = perflab("report", folder, COLUMNS="100")
    assert done.returncode == 0, done.stderr
    assert "The contest on drawn shapes" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    page, text = ((folder / name).read_text("utf-8") for name in ("report.html", "report.md"))
    for wanted in ("Contest on drawn shapes", "Every cell of the contest", "The contest on drawn shapes:"):
        assert wanted in page
    assert "Where the peer leads" in text
    assert (folder / "tables" / "drawn.csv").is_file()
    result = json.loads(perflab("report", folder, "--json").stdout)["drawn"]
    assert (result["count"], result["seed"]) == (4, "a seed")
    assert [each["behind"] for each in result["groups"]] == [0, 2, 0, 0, 0, 0]


def test_a_plan_says_what_was_drawn_and_an_older_one_says_nothing(folder):
    plan = json.loads((folder / "records.jsonl").read_text().splitlines()[0])["plan"]
    assert typed.read(Plan, plan).drawn.origins["max_pool2d"]
    assert typed.read(Plan, {name: value for name, value in plan.items() if name != "drawn"}).drawn is None
    plan["drawn"]["origins"]["conv2d"]["N9"] = "of no case"
    with pytest.raises(typed.Wrong, match=r"drawn\.origins\.conv2d"):
        typed.read(Plan, plan)
