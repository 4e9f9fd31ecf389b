"""A sweep: exponents, crossovers with their intervals, caches, the figures, and names shortened in tables."""

import itertools
import json
import math
import subprocess
import sys
from dataclasses import replace

import pytest
from conftest import ROOT, one_line, perflab
from test_figures import overlaps, words_of
from test_report import CEILINGS

from perflab import records, report
from perflab.catalog import cases
from perflab.catalog.find import operation
from perflab.catalog.sizes import own_cases, sweep_of
from perflab.contract import DIRECTIONS
from perflab.records import typed
from perflab.records.roof import Ceilings
from perflab.report import contents, figures, sweep, tables
from perflab.run import presets

OP = "fully_connected"
CONTEST = (OP, "float32", 1, "step")
CACHES = {"L1": 32768, "L2": 524288, "L3": 33554432}
LAWS = {  # seconds a call at a size of the swept axis
    "naive": lambda size: 1e-4 * size,
    "per_neuron": lambda size: 1e-5 * size,
    "vectorized": lambda size: 3e-5 * size**0.25,
    "jit": lambda size: 1e-6 * size,
}
SPREAD = (0.97, 0.98, 0.99, 1.0, 1.01, 1.02, 1.03)


def saved(folder, words=("M=4:512",), laws=LAWS, sizes=({"N": 64, "D": 64},), predicted=()):
    """A run of a sweep, or of some sizes, whose times follow laws of the product of the swept sizes."""
    sweeps = [*map(sweep_of, words)]
    own = own_cases(operation(OP), sizes, sweeps)
    axes = [each.axis for each in sweeps]
    homes = {name: name for name in laws if name == "torch"}
    plan = presets.make({OP: tuple(laws)}, "sweep", sized={OP: own}, swept=axes, homes=homes)
    environment = {"cpu": "A processor", "caches": CACHES, "cores_allowed": 2}
    records.begin(folder, plan, cases.describe(plan), environment)
    verdict = {"process": 0, "status": "right", "where": "out[0, 0]", "share": 0.25, "precision": "float64"}
    for case, (technique, law) in itertools.product(own, laws.items()):
        size = math.prod(case.sizes[axis] for axis in axes or ("M",))
        who = {"operation": OP, "case": case.name, "dtype": "float32", "threads": 1, "technique": technique}
        if (technique, size) in predicted:
            seconds = dict.fromkeys(DIRECTIONS, law(size))
            records.save(folder, "prediction", [who | {"process": 0, "seconds": seconds, "basis": "tiny"}])
            continue
        records.save(folder, "verdict", [who | verdict])
        turn = {"iterations": 1, "after": "same bits", "process": 0}
        mixed = SPREAD if technique == "jit" else SPREAD[::-1]
        records.save(folder, "block", [
            who | turn | {"direction": way, "pass": at, "rounds_s": [law(size) * factor]}
            for way in DIRECTIONS for at, factor in enumerate(mixed)
        ])  # fmt: skip
    return folder


def summary_of(folder):
    summary = report.summarise(records.read(folder))
    return replace(summary, ceilings=typed.read(Ceilings, CEILINGS))


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweeps") / "line"
    return summary_of(saved(folder, predicted={("naive", 256), ("naive", 512)}))


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    laws = {**LAWS, "jit": lambda size: 2e-9 * size**2}
    folder = tmp_path_factory.mktemp("sweeps") / "grid"
    return summary_of(saved(folder, ("M=4:64", "D=8:64"), laws, ({"N": 64},)))


def test_exponents_are_of_the_swept_size(line):
    fitted = {name: sweep.growth(sweep.line(line, CONTEST, name)) for name in LAWS}
    assert fitted["jit"].exponent == pytest.approx(1, abs=0.01)
    assert fitted["vectorized"].exponent == pytest.approx(0.25, abs=0.01)
    assert fitted["naive"].points == 6, "two of eight are predictions"


def test_a_crossover_has_an_interval_that_holds_it(line):
    found = {(each.technique, each.overtaken): each.passing for each in sweep.overtakings(line, CONTEST)}
    passing = found["vectorized", "jit"]
    true = 30 ** (1 / 0.75)
    assert passing.low < passing.earliest < passing.size < passing.latest < passing.high
    assert passing.size == pytest.approx(true, rel=0.02)
    assert passing.earliest < true < passing.latest
    assert passing.latest / passing.earliest == pytest.approx(1.06 ** (2 / 0.75), rel=0.1)
    assert ("jit", "vectorized") not in found


def test_the_table_of_crossovers_and_of_growth_are_along_the_axis(line):
    table = sweep.crossover_table(line, OP)
    assert "at M, 95 % interval" in table.head
    (row,) = (r for r in table.rows if r[0] == "vectorized overtakes jit" and r[3] == "step")
    assert row[-1] == "64 and 128"
    assert row[-2].startswith("93 [")
    assert "power of M" in sweep.growth_table(line, OP).title
    named = {each.name: each.table for each in contents.every_table(contents.gather(line))}
    assert named[f"crossovers-{OP}"] == table
    assert report.to_json(line)["sweep"]["axis"] == "M"
    json.dumps(report.to_json(line), allow_nan=False)


def test_a_cache_is_at_the_size_whose_inputs_and_outputs_fill_it(line):
    (mark,) = sweep.caches(line, CONTEST)
    name, size = mark
    cost = line.run.operations[OP].cases
    held = {case.sizes["M"]: case.costs["float32"]["step"].bytes for case in cost.values()}
    assert name == "L2"
    assert held[256] < CACHES["L2"] < held[512]
    assert 256 < size < 512


