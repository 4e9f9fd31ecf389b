"""A gain is over the rung that a rung stands on, and over naive: on one case, never from a prediction."""

import json
from dataclasses import replace

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from test_figures import drawn, overlaps, panels, rich, words_of
from test_report import LAWS, by_law, copied

from perflab import records, report
from perflab.contract import Cell, PerflabError
from perflab.report import ladder, words
from perflab.report.figures.palette import BRANCHES, PAPER
from perflab.report.figures.style import look
from perflab.report.why import why

TREE = {
    "naive": "",
    "per_neuron": "naive",
    "vectorized": "per_neuron",
    "in_place": "vectorized",
    "jit": "naive",
    "simd": "jit",
    "tiles": "simd",
}
SPEEDS = {
    "in_place": lambda flops: 8e-6 * flops**0.5,
    "simd": lambda flops: 1e-8 * flops,
    "tiles": lambda flops: (2e-8 if flops < 10**6 else 4e-9) * flops,  # worth its while on large cases only
}
LADDER = {name: (LAWS | SPEEDS)[name] for name in TREE}


def told(small_run, tmp_path, change=lambda header: None, cases=()):
    """A run whose ladder has two branches, told on `tiny` and on `large`, where naive is a prediction."""
    folder = by_law(small_run, tmp_path, LADDER).folder
    header, *lines = (folder / "records.jsonl").read_text().splitlines()
    header = json.loads(header)
    lines = [line for line in lines if not cases or json.loads(line).get("case") in cases]
    described = header["operations"]["fully_connected"]
    described |= {"since": TREE, "study_case": "large", "small_case": "tiny"}
    change(header)
    (folder / "records.jsonl").write_text("\n".join([json.dumps(header), *lines, ""]))
    return report.summarise(records.read(folder))


def cell(technique, case="large", direction="step"):
    return Cell("fully_connected", case, "float32", 1, direction, technique)


def test_no_gain_is_over_a_rung_of_another_branch(small_run, tmp_path):
    summary = told(small_run, tmp_path)
    assert ladder.since(summary, "fully_connected") == TREE
    assert ladder.story_cases(summary, "fully_connected") == ["tiny", "large"]
    (small, study) = ladder.gains(summary, cell("jit"), "naive")
    assert (small.figure.cell.case, study.figure.cell.case) == ("tiny", "large")
    assert small.ratio.value == pytest.approx(100, rel=0.01)
    assert study.ratio is None, "naive was predicted there"
    assert study.over_naive is None
    assert study.text == ""
    (small, study) = ladder.gains(summary, cell("simd"), "jit")
    assert study.ratio.value == pytest.approx(2, rel=0.01)
    assert small.text == f"{words.ratio(small.ratio)} ({words.ratio(small.over_naive)})"


def test_where_a_rung_is_no_faster_it_is_told_on_which_cases_it_is(small_run, tmp_path):
    summary = told(small_run, tmp_path)
    assert ladder.no_faster(summary, cell("simd"), "jit") == ""
    assert ladder.no_faster(summary, cell("tiles"), "simd") == ""

    def on_a_small_case(header):
        header["operations"]["fully_connected"]["study_case"] = "small"

    (tmp_path / "small").mkdir()
    summary = told(small_run, tmp_path / "small", on_a_small_case)
    assert ladder.no_faster(summary, cell("tiles"), "simd") == (
        "slower than simd on small (×0.500); faster on medium (×2.50) and large (×2.50)"
    )
    slow = LADDER | {"tiles": lambda flops: 3e-8 * flops}
    (tmp_path / "never").mkdir()
    never = report.summarise(by_law(small_run, tmp_path / "never", slow))
    sentence = ladder.no_faster(never, cell("tiles"), "simd")
    assert sentence == "slower than simd on large (×0.333); not faster on any other case of this run"
    assert ladder.no_faster(replace(never, fit=False), cell("tiles"), "simd") == "", "unfit to tell"


def test_without_a_tree_each_rung_stands_on_the_one_before_and_jit_on_naive(small_run, tmp_path):
    def older(header):
        for name in ("since", "study_case", "small_case"):
            del header["operations"]["fully_connected"][name]

    summary = told(small_run, tmp_path, older)
    names = list(TREE)
    in_a_row = dict(zip(names, ["", *names[:-1]], strict=True))
    assert ladder.since(summary, "fully_connected") == in_a_row | {"jit": "naive"}
    assert ladder.story_cases(summary, "fully_connected") == ["medium", "large"]


