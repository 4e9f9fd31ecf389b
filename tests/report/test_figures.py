"""Figures show what the summary holds, keep their text apart, and suit all eyes, by day and by night."""

import itertools
import json
import re
import shlex
import xml.etree.ElementTree as ET
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from conftest import one_line, perflab, slow_but
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from test_report import CEILINGS, FAILURE, LAWS, by_law, copied

from perflab import records, report
from perflab.contract import FIRST_RUNGS
from perflab.records import typed
from perflab.records.roof import NOT_MEASURED, Ceilings
from perflab.report import contest, figures, svg, words
from perflab.report.figures.palette import COLOURS, PAPER, SERIES
from perflab.report.figures.sheet import spread, width_of, wrapped
from perflab.report.figures.style import STYLE, look

SVG = "{http://www.w3.org/2000/svg}"
MANY = (*LAWS, "jit_parallel", "jit_tiled", "simd", "winograd", "torch", "jax", "another")


@pytest.fixture
def summary(small_run):
    return replace(report.summarise(records.read(small_run)), ceilings=typed.read(Ceilings, CEILINGS))


def rich(small_run, tmp_path, names=MANY, dtypes=("float32", "float64")):
    """A run of one operation with many techniques, and all that a figure can show of them."""
    laws = {name: lambda flops, at=at: 2e-6 * 0.6**at * flops for at, name in enumerate(names)}
    laws["vectorized"] = LAWS["vectorized"]
    folder = by_law(small_run, tmp_path, laws).folder
    header, *lines = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    header["plan"]["dtypes"] = dtypes
    for case in header["operations"]["fully_connected"]["cases"].values():
        case["costs"] = dict.fromkeys(dtypes, case["costs"]["float32"])
    lines = [line | {"dtype": dtype} for dtype in dtypes for line in lines]
    for line in lines:
        if line["kind"] == "verdict" and line["technique"] not in ("naive", "per_neuron", "vectorized"):
            line["cold_compile_s"] = 1.5
        if line["kind"] == "verdict" and line["technique"] == "simd":
            line["share"] = 0.0
    way = {
        "kind": "numpy", "flops": 10**6, "bytes": 10**5, "steps": 10, "few": 10, "few_flops": 10**6,
        "whole": True, "allocations": 1, "allocated": 0, "temporaries": 0, "workspace": 0, "peak": 0,
        "memory": "traced", "code": None, "no_code": "none",
    }  # fmt: skip
    for at, (name, dtype) in enumerate(itertools.product(names, dtypes)):
        lines.append({
            "kind": "evidence", "operation": "fully_connected", "technique": name, "dtype": dtype,
            "case": "tiny" if name == "naive" else "medium", "lines": 9, "imported": {},
            "ways": {"forward": way, "backward": way | {"peak": 700 * at**3}},
        })  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in [header, *lines])
    (folder / "records.jsonl").write_text(text)
    return replace(report.summarise(records.read(folder)), ceilings=typed.read(Ceilings, CEILINGS))


def as_contest(small_run, tmp_path):
    """The small run with one of its techniques as if it were a peer's column."""

    def change(lines):
        lines[0]["plan"]["homes"] = {"per_neuron": "torch"}
        return lines

    return report.summarise(records.read(copied(small_run, tmp_path, change)))


@mpl.rc_context(STYLE)  # as a figure is saved: hinted letters would be wider
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


def words_of(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip()]


def drawn(summary, name):
    return figures.drawn(summary, name)


def panels(one):
    return [ax for ax in one.figure.axes if ax.get_visible()]


def test_every_figure_says_what_it_belongs_to_and_on_which_machine(summary):
    found = list(figures.all_figures(summary))
    assert [(d.name, d.operation) for d in found] == [
        ("climb-t1", ""),
        *(
            (f"{kind}-{op}-t1", op)
            for op in ("fully_connected", "max_pool2d")
            for kind in ("ladder", "roofline")
        ),
    ]
    for one in found:
        whole = " ".join([*words_of(one.figure), one.title, one.caption]).replace("\n", " ")
        assert "float32" in whole
        assert "tiny" in whole
        assert "1 thread" in whole
        assert summary.run.environment["cpu"] in whole
        assert one.title in whole
        assert shlex.split(one.command)[:2] == ["perflab", "report"]
        assert shlex.split(one.command)[2:] == ["small", "--figure", one.name]
    assert len(set(figures.names(summary))) == len(figures.names(summary))


