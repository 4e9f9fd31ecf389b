"""The machine's ceilings: what they hold, what a roof makes of them, and how a run comes by them."""

import json
import time
from itertools import pairwise

import pytest
from conftest import perflab_process

from perflab import machine, records
from perflab.catalog import cases
from perflab.contract import PerflabError
from perflab.machine import ceilings, process, saved
from perflab.records import kinds, roof, typed
from perflab.run import presets

KB, MB = 1 << 10, 1 << 20


def figure(best):
    return {"best": best, "median": best * 0.9}


def made_up(threads=1, traffic=((32 * KB, 400.0), (MB, 100.0), (64 * MB, 10.0)), when=None):
    """Ceilings of 200 GFLOP/s in float32, half of it in float64, and so many GB/s by size."""
    return {
        "when": when or time.time(),
        "took_s": 1.0,
        "caches": {"L1": 48 * KB},
        "notes": ["a note"],
        "measured": [
            {
                "threads": threads, "when": when or time.time(), "took_s": 1.0, "quick": True,
                "largest_bytes": 64 * MB, "vector_bytes": 64,
                "arithmetic": [
                    {"dtype": "float32", "chains": figure(200.0), "product": figure(150.0)},
                    {"dtype": "float64", "chains": figure(90.0), "product": figure(100.0)},
                ],
                "bandwidth": [{"bytes": size, "read": figure(best), "triad": figure(best / 2)}
                              for size, best in traffic],
            }
        ],
    }  # fmt: skip


def read(values):
    """Ceilings as a run's records give them."""
    return typed.read(roof.Ceilings, values)


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A cache folder of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "perflab"


# ---------------------------------------------------------------------------------------------------- roof


def test_the_limb_that_takes_longer_binds():
    values = made_up()
    much = roof.roof(read(values), 200e9, 10e9, "float32", 1, 32 * KB)
    assert (much.limb, much.seconds) == ("arithmetic", pytest.approx(1.0))
    assert much.memory_s == pytest.approx(10 / 400)
    little = roof.roof(read(values), 1e9, 10e9, "float32", 1, 64 * MB)
    assert (little.limb, little.seconds) == ("memory", pytest.approx(1.0))
    assert little.arithmetic_s == pytest.approx(1 / 200)


def test_the_better_of_multiply_adds_and_product_is_the_peak():
    assert roof.peak(read(made_up()), "float32", 1) == 200e9
    assert roof.peak(read(made_up()), "float64", 1) == 100e9


def test_what_was_not_measured_gives_no_roof():
    assert roof.roof(read(made_up()), 1.0, 1.0, "float32", 2) is None
    assert roof.roof(read(made_up()), 1.0, 1.0, "int8", 1) is None
    assert roof.roof(roof.NOT_MEASURED, 1.0, 1.0, "float32", 1) is None
    assert roof.roof(read({"measured": [{"threads": 1}]}), 1.0, 1.0, "float32", 1) is None


def test_without_a_size_the_compulsory_bytes_are_the_size():
    values = made_up()
    assert roof.roof(read(values), 0, MB, "float32", 1).memory_s == pytest.approx(MB / 100e9)
    assert roof.roof(read(values), 0, 0, "float32", 1).seconds == 0.0


def test_between_two_sizes_the_bandwidth_falls_and_never_below_the_larger_one_s():
    values = made_up()
    sizes = [2.0**power for power in range(8, 36)]
    found = [roof.bandwidth(read(values), 1, size) for size in sizes]
    assert found == sorted(found, reverse=True)
    assert found[0] == 400e9
    assert found[-1] == 10e9
    assert roof.bandwidth(read(values), 1, MB) == 100e9
    halfway = roof.bandwidth(read(values), 1, 8 * MB)  # in the logarithm, between 1 and 64 MB
    assert halfway == pytest.approx(55e9)


def test_a_size_measured_slower_than_a_larger_one_is_lifted_to_it():
    values = made_up(traffic=((32 * KB, 5.0), (MB, 100.0), (2 * MB, 20.0), (64 * MB, 30.0)))
    assert [roof.bandwidth(read(values), 1, size) for size in (KB, 32 * KB, MB)] == [100e9] * 3
    assert [roof.bandwidth(read(values), 1, size) for size in (2 * MB, 9 * MB, 64 * MB)] == [30e9] * 3


def test_page_faults_and_fetches_of_stores_are_no_part_of_the_roof():
    values = made_up()
    for row in values["measured"][0]["bandwidth"]:
        row |= {"triad_allocate": figure(1e6), "fresh": figure(1e6)}
    assert roof.bandwidth(read(values), 1, MB) == 100e9
    assert set(roof.COUNTED) < set(ceilings.MEANING)


# ------------------------------------------------------------------------------------------------ measuring


@pytest.mark.parametrize("threads", [1, 2, 64])
@pytest.mark.parametrize("caches", [
    {"L1": 48 * KB, "L2": 2 * MB, "L3": 480 * MB}, {"L1": 32 * KB, "L2": 512 * KB, "L3": 8 * MB},
    {"L1": 64 * KB, "L2": 4 * MB}, {"L3": 16 * MB}, {"L1": 32 * KB},
])  # fmt: skip
@pytest.mark.parametrize("most", [MB, 192 * MB, 512 * MB])
def test_the_sizes_rise_without_wide_gaps_to_what_memory_allows(threads, caches, most):
    sizes = ceilings.sizes(caches, threads, most)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == min(most, 12 * max(caches.values()))
    assert all(b <= 1.01 * ceilings.WIDEST_GAP * a for a, b in pairwise(sizes))


