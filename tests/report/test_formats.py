"""Files of other tools: what they hold is read, distributions or medians; what is none is refused by name."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, one_line, perflab, user_environment

from perflab.contract import PerflabError
from perflab.report.across import loading, several, sides


def saved(path, document):
    path.write_text(json.dumps(document))
    return path


def read(tmp_path, document):
    return sides.read(saved(tmp_path / "x.json", document))


def repetition(name, time, index, **others):
    return {
        "name": name, "run_name": name, "run_type": "iteration", "repetition_index": index, "family_index": 0,
        "per_family_instance_index": 0, "real_time": time, "cpu_time": 1.0, "time_unit": "us", **others,
    }  # fmt: skip


def google(*entries, **context):
    return {"context": {"host_name": "a", "num_cpus": 2, **context}, "benchmarks": [*entries]}


def test_google_benchmark_s_repetitions_are_one_cell_s_times(tmp_path):
    side = read(
        tmp_path,
        google(*(repetition("BM_x/8", 10.0 + n, n) for n in range(7)), date="2026-05-01T00:00:00+00:00"),
    )
    assert side.timings["BM_x/8"].values == pytest.approx([1e-6 * (10 + n) for n in range(7)])
    assert side.timings["BM_x/8"].operation == "BM_x"
    assert side.when == 1777593600
    assert side.environment["cores_allowed"] == 2


def test_google_benchmark_s_aggregates_give_the_median(tmp_path):
    rows = [
        {"name": f"BM_x_{kind}", "run_name": "BM_x", "run_type": "aggregate", "aggregate_name": kind,
         "real_time": value, "time_unit": "ms"}
        for kind, value in (("mean", 3.0), ("median", 2.0), ("stddev", 0.1), ("cv", 0.01))
    ]  # fmt: skip
    side = read(tmp_path, google(*rows))
    assert (side.timings["BM_x"].median_s, side.timings["BM_x"].values) == (0.002, [])
    assert read(tmp_path, google(rows[0])).faults == {"BM_x": "its statistics are lost"}
    both = read(tmp_path, google(*(repetition("BM_x", 1.0, n) for n in range(3)), *rows))
    assert both.timings["BM_x"].median_s == 1e-6


def test_google_benchmark_s_duplicates_errors_and_units(tmp_path):
    other = {"family_index": 1}
    side = read(
        tmp_path,
        google(
            repetition("BM_two", 1.0, 0), repetition("BM_two", 9.0, 0, **other),
            {"name": "BM_old", "real_time": 1.0, "time_unit": "ns"},
            {"name": "BM_old", "real_time": 9.0, "time_unit": "ns"},
            repetition("BM_bad", 1.0, 0, error_occurred=True, error_message="no\nmemory"),
            repetition("BM_zero", 0.0, 0), repetition("BM_unit", 1.0, 0, time_unit="years"),
            repetition("BM_good", 1.0, 0, time_unit="s"),
        ),
    )  # fmt: skip
    assert list(side.timings) == ["BM_good"]
    assert side.timings["BM_good"].median_s == 1.0
    assert side.faults["BM_two"] == side.faults["BM_old"] == "two benchmarks of this name"
    assert side.faults["BM_bad"].startswith("it failed: ")
    assert side.faults["BM_zero"] == "0.0 is not a time"
    assert side.faults["BM_unit"] == '"1.0 years" is not a time'


def test_hyperfine_s_runs_are_read(tmp_path):
    times = [0.1, 0.11, 0.12, 0.1, 0.13, 0.11, 0.12]
    document = {
        "results": [
            {"command": "sleep 1", "mean": 1.0, "median": 1.0, "times": times, "exit_codes": [0] * 7},
            {"command": "make", "median": 2.0, "parameters": {"jobs": "4"}},
            {"command": "make", "median": 3.0, "parameters": {"jobs": "8"}},
            {"command": "two", "median": 3.0},
            {"command": "two", "median": 4.0},
            {"command": "none", "mean": 1.0, "times": None},
        ]
    }
    side = read(tmp_path, document)
    assert side.timings["sleep 1"].values == times
    assert side.timings["make [jobs=8]"].median_s == 3.0
    assert side.faults == {"two": "two benchmarks of this name", "none": "its statistics are lost"}
    assert (
        perflab("compare", tmp_path / "x.json", tmp_path / "x.json", "--baseline", "sleep*").returncode == 2
    )
    assert perflab("compare", tmp_path / "x.json", "--baseline", "sleep 1").returncode == 0


COLUMNS = ["result", "params", "version", "samples"]


def asv(results, **others):
    return {"version": 2, "commit_hash": "abc", "date": 1_700_000_000_000, "result_columns": COLUMNS,
            "params": {"cpu": "A", "num_cpu": "2"}, "results": results} | others  # fmt: skip


def test_asv_s_results_are_read_by_parameters(tmp_path):
    samples = [[1.0, 1.1, 0.9, 1.0, 1.2, 1.0], None]
    document = asv({
        "bench.Suite.time_sort": [[1.0, 2.0], [["10", "20"]], "v1", samples],
        "bench.time_plain": [[0.5], [], "v1"],
        "bench.time_failed": [None, [["1", "2"]], "v1"],
        "bench.time_skipped": [[0.5, float("nan")], [["1", "2"]], "v1"],
        "bench.mem_list": [[1234], [], "v1"],
        "bench.track_loss": [[0.5], [], "v1"],
    })  # fmt: skip
    side = read(tmp_path, document)
    assert {name: timing.median_s for name, timing in side.timings.items()} == {
        "bench.Suite.time_sort(10)": 1.0, "bench.Suite.time_sort(20)": 2.0, "bench.time_plain": 0.5,
        "bench.time_skipped(1)": 0.5,
    }  # fmt: skip
    assert len(side.timings["bench.Suite.time_sort(10)"].values) == 6
    assert {*side.faults} == {"bench.time_failed(1)", "bench.time_failed(2)", "bench.time_skipped(2)"}
    assert any("2 of its benchmarks are not times" in note for note in side.notes)
    assert (side.commit, side.when) == ("abc", 1.7e9)


def test_asv_s_other_files_are_named_and_refused(tmp_path):
    listed = {"time_x": {"code": "", "name": "time_x", "param_names": []}, "version": 2}
    with pytest.raises(PerflabError, match="asv's list of benchmarks, which has no times"):
        read(tmp_path, listed)
    with pytest.raises(PerflabError, match="asv's results of version 1; wanted 2"):
        read(tmp_path, asv({"time_x": 1.0}, version=1))


def test_another_version_of_an_asv_benchmark_is_another_problem(tmp_path):
    old = saved(tmp_path / "a.json", asv({"time_x": [[1.0], [], "v1"], "time_y": [[1.0], [], "v1"]}))
    new = saved(tmp_path / "b.json", asv({"time_x": [[1.0], [], "v2"], "time_y": [[1.0], [], "v1"]}))
    (pair,) = several.compare_all(sides.read(old), [sides.read(new)]).pairs
    assert pair.unlike == {"time_x": "another problem under the same name"}


def pyperf(*benchmarks, **metadata):
    listed = [{"metadata": {"name": name}, "runs": runs} for name, runs in benchmarks]
    shared = {"unit": "second", "cpu_model_name": "A", "python_version": "3.12.1 (64-bit)",
              "python_implementation": "cpython"}  # fmt: skip
    return {"version": "1.0", "metadata": shared | metadata, "benchmarks": listed}


def test_pyperf_s_processes_are_groups(tmp_path):
    runs = [
        {"warmups": [[1, 9.0]]},
        *({"values": [1.0 + n, 1.1 + n], "warmups": [[1, 2.0]]} for n in range(4)),
    ]
    side = read(tmp_path, pyperf(("sort", runs), ("broken", [{"values": [0.0]}])))
    assert [len(group) for group in side.timings["sort"].groups] == [2] * 4
    assert side.faults == {"broken": "0.0 is not a time"}
    assert side.environment == {"cpu": "A", "python": "CPython 3.12.1"}
    assert "are not times" in read(tmp_path, pyperf(("sort", runs), unit="byte")).notes[0]


def test_one_tool_s_file_meets_no_other_s(tmp_path):
    a = saved(tmp_path / "a.json", {"results": [{"command": "x", "median": 1.0}]})
    b = saved(tmp_path / "b.json", google(repetition("BM_x", 1.0, 0)))
    assert "no cell was measured on both sides" in one_line(perflab("compare", a, b, "--anyway"), 2)


@pytest.mark.parametrize(
    "document",
    [{"results": 3}, {"context": 3}, [1], {"mean": {"point_estimate": 1.0}}, {"benchmarks": {}}, "x", None],
)
def test_what_is_no_known_format_is_one_line_with_what_is_wanted(tmp_path, document):
    path = saved(tmp_path / "x.json", document)
    line = one_line(perflab("compare", path, path), 2)
    assert "Google Benchmark's, hyperfine's, asv's or pyperf's JSON" in line


SHAPES = [
    {"benchmarks": [{"runs": [3], "metadata": 3}]},
    {"benchmarks": [{"runs": None, "metadata": {"name": "x"}}]},
    {"results": [3, {"command": 4}, {"command": "x", "times": {"a": 1}}]},
    {"context": {}, "benchmarks": [3, {"name": 4}, {"name": "x", "real_time": "3"}, {"name": "y"}]},
    asv({"time_x": 3, "time_y": [[1, 2], []], "time_z": ["ab", [["1"], 3]], "time_w": {"result": [1]}}),
    {"benchmarks": [{"fullname": "x", "stats": {"data": {"a": 1}, "median": "x"}}], "datetime": 3},
    {"benchmarks": [{"fullname": "x", "stats": {"data": "abc"}}], "commit_info": "x"},
]  # fmt: skip


@pytest.mark.parametrize("document", SHAPES)
def test_a_file_of_any_shape_is_one_line(tmp_path, document):
    path = saved(tmp_path / "x.json", document)
    one_line(perflab("compare", path, path), 2)


# ------------------------------------------------------------------------------------------------- loading


def test_a_document_is_read_as_json_reads_it_but_for_what_no_comparison_needs(tmp_path):
    data = [0.1 * n for n in range(50)]
    document = {
        "name": "caf\u00e9 \U0001f600 \u2028",
        "data": data,
        "mixed": [1, "x"] * 20,
        "options": {"a": 1},
    }
    for text in (json.dumps(document), json.dumps(document, ensure_ascii=False)):
        for content in (text.encode(), b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16")):
            (tmp_path / "x.json").write_bytes(content)
            got = loading.document(tmp_path / "x.json")
            assert got["name"] == document["name"]
            assert [*got["data"]] == data
            assert got["mixed"] == document["mixed"]
            assert "options" not in got
    (tmp_path / "x.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ValueError, match="utf-8"):
        loading.document(tmp_path / "x.json")


@pytest.mark.slow
def test_a_file_of_157_mb_needs_less_than_1_gb(tmp_path):
    """The peak of a whole command, as the system counts it."""
    path, rng = tmp_path / "large.json", np.random.default_rng(1)
    entries = []
    for n in range(40):
        data = (1e-3 * np.exp(rng.normal(0, 0.02, 175_000))).tolist()
        entries.append(
            {"name": f"t{n}", "fullname": f"a.py::t{n}", "stats": {"median": data[0], "data": data}}
        )
    path.write_text(json.dumps({"machine_info": {}, "benchmarks": entries}))
    assert path.stat().st_size > 140e6
    # Not ru_maxrss: a process starts with that of the one which it was forked from.
    code = (
        "import re, sys; from perflab.cli import main; code = main(sys.argv[1:]);"
        " peak = re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read()).group(1);"
        " print(int(peak) // 1024, file=sys.stderr); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "compare", str(path), str(path)]
    done = subprocess.run(
        command, env=user_environment(), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stderr.split()[-1]) < 1000