def test_no_text_overlaps_in_any_figure(small_run, summary, tmp_path):
    for one in [*figures.all_figures(summary), *figures.all_figures(as_contest(small_run, tmp_path))]:
        assert overlaps(one.figure) == [], one.name


def test_the_check_for_overlaps_can_fail(summary):
    one = next(iter(figures.all_figures(summary)))
    assert overlaps(one.figure) == []
    one.figure.text(0.5, 0.5, "here")
    one.figure.text(0.5, 0.5, "there")
    assert overlaps(one.figure) == [("here", "there")]
    one.figure.text(0.99, 0.2, "beyond the edge")
    assert ("beyond the edge", "cut off") in overlaps(one.figure)


@pytest.mark.parametrize("dtypes", slow_but([("float32", "float64")], [("float32",), ("float32", "float64")]))
def test_many_techniques_keep_apart_and_nothing_overlaps(dtypes, small_run, tmp_path):
    summary = rich(small_run, tmp_path, dtypes=dtypes)
    found = list(figures.all_figures(summary))
    assert {one.name.split("-")[0] for one in found} == {
        "ladder", "time", "roofline",
    }  # fmt: skip
    for one in found:
        assert overlaps(one.figure) == [], one.name
        one.figure.dpi = 72  # the SVG keeps this layout at its own resolution
        assert overlaps(one.figure) == [], one.name
    looks = [tuple(look(summary, "fully_connected", name).values()) for name in MANY]
    assert len(set(looks)) == len(MANY)


def test_long_and_strange_names_change_the_layout_and_not_the_promise(small_run, tmp_path):
    long = "a_very_long_name_from_an_outside_file_that_someone_wrote"

    def change(lines):
        for line in lines:
            if line.get("technique") == "jit":
                line["technique"] = long
            if line["kind"] == "run":
                line["operations"]["max_pool2d"]["title"] = "<script>alert('1')</script> & more " * 6
                line["plan"]["techniques"] = {
                    op: [long if name == "jit" else name for name in names]
                    for op, names in line["plan"]["techniques"].items()
                }
        return lines

    summary = report.summarise(records.read(copied(small_run, tmp_path, change)))
    for one in figures.all_figures(summary):
        assert overlaps(one.figure) == [], one.name
        text = svg.element(one)
        assert "<script" not in text + svg.on_page(one, tmp_path).svg
        root = ET.fromstring(text)
        assert root.find(f"{SVG}title").text == one.title


def everything_failed(lines):
    kept = [line for line in lines if line["kind"] not in ("block", "verdict")]
    return kept + [
        FAILURE | {"operation": op, "technique": name}
        for op in ("fully_connected", "max_pool2d")
        for name in FIRST_RUNGS
    ]


def one_cell(lines):
    lines[0]["plan"] |= {"techniques": {"max_pool2d": ["jit"]}, "cases": {"max_pool2d": ["tiny"]}}
    lines[0]["plan"]["directions"] = ["forward"]
    wanted = {"operation": "max_pool2d", "technique": "jit", "direction": "forward"}
    return [line for line in lines if all(line.get(k, v) == v for k, v in wanted.items())]