def test_what_is_no_tree_is_refused_with_its_field(small_run, tmp_path):
    def circle(lines):
        lines[0]["operations"]["max_pool2d"]["since"] = {"naive": "jit", "jit": "naive"}
        return lines

    with pytest.raises(PerflabError, match=r"operations\.max_pool2d\.since .*naive stands on jit"):
        records.read(copied(small_run, tmp_path, circle))


def test_reasons_follow_the_tree(small_run, tmp_path):
    summary = rich(small_run, tmp_path)
    reasons = why.reasons_of(summary, "fully_connected", "float32", "forward")
    assert any("jit is" in line or "jit takes" in line for line in reasons)
    assert not any("jit" in line and "vectorized" in line for line in reasons)


# ------------------------------------------------------------------------------------------ the figure


ROWS = {
    "tiny": (
        "naive",
        "per_neuron",
        "jit",
    ),  # of which no gain is told on `large`: naive is a prediction there
    "large": ("per_neuron", "vectorized", "in_place", "jit", "simd", "tiles"),
}


def bars_of(ax):
    bars = (patch for patch in ax.patches if isinstance(patch, Rectangle))
    return {round(bar.get_y() + bar.get_height() / 2): bar for bar in bars}


def test_the_ladder_has_a_bar_a_rung_as_long_as_its_time(small_run, tmp_path):
    summary = told(small_run, tmp_path)
    one = drawn(summary, "ladder-fully_connected-t1")
    assert "Cases tiny and large" in one.caption
    assert "predictions" not in one.caption
    assert overlaps(one.figure) == []
    for ax, (case, names) in zip(panels(one), ROWS.items(), strict=True):
        bars = bars_of(ax)
        assert sorted(bars) == list(range(len(names)))
        for row, name in enumerate(names):
            held = summary.figures[cell(name, case)]
            assert bars[row].get_x() + bars[row].get_width() == pytest.approx(held.median_s)
            assert {held.low_s, held.high_s} <= set(ax.lines[0].get_xdata())
    texts = words_of(one.figure)
    study = ladder.gain(summary, summary.figures[cell("tiles")], "simd")
    assert study.words in texts
    assert study.words.endswith("×2.50"), "over the rung that it hangs from; naive was predicted"
    jit = ladder.gain(summary, summary.figures[cell("jit")], "naive")
    assert words.time(jit.figure) in texts, "a time without a gain: no prediction enters a ratio"


def test_what_the_study_case_tells_of_all_rungs_is_not_told_again(small_run, tmp_path):
    def where_naive_was_measured(header):
        header["operations"]["fully_connected"]["study_case"] = "medium"

    summary = told(small_run, tmp_path, where_naive_was_measured)
    one = drawn(summary, "ladder-fully_connected-t1")
    assert "Case medium." in one.caption
    (ax,) = panels(one)
    assert sorted(bars_of(ax)) == list(range(len(TREE)))


def test_a_rung_that_was_only_predicted_is_a_hollow_bar_without_a_gain(small_run, tmp_path):
    def on_one_case(header):
        header["plan"]["cases"] = {"fully_connected": ["large"]}

    summary = told(small_run, tmp_path, on_one_case, {"large"})
    one = drawn(summary, "ladder-fully_connected-t1")
    assert "Case large." in one.caption
    assert "predictions" in one.caption
    (ax,) = panels(one)
    hollow = {row for row, bar in bars_of(ax).items() if to_hex(bar.get_facecolor()) == PAPER}
    assert hollow == {0}
    (text,) = [text for text in words_of(one.figure) if text.startswith("~")]
    assert "×" not in text


def test_a_branch_has_a_hue_and_no_colour_stands_for_two_rungs(small_run, tmp_path):
    summary = told(small_run, tmp_path)
    colours = {name: look(summary, "fully_connected", name)["color"] for name in TREE}
    assert len(set(colours.values())) == len(TREE)
    hues = {name: next(hue for hue, shades in BRANCHES.items() if c in shades) for name, c in colours.items()}
    assert hues["naive"] == "root"
    assert {hues[name] for name in ("per_neuron", "vectorized", "in_place")} == {"numpy"}
    assert {hues[name] for name in ("jit", "simd", "tiles")} == {"compiled"}
