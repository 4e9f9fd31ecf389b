"""A contest on drawn shapes: its plan, what is refused, who takes part."""

import json
from dataclasses import asdict

import pytest
from conftest import ROOT, one_line, perflab

import perflab as face
from perflab import records
from perflab.catalog import draw, find
from perflab.contract import PerflabError
from perflab.records import Plan, typed
from perflab.run import drawing, presets, request


@pytest.fixture
def _torch(monkeypatch):
    """As if PyTorch were installed: no plan imports it."""
    monkeypatch.setattr(find, "lacking_peer", lambda project: "")


def settled(*words, count=6, seed="s", **options):
    """The plan that a request for a drawn contest makes."""
    return request.settle(request.Request(tuple(words), draw=count, seed=seed, **options))[1]


@pytest.mark.usefixtures("_torch")
def test_the_plan_has_the_shapes_the_seed_and_the_peers():
    plan = settled("conv2d", "rnn", count=9)
    assert plan.preset == "peers"
    assert {op: len(names) for op, names in plan.cases.items()} == draw.shared(9, ("conv2d", "rnn"))
    shapes = draw.draw("conv2d", len(plan.cases["conv2d"]), "s")
    assert {*plan.cases["conv2d"]} == {shape.case.name for shape in shapes}
    assert plan.homes == {"torch": "torch", "torch_channels_last": "torch"}
    assert not {*presets.PLAIN_LOOPS} & {*plan.techniques["conv2d"]}
    assert (plan.drawn.count, plan.drawn.seed) == (9, "s")
    assert {op: {*names} for op, names in plan.drawn.origins.items()} == {
        op: {*names} for op, names in plan.cases.items()
    }
    assert "depthwise" in " ".join(plan.drawn.left_out)
    assert typed.read(Plan, json.loads(json.dumps(asdict(plan)))) == plan
    assert settled("rnn").drawn.left_out == (), "no convolution, none left out"


@pytest.mark.usefixtures("_torch")
def test_without_targets_every_operation_with_layers_is_drawn():
    plan = settled(count=8, preset="peers", peers=("torch", "jax"))
    assert {*plan.techniques} == {*draw.operations()}
    assert {*plan.homes.values()} == {"torch", "jax"}


def test_auto_alone_is_measured_unless_others_are_named():
    ladder = ("vectorized", "simd", "auto")
    assert drawing._contenders("conv2d", ladder, ()) == ("auto",)
    assert drawing._contenders("conv2d", ladder, ("conv2d", "conv2d/simd")) == ("simd", "auto")
    assert drawing._contenders("conv2d", ladder[:2], ()) == ladder[:2]


def test_a_seed_is_any_short_text_and_a_new_one_by_default():
    assert drawing.asked("40", "8f3a") == (40, "8f3a")
    assert drawing.asked(3, 7) == (3, "7")
    assert drawing.asked(None, None) == (0, "")
    assert drawing.asked("3", None) != drawing.asked("3", None)
    for seed in ("", "  ", "a\nb", "x" * 101):
        with pytest.raises(PerflabError, match=r"--seed: .*wanted a text"):
            drawing.asked("3", seed)


OWN = str(ROOT / "examples" / "layer_norm")
BAD = {
    ("--draw", "0"): "--draw: '0'; wanted a whole number from 1 to 500",
    ("--draw", "-3"): "--draw: '-3'; wanted",
    ("--draw", "abc"): "--draw: 'abc'; wanted",
    ("--draw", "5000"): "--draw: '5000'; wanted",
    ("--draw", "3"): "--draw: 3 for 6 operations; wanted at least one for each",
    ("--seed", "3"): "--seed: '3'; wanted --draw N",
    ("--draw", "8", "--seed", ""): "--seed: ''; wanted a text",
    ("--draw", "8", "--preset", "quick"): "--draw: with --preset quick; wanted --preset peers",
    ("--draw", "8", "--case", "tiny"): "--draw: with --case",
    ("conv2d", "--draw", "8", "--size", "N=3"): "--draw: with --size",
    ("conv2d", "--draw", "8", "--sweep", "C=3:9"): "--draw: with --sweep",
    ("conv2d", "--draw", "8", "--peer", "torhc"): "torhc: unknown peer",
    (OWN, "--draw", "8"): "--draw: no layers of layer_norm are known; wanted some of conv2d",
    ("--resume", "--draw", "8"): "--resume: the saved plan decides everything",
}


@pytest.mark.parametrize("words", BAD, ids=lambda words: " ".join(words[-4:]))
def test_a_bad_request_is_one_line(words, tmp_path):
    line = one_line(perflab("run", *words, "--out", tmp_path / "none"), 2)
    assert BAD[words] in line
    assert not (tmp_path / "none").exists()


def test_without_any_peer_there_is_nothing_to_compare_with(monkeypatch, tmp_path):
    monkeypatch.setattr(find, "lacking_peer", lambda name: f"{name}: not installed; wanted: pip install it")
    line = one_line(perflab("run", "conv2d", "--draw", "4", "--out", tmp_path / "none"), 2)
    assert line == "perflab: --draw: nothing to compare with: torch: not installed; wanted: pip install it"
    with pytest.raises(PerflabError, match=r"nothing to compare with: torch: .*; jax: "):
        face.run("rnn", draw=4, peers=("torch", "jax"), out=tmp_path / "none")


@pytest.mark.slow
def test_a_contest_from_end_to_end(tmp_path, monkeypatch):
    """Small shapes, against a peer that the tests have."""
    pytest.importorskip("dask.array")
    monkeypatch.setattr(draw, "MOST_FLOPS", 3e6)
    draw._fitting.cache_clear()
    try:
        words = ("fully_connected/vectorized", "--draw", "2", "--seed", "end", "--peer", "dask")
        done = perflab("run", *words, "--dtype", "float32", "--out", tmp_path / "run")
    finally:
        draw._fitting.cache_clear()
    assert done.returncode == 0, done.stderr
    assert "2 shapes drawn from the seed end" in done.stderr
    assert "The contest on drawn shapes" in done.stdout
    assert "perflab run fully_connected --draw 2 --seed end" in done.stdout.replace("\n", " ")
    assert records.read(tmp_path / "run").plan.drawn.count == 2