@pytest.mark.parametrize(
    "change",
    [one_cell, everything_failed, *(lambda lines, n=n: lines[:n] for n in (1, 2, 6, 12, 30, 60))],
    ids=["one cell", "all failed", *(f"{n} lines" for n in (1, 2, 6, 12, 30, 60))],
)
def test_a_part_of_a_run_gives_figures_that_show_something_or_none(change, small_run, tmp_path):
    summary = report.summarise(records.read(copied(small_run, tmp_path, change)))
    summary = replace(summary, ceilings=typed.read(Ceilings, CEILINGS))
    found = list(figures.all_figures(summary))
    if not any(not figure.predicted for figure in summary.figures.values()) and not summary.checks:
        assert found == []
    for one in found:
        assert overlaps(one.figure) == [], one.name
        for ax in panels(one):
            marks = [line for line in ax.lines if np.isfinite(np.asarray(line.get_ydata(), float)).any()]
            assert marks or ax.patches, f"{one.name}: an empty panel"
        ET.fromstring(svg.element(one))
    if change is one_cell:
        assert "ladder-max_pool2d-t1" in {one.name for one in found}


# ------------------------------------------------------------------------------------ what they show


def test_time_against_size_marks_exponents_and_crossovers_where_they_lie(small_run, tmp_path):
    summary = report.summarise(by_law(small_run, tmp_path))
    one = drawn(summary, "time-fully_connected-t1")
    exponents = {g.technique: g.scaling.exponent for g in summary.growths if g.direction == "step"}
    assert set(exponents) == set(LAWS)
    told = words_of(one.figure)
    for technique, exponent in exponents.items():
        assert f"{technique}  {exponent:.2f}" in told, "the name stands beside its line"
    rings = [line for ax in panels(one) for line in ax.lines if line.get_markersize() == 9]
    (crossing,) = (c for c in summary.crossovers if c.direction == "step")
    (ring,) = rings
    assert ring.get_xdata() == pytest.approx([crossing.flops])
    assert ring.get_ydata() == pytest.approx([LAWS["jit"](crossing.flops)], rel=0.02)
    assert "vectorized overtakes jit at 2.5·10⁵ operations" in one.caption
    (dashed,) = (line for ax in panels(one) for line in ax.lines if line.get_linestyle() == "--")
    assert dashed.get_markerfacecolor() == PAPER, "naive's prediction"


def test_cases_of_one_size_are_not_joined(small_run, tmp_path):
    run = by_law(small_run, tmp_path)
    costs = run.operations["fully_connected"].cases["medium"].costs["float32"]
    for direction, cost in costs.items():
        costs[direction] = replace(cost, flops=10**5)  # as much as the case named small
    one = drawn(report.summarise(run), "time-fully_connected-t1")
    assert "not joined" in one.caption
    assert not [text for text in words_of(one.figure) if re.search(r"\d\.\d\d$", text)]


def test_the_climb_has_a_mark_a_rung_at_its_rate_and_makes_no_ratio_of_two_cases(small_run, tmp_path):
    summary = report.summarise(records.read(small_run))
    one = drawn(summary, "climb-t1")
    marks = [
        x for line in panels(one)[0].lines if line.get_marker() not in ("", "None") for x in line.get_xdata()
    ]
    held = [f for f in summary.figures.values() if f.cell.direction == "backward"]
    assert sorted(marks) == pytest.approx(sorted(f.flops / f.median_s for f in held))
    assert not [text for text in words_of(one.figure) if "×" in text]
    for operation in ("fully_connected", "max_pool2d"):
        best = min((f for f in held if f.cell.operation == operation), key=lambda f: f.median_s)
        assert f"{best.cell.technique}, {words.time(best)} on tiny" in words_of(one.figure)


def test_a_figure_repeats_no_look(small_run, tmp_path):
    summary = rich(small_run, tmp_path)
    for name in ("time-fully_connected-t1", "roofline-fully_connected-t1"):
        one = drawn(summary, name)
        looks = {technique: tuple(look(summary, "fully_connected", technique).values()) for technique in MANY}
        assert len(set(looks.values())) == len(MANY)
        named = {text.split("  ")[0] for text in words_of(one.figure)}
        assert named >= set(MANY) - {"naive"}, "its name is beside its line"


