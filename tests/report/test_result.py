"""A run from Python: the words and mistakes of the command line, tables, figures, data, the notebook."""

import ast
import dataclasses
import importlib.util
import json
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from conftest import CHEATS, ROOT
from matplotlib.figure import Figure

import perflab
from perflab import records, report, results
from perflab.contract import FIRST_RUNGS, PerflabError
from perflab.records import kinds
from perflab.report import table

NOTEBOOK = ROOT / "reports" / "example.ipynb"
HAS_PANDAS = importlib.util.find_spec("pandas") is not None


@pytest.fixture(scope="session")
def result(small_run):
    return perflab.result(small_run)


# -------------------------------------------------------------------------------------------------- the run


@pytest.mark.slow
def test_the_cells_of_the_notebook_run_in_order(tmp_path, monkeypatch, capfd):
    """Also what `perflab.run` gives: this is its one whole run."""
    monkeypatch.chdir(tmp_path)
    held, shown = {}, {}
    for cell in code_cells():
        if cell["id"] == "frame" and not HAS_PANDAS:
            with pytest.raises(PerflabError, match="pandas: not installed"):
                evaluated(cell, held)
        else:
            shown[cell["id"]] = evaluated(cell, held)
    found = shown["run"]
    assert isinstance(found, perflab.Result)
    assert found.folder.parent.name == "reports"
    assert found.ok
    assert not found.findings
    assert not found.summary.outstanding
    measured = {(row["technique"], row["case"], row["direction"]) for row in found.table()}
    wanted = {(t, c, d) for t in FIRST_RUNGS for c in ("tiny", "digits") for d in DIRECTIONS}
    assert measured == wanted
    for name in ("ladder", "time"):
        assert isinstance(shown[name], Figure)
        assert shown[name]._repr_png_().startswith(b"\x89PNG")
    if HAS_PANDAS:
        assert len(held["frame"]) == len(found.table())
        assert list(shown["frame"]["case"]) == ["digits", "digits", "tiny", "tiny"]
        for row in shown["frame"].itertuples():
            here = held["frame"].query(f"case == {row.case!r} and direction == {row.direction!r}")
            assert row.median_s == here["median_s"].min()
    assert held["verdict"].status == "wrong"
    assert "dx" in held["verdict"].where
    assert shown["write-report"] == found.folder / "report.html"
    assert shown["write-report"].is_file()
    assert shown["verify"] == ("wrong", held["verdict"].where)
    told = capfd.readouterr().err
    assert "max_pool2d: per_neuron ×" in told, "progress is told where there is no terminal, too"


DIRECTIONS = ("forward", "backward")  # of the preset smoke


def code_cells():
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def evaluated(cell, held):
    """Run a cell as a notebook would; the value of its last line where that is an expression."""
    source = "".join(cell["source"])
    source = source.replace(
        'for_s="30s"', 'preset="smoke", cases=("tiny", "digits")'
    )  # a fixed number of turns
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, cell["id"], "exec"), held)
    return eval(compile(ast.Expression(last.value), cell["id"], "eval"), held) if last else None


def test_the_notebook_is_one_and_holds_no_figure_of_a_machine():
    held = json.loads(NOTEBOOK.read_text("utf-8"))
    assert (held["nbformat"], held["nbformat_minor"]) == (4, 5)
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code_cells())
    nbformat = pytest.importorskip("nbformat", reason="no nbformat")
    nbformat.validate(nbformat.reads(NOTEBOOK.read_text("utf-8"), as_version=4))