def test_arrays_smaller_than_four_times_the_last_cache_are_told():
    (row,) = made_up()["measured"]
    assert ceilings._whole([row], {"L3": 480 * MB})["notes"]
    assert not ceilings._whole([row], {"L3": 4 * MB})["notes"]


def test_a_process_that_fails_is_one_line(monkeypatch):
    monkeypatch.setattr(process.sys, "executable", "/dev/null/python")
    with pytest.raises(PerflabError, match="could not be measured") as refused:
        ceilings.measure([1], quick=True)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_the_command_measures_prints_and_keeps_them(tmp_path):
    cache = tmp_path / "cache"
    done = perflab_process("machine", "--json", XDG_CACHE_HOME=str(cache))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(name))
    values = told["ceilings"]
    assert told["cpu"]
    assert {row["threads"] for row in values["measured"]} == {1, machine.cores()}
    for measured in values["measured"]:
        assert {row["dtype"] for row in measured["arithmetic"]} == {"float32", "float64"}
        sizes = [row["bytes"] for row in measured["bandwidth"]]
        assert sizes == sorted(sizes)
        assert measured["bandwidth"][-1].keys() >= set(roof.COUNTED)
        figures = [
            f
            for row in measured["arithmetic"] + measured["bandwidth"]
            for f in row.values()
            if isinstance(f, dict)
        ]
        assert len(figures) >= 4 + 4 * len(sizes)
        assert all(0 < f["median"] <= f["best"] for f in figures)
        for dtype in ("float32", "float64"):
            assert roof.roof(read(values), 1e9, 1e6, dtype, measured["threads"]).seconds > 0
    written = json.loads((cache / "perflab" / "ceilings.json").read_text())
    assert written.pop("machine")
    assert written == values

    run = tmp_path / "run"
    words = ("fully_connected/vectorized", "--preset", "smoke", "--case", "tiny", "--out", run)
    done = perflab_process("run", *words, XDG_CACHE_HOME=str(cache))
    assert done.returncode == 0, done.stderr
    (record,) = records.read(run).of_kind(kinds.Ceilings)
    assert record == read(values)


# ----------------------------------------------------------------------------------------------------- kept


def test_what_is_kept_reads_back_for_this_machine_and_is_forgotten_after_a_week(home, monkeypatch):
    assert ceilings.saved() is None
    values = made_up()
    ceilings.keep(values)
    assert ceilings.saved() == values
    monkeypatch.setattr(saved, "identity", lambda: "another machine")
    assert ceilings.saved() is None
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(home.parent))
    ceilings.keep(made_up(when=time.time() - 8 * 24 * 3600))
    assert ceilings.saved() is None


@pytest.mark.parametrize("text", [
    "", "{", "[]", "3", "null", '"x"', "{}", "\x00", '{"machine": "HERE"}',
    '{"machine": "HERE", "measured": 3}', '{"machine": "HERE", "measured": []}',
    '{"machine": "HERE", "measured": [{"when": 1e12, "threads": 1}]}',
])  # fmt: skip
def test_a_file_that_is_not_ours_is_ignored(home, text):
    home.mkdir(parents=True)
    (home / "ceilings.json").write_text(text.replace('"HERE"', json.dumps(machine.identity())))
    assert ceilings.saved() is None


def test_a_home_that_cannot_be_written_keeps_nothing_and_says_nothing(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/x")
    ceilings.keep(made_up())
    assert ceilings.saved() is None


# ---------------------------------------------------------------------------------------------------- a run


def test_a_run_takes_what_is_kept_and_measures_only_what_is_missing(home, monkeypatch):
    asked = []

    def measure(threads, quick):
        asked.append((list(threads), quick))
        return made_up(threads[0])

    monkeypatch.setattr(ceilings, "measure", measure)
    assert ceilings.for_run((1,), measure_missing=False) is None
    assert [row["threads"] for row in ceilings.for_run((1,))["measured"]] == [1]
    assert [row["threads"] for row in ceilings.for_run((1, 2))["measured"]] == [1, 2]
    assert [row["threads"] for row in ceilings.for_run((2,))["measured"]] == [1, 2]
    assert asked == [([1], True), ([2], True)]


def test_a_run_goes_on_where_measuring_fails(home, monkeypatch):
    def measure(threads, quick):
        raise PerflabError("no")

    monkeypatch.setattr(ceilings, "measure", measure)
    assert ceilings.for_run((1,)) is None


def test_a_run_keeps_them_and_reads_without_them(tmp_path):
    wanted = presets.make({"conv2d": ("naive",)}, "smoke", cases=("tiny",))
    values = made_up()
    records.begin(tmp_path / "with", wanted, cases.describe(wanted), {}, ceilings=values)
    records.begin(tmp_path / "without", wanted, cases.describe(wanted), {})
    (record,) = records.read(tmp_path / "with").of_kind(kinds.Ceilings)
    assert record == read(values)
    assert roof.roof(record, 200e9, 1.0, "float32", 1).seconds == pytest.approx(1.0)
    assert not list(records.read(tmp_path / "without").of_kind(kinds.Ceilings))