def test_the_contest_has_a_mark_a_cell_with_its_interval(small_run, tmp_path):
    summary = as_contest(small_run, tmp_path)
    one = drawn(summary, "contest-float32-t1")
    met = contest.meetings(summary)
    lines = [line for line in panels(one)[0].lines if line.get_marker() in ("o", "s", "D")]
    marks = [x for line in lines for x in line.get_xdata()]
    assert sorted(marks) == pytest.approx(sorted(m.ratio.value for m in met))
    ends = {x for line in panels(one)[0].lines for x in line.get_xdata()}
    assert all({m.ratio.low, m.ratio.high} <= ends for m in met)
    assert f"in {sum(m.ratio.value > 1 for m in met)} of {len(met)} cells" in one.caption


def test_the_roof_names_the_rung_that_comes_nearest(summary):
    one = drawn(summary, "roofline-fully_connected-t1")
    held = [f for f in summary.of(operation="fully_connected", direction="backward") if not f.predicted]
    best = max(held, key=lambda f: f.gflops)
    share = summary.roof(best).seconds / best.median_s
    assert share > 0.01, "a vectorized product in the ceilings of this test"
    assert f"{best.cell.technique} is at {share:.0%} of the roof" in one.caption
    assert best.cell.technique in words_of(one.figure)
    assert drawn(replace(summary, ceilings=NOT_MEASURED), one.name) is None


# ------------------------------------------------------------------------------------------- as SVG


def test_svg_is_slim_and_well_formed_with_its_text_as_text(small_run, tmp_path):
    summary = rich(small_run, tmp_path)
    ids = []
    for one in figures.all_figures(summary):
        text = svg.save(one, tmp_path)
        assert (tmp_path / f"{one.name}.png").stat().st_size > 5000
        assert ET.parse(tmp_path / f"{one.name}.svg").getroot().get("role") == "img"
        assert len(text) < 80_000
        assert "metadata" not in text
        root = ET.fromstring(text)
        assert (root.find(f"{SVG}title").text, root.find(f"{SVG}desc").text) == (one.title, one.caption)
        shown = [e.text for e in root.iter(f"{SVG}text")]
        written = [line for text in words_of(one.figure) for line in text.splitlines()]
        assert set(shown) <= set(written)
        assert one.title in " ".join(shown)
        assert len(list(root.iter(f"{SVG}path"))) > 5
        own = re.findall(r'\bid="([^"]*)"', text)
        assert all(name.startswith(f"{one.name}-") for name in own)
        assert {name.strip("#") for name in re.findall(r'(?:href="|url\()(#[^")]*)', text)} <= set(own)
        assert all(re.fullmatch(r"-?\d*\.?\d?", n) for n in re.findall(r' [xy]="([^"]*)"', text))
        ids += own
    assert len(ids) == len(set(ids))


def test_what_is_higher_in_a_figure_is_nearer_to_the_top_of_its_svg():
    figure = Figure((2, 1))
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, 1), ylim=(0, 1))
    ax.axis("off")
    ax.plot([0.25, 0.5], [0.25, 0.75], color="#123456")
    picture = figures.Drawn(figure, "a line", "from below to above", "line", "", "")
    (path,) = [
        e for e in ET.fromstring(svg.element(picture)).iter(f"{SVG}path") if "#123456" in str(e.attrib)
    ]
    assert path.get("d") == "M36 54L72 18", "in points, from the upper left corner"


def test_a_figure_in_a_page_has_the_page_s_colours_and_a_saved_one_its_own(summary, tmp_path):
    one = drawn(summary, "ladder-fully_connected-t1")
    text = svg.element(one)
    page = svg.on_page(one, tmp_path).svg
    assert "<style>" in text
    assert "<style" not in page
    names = set(re.findall(r'class="([^"]*)"', page)) - {"drawing", "plot"}
    used = {name for several in names for name in several.split()}
    assert used
    assert {name[2:] for name in used} <= set(COLOURS)
    for light, _ in COLOURS.values():
        assert light not in page, "a colour of the palette goes by its name"
    for name in used:
        assert f".{name}{{" in text
    ET.fromstring(page)


