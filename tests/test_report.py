"""Reports are pure functions of what was saved, and honest about what was not."""

import json
import re
import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from conftest import perflab
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from perflab import records, report
from perflab.contract import Cell
from perflab.report import figures, words
from perflab.report.benchmark_json import benchmark_json
from perflab.statistics import Ratio


@pytest.fixture
def summary(small_run):
    return report.summarise(records.read(small_run[0]))


def copied(small_run, tmp_path, change=lambda lines: lines):
    """A copy of the small run whose record lines were changed."""
    folder = tmp_path / "copy"
    folder.mkdir()
    shutil.copy(small_run[0] / "environment.json", folder)
    lines = [json.loads(line) for line in (small_run[0] / "records.jsonl").read_text().splitlines()]
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

    VOID = frozenset({"meta", "link", "br", "img", "hr", "input", "path", "use", "rect"})

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
    text = (small_run[0] / "report.html").read_text()
    page = Page(text)
    assert page.open == []
    outside = [link for link in page.asked if not link.startswith(("#", "data:,", "figures/"))]
    assert set(outside) == {"records.jsonl", "benchmark.json", "report.md"}
    assert not re.search(r"url\((?!#)|@import|<script", text)
    for link in page.asked:
        if link.startswith("figures/"):
            assert (small_run[0] / link).is_file()
    assert len(page.ids) == len(set(page.ids)), "ids of inlined figures do not meet"
    targets = {link[1:] for link in page.asked if link.startswith("#")}
    assert targets <= set(page.ids)


def test_every_figure_says_what_it_belongs_to_and_on_which_machine(summary):
    drawn = list(figures.all_figures(summary))
    assert [d.name for d in drawn] == [
        "speedup-float32-t1", "time-fully_connected-float32-t1", "time-max_pool2d-float32-t1", "accuracy",
    ]  # fmt: skip
    for one in drawn:
        texts = [t.get_text() for t in one.figure.findobj(lambda artist: hasattr(artist, "get_text"))]
        whole = " ".join(texts) + one.caption
        assert "float32" in whole
        assert summary.run.environment["cpu"] in whole
        assert "tiny" in whole or one.name == "accuracy"
        assert "1 thread" in one.title or one.name == "accuracy"


def overlaps(figure):
    """Pairs of visible texts whose boxes overlap by more than a pixel, and texts cut off by the edge."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    width, height = canvas.get_width_height()
    unseen = set()  # labels of ticks outside the view are artists, but are not drawn
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not low <= tick.get_loc() <= high:
                    unseen |= {tick.label1, tick.label2}
    boxes = []
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip() and text not in unseen:
            box = text.get_window_extent(renderer)
            if box.width and box.height:
                boxes.append((text.get_text(), box))
    found = []
    for index, (name, a) in enumerate(boxes):
        if a.x0 < -1 or a.y0 < -1 or a.x1 > width + 1 or a.y1 > height + 1:
            found.append((name, "cut off"))
        for other, b in boxes[index + 1 :]:
            across = min(a.x1, b.x1) - max(a.x0, b.x0)
            down = min(a.y1, b.y1) - max(a.y0, b.y0)
            if across > 1 and down > 1:
                found.append((name, other))
    return found


def test_no_text_overlaps_in_any_figure(summary):
    for one in figures.all_figures(summary):
        assert overlaps(one.figure) == [], one.name


def test_the_check_for_overlaps_can_fail(summary):
    one = next(iter(figures.all_figures(summary)))
    one.figure.text(0.5, 0.5, "here")
    one.figure.text(0.5, 0.5, "there")
    assert overlaps(one.figure)


def test_svg_files_are_well_formed_and_not_empty(small_run):
    for path in (small_run[0] / "figures").glob("*.svg"):
        root = ET.parse(path).getroot()
        assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 10


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
    for r in summary.run.of_kind("block"):
        rounds = sorted(r["rounds_s"])
        middle = rounds[len(rounds) // 2] if len(rounds) % 2 else sum(rounds[len(rounds) // 2 - 1 :][:2]) / 2
        held[r["operation"], r["technique"], r["direction"], r["process"], r["pass"]] = middle
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

    file = small_run[0] / "benchmark.json"
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
    assert "script" not in page.tags
    assert evil in "".join(page.text)


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
    assert "still to be measured" in text
    assert Page(text).open == []


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


def test_without_the_baseline_there_is_no_ratio_and_no_error(small_run, tmp_path):
    def change(lines):
        lines[0]["plan"]["techniques"] = {op: ["vectorized", "jit"] for op in lines[0]["plan"]["techniques"]}
        return [line for line in lines if line.get("technique") not in ("naive", "per_neuron")]

    run = records.read(copied(small_run, tmp_path, change))
    summary = report.summarise(run)
    assert all(figure.speedup is None for figure in summary.figures.values())
    assert report.write(run, summary).is_file()


def test_a_gain_that_falls_short_is_told_with_figures(small_run, tmp_path):
    def change(lines):
        for line in lines:
            if line["kind"] == "block" and line["technique"] == "vectorized":
                line["rounds_s"] = [0.005] * len(line["rounds_s"])
        return lines

    summary = report.summarise(records.read(copied(small_run, tmp_path, change)))
    told = words.shortfalls(summary)
    assert any(
        "fully_connected/vectorized" in line and "over naive" in line and "GFLOP/s" in line for line in told
    )
    assert any("max_pool2d/vectorized" in line and "GB/s" in line for line in told)


def test_strict_json_everywhere(small_run):
    for name in ("environment.json", "benchmark.json"):
        json.loads((small_run[0] / name).read_text(), parse_constant=lambda constant: pytest.fail(constant))
    for line in (small_run[0] / "records.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda constant: pytest.fail(constant))


def test_figures_in_words():
    assert words.ratio(Ratio(123.4, 123.1, 123.6, 6)) == "×123"
    assert words.interval(Ratio(123.4, 100.0, 150.0, 6)) == "×120 [100, 150]"
    assert words.interval(Ratio(2.0, None, None, 3)) == "×2.0 (not enough: 3 pairs)"
    assert words.interval(None) == "–"
    assert words.seconds(0.0123, 2) == "12 ms"
    assert words.seconds(0.9999999) == "1.00 s"


def test_the_json_of_a_summary_holds_every_cell(summary):
    held = report.to_json(summary)
    assert len(held["figures"]) == 16
    assert {f["technique"] for f in held["figures"]} == {"naive", "per_neuron", "vectorized", "jit"}
    assert benchmark_json(summary)["benchmarks"]