OWN = CHEATS / "zeros.py"
MISTAKES = {
    "unknown operation": ((("conv2f",), {}), "conv2f: unknown operation; did you mean conv2d"),
    "unknown technique": ((("conv2d/jitt",), {}), "did you mean jit"),
    "unknown case": (((), {"cases": "digit"}), "digit: unknown case; did you mean digits"),
    "unknown preset": (((), {"preset": "quik"}), "quik: unknown preset; did you mean quick"),
    "unknown dtype": (((), {"dtypes": ["float16"]}), "float16: unknown dtype"),
    "threads of nothing": (((), {"threads": 0}), "'0'; wanted a number from 1"),
    "too many threads": (((), {"threads": (1, 4096)}), "'4096'; wanted a number from 1"),
    "an outside file of no operation": (((), {"files": OWN}), "wanted an operation as TARGET"),
    "an outside file that is missing": ((("conv2d",), {"files": "x.py"}), "x.py: no such file"),
    "an unknown peer": ((("conv2d",), {"peers": "torhc"}), "torhc: unknown peer"),
    "no time": (((), {"for_s": 0}), "--for: '0'; wanted a time, such as 90s, 10m or 1h30m"),
    "words that are no time": (((), {"for_s": "soon"}), "--for: 'soon'; wanted a time"),
    "a baseline that is not measured": (
        (("conv2d/jit",), {"baseline": "winograd2"}),
        "winograd2: unknown baseline; there are jit",
    ),
    "no run to resume": (((), {"resume": True}), "no run under reports/"),
    "resume of another plan": (((), {"resume": True, "preset": "full"}), "no other choice"),
    "a folder that cannot be written": (((), {"out": "/dev/null/x"}), "/dev/null/x: cannot be written"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_raises_the_command_line_s_one_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (targets, chosen), told = MISTAKES[name]
    with pytest.raises(PerflabError) as refused:
        perflab.run(*targets, **chosen)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir()), "what is refused leaves nothing behind"


def test_a_run_that_is_there_is_not_begun_again(small_run):
    before = (small_run / "records.jsonl").read_bytes()
    with pytest.raises(PerflabError, match="holds a run already"):
        perflab.run("max_pool2d/jit", preset="smoke", out=small_run)
    assert (small_run / "records.jsonl").read_bytes() == before


def test_resuming_a_whole_run_measures_nothing_and_gives_it(small_run, tmp_path, capfd):
    folder = shutil.copytree(small_run, tmp_path / "run")
    before = (folder / "records.jsonl").read_bytes()
    again = perflab.run(out=folder, resume=True, progress=False)
    assert (folder / "records.jsonl").read_bytes() == before
    assert again.folder == folder
    assert "".join(capfd.readouterr()) == ""


def test_an_interruption_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("perflab.run.runner.run", interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        perflab.run("max_pool2d/jit", preset="smoke", out=tmp_path / "run", progress=False)
    assert raised.value.__notes__ == [f"go on with: perflab.run(out={str(tmp_path / 'run')!r}, resume=True)"]
    begun = perflab.result(tmp_path / "run")
    assert begun.table() == []
    assert "2 cells are still to be measured" in str(begun)


def test_importing_perflab_stays_instant():
    code = (
        "import sys, perflab; print(*(set(sys.modules) & {'numpy', 'numba', 'matplotlib', 'rich', 'pandas'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == ""
    assert {"run", "result", "Result"} <= set(dir(perflab))


# ------------------------------------------------------------------------------------------------ the result


def test_the_rows_are_the_records(result, small_run):
    rows = result.table()
    assert len(rows) == 16
    blocks = list(records.read(small_run).of_kind(kinds.Timed))
    for row in rows:
        mine = [r for r in blocks if all(getattr(r.cell, name) == row[name] for name in table.CELL)]
        assert row["turns"] == len(mine)
        assert row["samples"] == sum(len(r.rounds_s) for r in mine)
        assert row["min_s"] == min(min(r.rounds_s) for r in mine)
        assert row["low_s"] <= row["median_s"] <= row["high_s"]
        assert row["state"] == "measured"
        assert (row["speedup_over_naive"] == 1) == (row["technique"] == "naive")
        assert row["verdict"] in ("FASTER", "SLOWER", "SAME", "AMBIGUOUS")
        assert 0 <= row["error_over_bound"] <= 1
        figure = next(f for f in result.summary.of(**{name: row[name] for name in table.CELL}))
        assert (row["speedup_low"], row["speedup_high"]) == (figure.speedup.low, figure.speedup.high)
    json.dumps(rows, allow_nan=False)


def test_the_rows_are_named_as_in_the_exported_table(result):
    from perflab.report import export

    assert set(export.cells(result.summary).head) - {"cell"} <= set(table.COLUMNS)


def test_a_result_shows_itself_as_text(result):
    text = repr(result)
    assert text == str(result)
    assert "Fully connected layer: case tiny, float32, 1 thread; over naive" in text
    for row in result.table():
        assert any(line.startswith(f"{row['technique']} ") for line in text.splitlines())
    assert "16 cells measured" in text
    assert "\x1b" not in text


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_a_result_shows_itself_as_html_without_script_or_request(result):
    page = Tags(result._repr_html_())
    assert page.open == []
    assert set(page.tags) <= {"p", "strong", "br", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert page.tags.count("table") == 2
    rungs = sum(len(names) for names in result.summary.run.plan.techniques.values())
    assert page.tags.count("tr") == 2 + rungs
    text = " ".join(page.text)
    assert "×" in text
    assert result.summary.run.environment["cpu"] in text


EVIL = "<script>alert(1)</script>"


def test_what_a_reader_must_know_comes_first_and_text_stays_text(result):
    finding = report.Finding("max_pool2d", EVIL, "tiny", "float32", "wrong")
    run = dataclasses.replace(
        result.summary.run,
        environment=result.summary.run.environment | {"cpu": EVIL},
        records=(kinds.Fitness("unfit", ("time was stolen",)),),
    )
    held = results.Result(
        dataclasses.replace(result.summary, findings=(finding,), run=run, outstanding=3, fit=False)
    )
    assert not held.ok
    assert held.findings == (finding,)
    page = Tags(held._repr_html_())
    assert "script" not in page.tags
    text = "".join(page.text)
    for shown in (text, str(held)):
        for needed in (EVIL, "not shown: max_pool2d/", "time was stolen", "3 cells are still to be measured"):
            assert needed in shown
            assert shown.index(needed) < shown.index("Fully connected")


def test_an_empty_run_shows_itself(tmp_path, small_run):
    first = (small_run / "records.jsonl").read_text().split("\n", 1)[0]
    (tmp_path / "records.jsonl").write_text(first + "\n")
    held = perflab.result(tmp_path)
    assert held.table() == []
    assert "16 cells are still to be measured" in str(held)
    assert Tags(held._repr_html_()).open == []
    if HAS_PANDAS:
        frame = held.to_dataframe()
        assert len(frame) == 0
        assert list(frame.columns) == list(table.COLUMNS)
    with pytest.raises(PerflabError, match="nothing was measured"):
        held.plot("ladder", operation="max_pool2d")


def test_a_result_is_read_from_its_records_and_nothing_else(small_run, tmp_path):
    assert perflab.result(small_run / "records.jsonl").table() == perflab.result(str(small_run)).table()
    with pytest.raises(PerflabError, match="no run here"):
        perflab.result(tmp_path)


def test_a_result_writes_its_report(small_run, tmp_path):
    for name in ("records.jsonl", "environment.json"):
        (tmp_path / name).write_bytes((small_run / name).read_bytes())
    page = perflab.result(tmp_path).report()
    assert page == tmp_path / "report.html"
    assert (tmp_path / "report.md").is_file()


# --------------------------------------------------------------------------------------------------- figures


def test_every_figure_has_a_name_and_is_drawn_by_it(result):
    names = result.figures()
    assert "ladder-max_pool2d-t1" in names
    assert len(set(names)) == len(names)
    for name in names:
        figure = result.plot(name)
        assert isinstance(figure, Figure)
        assert figure._repr_png_().startswith(b"\x89PNG"), name


def test_a_figure_is_found_by_its_kind_and_what_it_is_of(result):
    by_kind = result.plot("ladder", operation="max_pool2d", threads=1)
    by_name = result.plot("ladder-max_pool2d-t1")
    texts = [
        [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text"))]
        for figure in (by_kind, by_name)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("name", "of", "told"),
    [
        ("laddr", {}, "laddr: unknown figure; did you mean ladder"),
        ("ladder", {}, "ladder: 2 figures; wanted one of ladder-fully_connected-t1, ladder-max_pool2d-t1"),
        ("ladder", {"operation": "conv2d"}, "ladder conv2d: unknown figure"),
        ("ladder", {"operation": "max_pool2d", "threads": 7}, "ladder max_pool2d t7: unknown figure"),
    ],
)
def test_a_figure_that_is_not_clear_is_told_in_one_line(result, name, of, told):
    with pytest.raises(PerflabError) as refused:
        result.plot(name, **of)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


# ------------------------------------------------------------------------------------------------ data frame


def test_without_pandas_the_error_names_it(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(PerflabError, match=r"pandas: not installed; wanted: pip install pandas"):
        result.to_dataframe()


def test_a_data_frame_has_a_row_for_every_cell(result):
    pandas = pytest.importorskip("pandas", reason="no pandas")
    frame = result.to_dataframe()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == list(table.COLUMNS)
    assert len(frame) == 16
    for name in ("median_s", "low_s", "high_s", "speedup_over_naive", "speedup_low", "speedup_high"):
        assert frame[name].dtype == "float64"
        assert list(frame[name]) == [row[name] for row in result.table()]
    assert frame["memory_bytes"].isna().all(), "not measured is not a number"
