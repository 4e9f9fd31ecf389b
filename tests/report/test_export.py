"""A run for other tools: each format has what its tool reads, only what was measured; the workflow is one."""

import csv
import io
import json
import re
import shlex

import pytest
from conftest import ROOT, one_line, perflab
from test_compare import BOTH, CELL, FAILURE, NAIVE, saved

from perflab import cli, records, report
from perflab.contract import DIRECTIONS
from perflab.report.across import several, sides
from perflab.report.export import EXPORTS

(WORKFLOW,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text("utf-8"), re.DOTALL)


@pytest.fixture
def run(tmp_path):
    """A run with one predicted cell, and one of another commit."""
    predicted = {
        "kind": "prediction", "operation": "conv2d", "case": "tiny", "dtype": "float32", "threads": 1,
        "technique": "vectorized", "seconds": dict.fromkeys(DIRECTIONS, 9.0), "basis": "guess", "process": 0,
    }  # fmt: skip
    times = BOTH | {("conv2d", "vectorized"): 0, ("conv2d", "jit@abc1234"): 0.003}
    return saved(tmp_path / "run", times, more=[predicted])


def test_each_format_has_the_measured_cells_with_their_intervals(run, tmp_path):
    figures = {
        figure.cell.technique: figure for figure in report.summarise(records.read(run)).figures.values()
    }
    files = {name: tmp_path / f"x.{name}" for name in EXPORTS}
    words = [word for name, file in files.items() for word in ("--export", name, file)]
    done = perflab("report", run, *words)
    assert done.returncode == 0, done.stderr
    assert not (run / "report.html").exists()
    bmf = json.loads(files["bmf"].read_text())
    assert {*bmf} == {CELL, NAIVE}
    latency, jit = bmf[CELL]["latency"], figures["jit"]
    assert latency["value"] == pytest.approx(1e9 * jit.median_s)
    assert (latency["lower_value"], latency["upper_value"]) == pytest.approx(
        (1e9 * jit.low_s, 1e9 * jit.high_s)
    )
    entries = json.loads(files["github"].read_text())
    assert [entry["name"] for entry in entries] == [NAIVE, CELL]
    assert {entry["unit"] for entry in entries} == {"ns"}
    assert all({*entry} == {"name", "unit", "value", "range", "extra"} for entry in entries)
    rows = [*csv.DictReader(io.StringIO(files["csv"].read_text()))]
    assert {row["technique"]: row["state"] for row in rows}["vectorized"] == "predicted"
    assert len(rows) == 4


def test_an_export_is_printed_and_has_the_exit_code_of_the_run(run, tmp_path):
    assert {*json.loads(perflab("report", run, "--export", "bmf", "-").stdout)} == {CELL, NAIVE}
    wrong = saved(tmp_path / "wrong", BOTH, more=[FAILURE])
    done = perflab("report", wrong, "--export", "bmf", "-")
    assert done.returncode == 1
    assert {*json.loads(done.stdout)} == {NAIVE}


def test_a_run_on_an_unfit_machine_is_exported_with_a_warning(tmp_path):
    unfit = {"kind": "fitness", "state": "unfit", "reasons": ["time was stolen"]}
    done = perflab("report", saved(tmp_path / "a", BOTH, more=[unfit]), "--export", "csv", "-")
    assert "its machine was unfit to measure: time was stolen" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--export", "bnf", "x"), "did you mean bmf?"),
        (("--export", "bmf"), "expected 2 arguments"),
        (("--export", "bmf", "/dev/null/x"), "cannot be written"),
    ],
)
def test_a_mistake_is_one_line(run, words, message):
    assert message in one_line(perflab("report", run, *words), 2)


def test_a_run_against_a_commit_is_compared_with_it_pass_by_pass(run):
    (pair,) = several.compare_all(sides.read(run), [], baseline="@").pairs
    assert [(change.label, change.ratio.verdict) for change in pair.changes] == [(CELL, "FASTER")]
    assert pair.paired
    assert len(several.compare_all(sides.read(run), [], baseline="@abc").pairs) == 1
    assert "no such benchmark" in one_line(perflab("compare", run, "--baseline", "@def"), 2)


def test_the_commands_of_the_workflow_are_understood():
    commands = re.findall(r"(?:run: |\n\s+)(perflab .*)", WORKFLOW)
    assert len(commands) == 4
    for command in commands:
        words = shlex.split(re.sub(r"\$\{\{ [\w.]+ \}\}", "main", command))
        assert callable(cli.parser().parse_args(words[1:]).command)


@pytest.mark.slow
def test_the_workflow_is_one():
    """Its keys are those that GitHub reads: https://docs.github.com/actions/reference/workflow-syntax."""
    yaml = pytest.importorskip("yaml", reason="no PyYAML: the workflow was not parsed")
    workflow = yaml.safe_load(WORKFLOW)
    assert {*workflow} == {"name", True, "permissions", "jobs"}  # YAML 1.1 reads the key `on` as true
    assert {*workflow[True]} == {"pull_request", "push"}
    for job in workflow["jobs"].values():
        assert {*job} <= {"if", "runs-on", "timeout-minutes", "permissions", "steps"}
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert {*step} <= {"name", "if", "uses", "run", "with"}
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1"))