def test_the_page_s_colours_are_the_palette_s(small_run):
    page = (small_run / "report.html").read_text()
    for name, (light, dark) in COLOURS.items():
        assert f".f-{name} {{ fill: var(--{name}); }}" in page
        if name[0] == "c" or name == "empty":
            assert re.findall(rf"--{name}: (#\w+)", page) == [light, dark, dark]


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
WITHOUT_A_CONE = {
    "all three": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* of linear RGB under D65."""
    to_xyz = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.9505, 1.0, 1.0888])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("eyes", WITHOUT_A_CONE)
def test_colours_keep_apart_for_all_eyes(eyes, mode):
    seen = {
        n: lab(WITHOUT_A_CONE[eyes] @ linear(c[mode])) for n, c in COLOURS.items() if re.fullmatch(r"c\d", n)
    }
    for (a, one), (b, other) in itertools.combinations(seen.items(), 2):
        assert np.linalg.norm(one - other) > 15, f"{a} and {b}"


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_colours_stand_out_from_the_page(mode):
    def luminance(colour):
        return np.array([0.2126, 0.7152, 0.0722]) @ linear(colour)

    ground = luminance(COLOURS["paper"][mode])
    for name, colour in COLOURS.items():
        bright, dark = sorted((luminance(colour[mode]), ground), reverse=True)
        least = {"ink": 7.0, "soft": 4.5}.get(name, 3.0)
        if name not in ("line", "paper", "empty"):
            assert (bright + 0.05) / (dark + 0.05) >= least, name
    assert len(SERIES) == 8


# ------------------------------------------------------------------------------------ how they are laid out


def test_names_beside_lines_keep_apart_and_near():
    rng = np.random.default_rng(0)
    for _ in range(200):
        wanted = list(rng.uniform(0, 3, rng.integers(1, 12)))
        places = spread(wanted, 0.2, 0.0, 3.0)
        gaps = np.diff(sorted(places))
        assert (gaps > 0.2 - 1e-6).all()
        assert 0 <= min(places) <= max(places) <= 3.0 + 1e-6
        assert list(np.argsort(places)) == list(np.argsort(wanted)), "in the order of the lines"
    assert spread([1.0, 2.0], 0.2, 0, 3) == [1.0, 2.0], "nobody moves without need"
    assert len(spread([1.0] * 30, 0.2, 0, 3)) == 30


def test_text_is_wrapped_by_its_width_and_long_words_in_pieces():
    text = "Convolution: the ladder, two threads " + "x" * 300
    found = wrapped(text, 9, 2.0)
    assert found.replace("\n", "").replace(" ", "") == text.replace(" ", "")
    assert all(width_of(line, 9) <= 2.0 for line in found.splitlines())
    assert wrapped("a step with 1 thread", 9, width_of("a step with 1", 9)).splitlines()[-1] == "1 thread"


# ---------------------------------------------------------------------------------- from the command line


def test_one_figure_is_made_again_by_the_line_below_it(small_run, tmp_path):
    whole = {path.name: path.read_bytes() for path in (small_run / "figures").iterdir()}
    folder = copied(small_run, tmp_path)
    done = perflab("report", folder, "--figure", "ladder-max_pool2d-t1", "climb-t1")
    assert done.returncode == 0, done.stderr
    names = ["ladder-max_pool2d-t1.svg", "ladder-max_pool2d-t1.png", "climb-t1.svg", "climb-t1.png"]
    assert done.stdout.split() == [str(folder / "figures" / name) for name in names]
    assert {path.name for path in (folder / "figures").iterdir()} == set(names)
    assert not (folder / "report.html").exists()
    for name in names:
        assert (folder / "figures" / name).read_bytes() == whole[name]


def test_a_figure_that_is_not_there_gets_one_line(small_run, tmp_path):
    folder = copied(small_run, tmp_path)
    line = one_line(perflab("report", folder, "--figure", "lader-max_pool2d-t1"), 2)
    assert "did you mean ladder-max_pool2d-t1" in line
    line = one_line(perflab("report", folder, "--figure", "contest-float32-t1"), 2)
    assert "nothing was measured yet" in line
    assert not (folder / "figures").exists()