def test_the_figure_shows_time_rate_and_share_of_the_roof_and_no_text_lies_on_another(line):
    drawn = figures.drawn(line, f"sweep-{OP}-t1")
    assert len(drawn.figure.axes) == 3
    words = " ".join(words_of(drawn.figure))
    for wanted in ("time a call", "GFLOP/s", "of the roof", "L2 512 KiB", "jit  1.00", "A processor", "step"):
        assert wanted in words
    assert "vectorized overtakes jit at M = 93 [" in drawn.caption
    assert "N64-D64" in drawn.caption
    assert "predictions" in drawn.caption
    assert overlaps(drawn.figure) == []
    joined = [each for each in drawn.figure.axes[0].lines if each.get_linestyle() == "-"]
    assert len({each.get_color() for each in joined if each.get_marker() in {*"osD^"}}) == len(LAWS)
    assert f"time-{OP}-t1" not in figures.names(line), "work is another axis of the same"


def test_without_ceilings_the_figure_has_no_share_of_the_roof(line):
    bare = replace(line, ceilings=Ceilings(()))
    assert len(figures.drawn(bare, f"sweep-{OP}-t1").figure.axes) == 2


def test_many_techniques_with_a_peer_and_large_sizes_keep_apart(tmp_path):
    names = (*operation(OP).ladder, "torch")
    laws = {name: lambda size, at=at: 1e-6 * (1 + at / 50) * size**0.9 for at, name in enumerate(names)}
    summary = summary_of(saved(tmp_path / "many", ("M=16:100000:8",), laws))
    drawn = figures.drawn(summary, f"sweep-{OP}-t1")
    assert overlaps(drawn.figure) == []
    rates = [each.get_color() for each in drawn.figure.axes[1].lines if each.get_linestyle() == "-"]
    assert len(rates) == len({*rates}) == len(names)


def test_two_axes_are_a_map_of_the_winner(grid):
    drawn = figures.drawn(grid, f"map-{OP}-t1")
    words = words_of(drawn.figure)
    assert {"jit", "vectorized"} <= {*words}
    assert sum(word.startswith("×") for word in words) > 10
    assert overlaps(drawn.figure) == []
    assert figures.drawn(grid, f"sweep-{OP}-t1") is None
    assert not grid.crossovers
    assert not grid.growths
    assert sweep.crossover_table(grid, OP) is None
    assert report.to_json(grid)["sweep"] is None


def test_names_are_shortened_in_tables_by_what_is_common(line):
    table = tables.times_table(line, OP, "float32", "step", 1)
    labels = [row[0].partition(",")[0] for row in table.rows]
    assert labels == [f"M{2**n}" for n in range(2, 10)]
    assert table.title.endswith("all of N64-D64")
    named = {each.name: each for each in contents.every_table(contents.gather(line))}
    anchors = named[f"times-{OP}-float32-step-t1"].anchors
    assert anchors[-1][1] == f"cell-{OP}-jit-N64_D64_M4-float32-step-t1"


def test_a_single_size_keeps_its_name(tmp_path):
    summary = summary_of(saved(tmp_path / "one", (), sizes=({"N": 3, "D": 5, "M": 7},)))
    assert tables.times_table(summary, OP, "float32", "step", 1).rows[0][0] == "N3-D5-M7"
    assert summary.common_size(OP) == ""


@pytest.mark.slow
def test_the_whole_report_of_a_sweep_is_written(line, grid):
    for summary in (line, grid):
        page = report.write(summary.run, summary)
        assert page.is_file()
        kind = "sweep" if summary is line else "map"
        assert (page.parent / "figures" / f"{kind}-{OP}-t1.png").is_file()


def test_a_study_is_told_on_ones_own_sizes(tmp_path):
    folder = saved(tmp_path / "line")
    done = perflab("study", f"{OP}/jit", "--run", folder, "--size", "N=64", "D=64", "M=8")
    assert done.returncode == 0, done.stderr
    assert "jit on M8, float32" in done.stdout
    other = perflab("study", OP, "--run", folder, "--size", "N=9")
    line = one_line(other, 2)
    assert "was not measured; wanted perflab run fully_connected --size N=9 D=768 M=256" in line


def test_a_board_is_of_ones_own_size(tmp_path, monkeypatch):
    folder = saved(tmp_path / "runs" / "line")
    environment = json.loads((folder / "environment.json").read_text())
    monkeypatch.setattr("perflab.machine.environment", lambda: environment)
    done = perflab("board", OP, "--size", "N=64", "D=64", "M=8", "--in", folder.parent)
    assert done.returncode == 0, done.stderr
    assert "fully_connected on N64-D64-M8, step" in done.stdout
    one_line(perflab("board", OP, "--size", "N=65", "--in", folder.parent), 2)
    assert "wanted OP as TARGET" in one_line(perflab("board", "--size", "N=6", "--in", folder.parent), 2)


def crossings(*folders):
    command = [sys.executable, str(ROOT / "bench" / "crossings.py"), *map(str, folders)]
    environment = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_script_says_whether_two_sweeps_have_the_same_crossover(tmp_path):
    one = saved(tmp_path / "one")
    far = saved(tmp_path / "far", laws={**LAWS, "jit": lambda size: 2e-6 * size})
    assert "1 of 1 pairs overlap" in crossings(one, one).stdout
    done = crossings(one, far)
    assert done.returncode == 1
    assert "apart" in done.stdout
    assert crossings(one).returncode == 2
