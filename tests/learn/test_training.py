"""A network of layers: its gradient, its training on the digits, what is saved, and what is refused."""

import copy
import json
import re
from dataclasses import replace

import numba
import numpy as np
import pytest
from conftest import slow_but
from matplotlib.backends.backend_agg import FigureCanvasAgg

from perflab import cli, machine
from perflab.contract import PerflabError
from perflab.learn.training import amdahl, descent, page
from perflab.learn.training.curves import differences
from perflab.learn.training.descent import Settings
from perflab.learn.training.layers import MODELS, build, specs, techniques
from perflab.learn.training.network import Network, relu_backward, relu_forward

SMALL = "conv:2x3,relu,pool:2,fc:5,softmax"


@pytest.fixture(scope="module")
def whole():
    return descent.train(Settings())


@pytest.fixture(scope="module")
def compared():
    sets = ("vectorized", "naive", "per_neuron", "jit")
    return descent.train(Settings(SMALL, compare=sets, dtype="float64", batch=4, steps=5, reg=0.01))


def with_fixed_times(saved):
    """The same training with fixed seconds, so that the places of texts do not depend on a clock."""
    saved = copy.deepcopy(saved)
    for rank, variant in enumerate(saved["sets"], 1):
        for place, ways in enumerate(variant["seconds"].values(), 1):
            for seconds in ways.values():
                seconds |= {"median_s": 1e-4 * place / rank, "total_s": 1e-3 * place / rank}
        variant["step"] |= {"median_s": 4e-3 / rank, "total_s": 4e-2 / rank, "each_s": [4e-3 / rank] * 10}
        variant["wall_s"] = 1.0
    return saved


def built(words, technique="vectorized", dtype="float64", reg=0.0) -> Network:
    layers = specs(words)
    return build(layers, techniques(layers, technique)[0], dtype, 0, reg)


def few(count, dtype="float64"):
    images, labels = descent.digits(dtype)
    return images[:count], labels[:count]


@pytest.mark.parametrize("technique", slow_but({"vectorized"}, ["vectorized", "jit", "fastest"]))
def test_the_gradient_of_the_whole_network_is_that_of_central_differences(technique):
    network = built(SMALL, technique, reg=0.1)
    rng = np.random.default_rng(5)  # no digits: their black pixels are at the corner of ReLU
    x, y = rng.standard_normal((3, 1, 8, 8)), np.array([3, 0, 9])
    by_layer = network.gradients(network.step(x, y)[1])
    for layer, gradients in zip(network.every, by_layer, strict=True):
        for w, gradient in zip(layer.weights, gradients, strict=True):
            wanted = np.empty_like(w)
            for at in np.ndindex(w.shape):
                value, ends = w[at], []
                for moved in (value + 1e-6, value - 1e-6):
                    w[at] = moved
                    ends.append(network.step(x, y)[0])
                w[at] = value
                wanted[at] = (ends[0] - ends[1]) / 2e-6
            np.testing.assert_allclose(gradient, wanted, rtol=1e-5, atol=1e-8)


def test_relu_passes_the_gradient_above_zero_only():
    x = np.array([-2.0, -0.0, 0.0, 3.0])
    out, cache = relu_forward(x)
    assert out.tolist() == [0, 0, 0, 3]
    assert relu_backward(np.full(4, 7.0), cache)[0].tolist() == [0, 0, 0, 7]
    assert np.isnan(relu_forward(np.array([np.nan]))[0]).all()


def test_a_step_moves_every_weight_against_its_gradient():
    network, (x, y) = built(SMALL, reg=0.1), few(6)
    _, calls = network.step(x, y)
    before = [w.copy() for layer in network.every for w in layer.weights]
    gradients = [g for layer in network.gradients(calls) for g in layer]
    network.descend(calls, 0.25)
    after = [w for layer in network.every for w in layer.weights]
    assert len(after) == 5
    for old, gradient, new in zip(before, gradients, after, strict=True):
        np.testing.assert_array_equal(new, old - 0.25 * gradient)


def test_every_technique_follows_one_loss_curve(compared):
    assert compared["findings"] == []
    curves = compared["agreement"]["curves"]
    assert [curve["name"] for curve in curves] == ["naive", "per_neuron", "jit"]
    assert all(curve["ok"] and curve["difference"] <= 1e-10 for curve in curves)
    assert {len(variant["losses"]) for variant in compared["sets"]} == {5}


@pytest.mark.slow
def test_fast_techniques_follow_one_loss_curve_for_twenty_steps_at_full_size():
    saved = descent.train(Settings(compare=("vectorized", "jit", "fastest"), dtype="float64", steps=20))
    assert saved["findings"] == []
    assert all(curve["difference"] <= 1e-10 for curve in saved["agreement"]["curves"])
    losses = saved["sets"][0]["losses"]
    assert len(losses) == 20
    assert losses[-1] < losses[0]


def test_a_curve_that_differs_from_the_first_is_reported():
    inf, nan = np.inf, np.nan
    known = {
        "near": [2.0, 1.0 + 1e-12, nan],
        "far": [2.0, 1.1, inf],
        "short": [2.0, 1.0],
        "lost": [2.0, nan, inf],
    }
    curves = [[2.0, 1.0, inf], *known.values()]
    near, far, short, lost = differences(["first", *known], curves)
    assert near["ok"]
    assert not far["ok"]
    assert (far["difference"], far["step"]) == (pytest.approx(0.1), 2)
    assert not short["ok"]
    assert (lost["ok"], lost["difference"]) == (False, None)


@pytest.mark.slow
def test_the_convolutional_network_reads_97_percent_of_the_digits(whole):
    assert whole["sets"][0]["accuracy"][-1]["test"] >= 0.97
    assert whole["findings"] == []


def test_the_linear_classifier_alone_reads_94_percent():
    saved = descent.train(Settings(MODELS["linear"]))
    assert saved["sets"][0]["accuracy"][-1]["test"] >= 0.94


def test_the_split_is_fixed_and_has_every_digit_once():
    train, test = descent.split()
    assert (len(train), len(test)) == (1437, 360)
    assert sorted([*train, *test]) == list(range(1797))
    assert test[:5].tolist() == descent.split()[1][:5].tolist()
    drawn = descent.batches(Settings(batch=100, seed=3))
    epoch = np.concatenate([next(drawn) for _ in range(14)])
    assert len(set(epoch)) == 1400
    assert not set(epoch) & set(test)


def test_the_same_seed_gives_the_same_curve_and_another_another():
    curves = [
        descent.train(Settings("softmax", steps=5, seed=seed))["sets"][0]["losses"] for seed in (1, 1, 2)
    ]
    assert curves[0] == curves[1] != curves[2]


def test_no_time_of_what_the_oracle_finds_wrong(monkeypatch, tmp_path, capsys):
    raw = descent.catalog.raw

    def broken(operation, technique):
        right = raw(operation, technique)
        return replace(right, backward=lambda dout, cache: tuple(2 * g for g in right.backward(dout, cache)))

    monkeypatch.setattr(descent.catalog, "raw", broken)
    with pytest.raises(PerflabError, match=r"softmax_loss/jit_exp float32: wrong: .*; no number"):
        descent.train(Settings("softmax", steps=2))
    monkeypatch.setattr(descent, "_checked", lambda operation, technique, dtype: {})
    with pytest.raises(PerflabError, match=r"on the first batch: .*got .*wanted .*; no number"):
        descent.train(Settings("softmax", steps=2))
    assert cli.main(["train", "--model", "linear", "--steps", "2", "--out", str(tmp_path / "new")]) == 1
    assert re.fullmatch("perflab: softmax_loss/jit_exp float32 .*no number\n", capsys.readouterr().err)
    assert not any((tmp_path / "new").iterdir())


def test_every_technique_is_verified_before_its_time_is_kept(compared):
    for variant in compared["sets"]:
        assert {v["layer"] for v in variant["verified"]} == {"conv", "pool", "fc", "softmax"}
        assert all(v["status"] == "right" and v["error_first_batch"] <= 1 for v in variant["verified"])
        assert [f"{v['technique']}" for v in variant["verified"]] == list(variant["techniques"].values())


def test_shares_are_a_whole_and_the_bound_is_amdahls(compared):
    variant = compared["sets"][0]
    shares, bounds = amdahl.shares(variant), amdahl.bounds(variant)
    assert sum(shares.values()) == pytest.approx(1)
    for name, seconds in amdahl.times(variant).items():
        rest = amdahl.whole(variant) - seconds
        assert bounds[name] == pytest.approx(amdahl.whole(variant) / rest)
    faster = amdahl.speedups(compared["sets"][-1], compared["sets"][1])
    assert faster["whole step"] == pytest.approx(
        amdahl.whole(compared["sets"][1]) / amdahl.whole(compared["sets"][-1])
    )


def test_a_technique_that_an_operation_lacks_is_replaced_with_a_note():
    layers = specs(MODELS["cnn"])
    chosen, notes = techniques(layers, "simd", {"fc": "tiles"})
    assert chosen == {"conv": "simd", "pool": "simd", "fc": "tiles", "softmax": "vectorized"}
    assert notes == ["softmax: softmax_loss has no simd; vectorized instead"]


REFUSED = {
    "conv,rlu,softmax": "rlu: unknown layer; did you mean relu",
    "": "'': unknown layer",
    "conv,relu": "wanted one softmax, and that as the last layer",
    "softmax,softmax": "wanted one softmax",
    "pool:9,softmax": "pool:9: does not fit the layer before: .*x's H = 8",
    "pool,pool,pool,pool,softmax": "pool: does not fit the layer before",
    "fc,conv,softmax": "conv: takes images, but the layer before gives rows of 64 numbers",
    "conv:0,softmax": "conv:0: wanted sizes from 1 to 4096",
    "conv:axb,softmax": "conv:axb: no size; wanted conv:FILTERSxTAPS",
    "fc:99999999999,softmax": "wanted sizes from 1 to 4096",
    "softmax:3": "softmax takes no size",
}


@pytest.mark.parametrize("words", REFUSED)
def test_wrong_layers_are_named(words):
    with pytest.raises(PerflabError, match=REFUSED[words]):
        specs(words)


BAD = {
    "--rate nan": "--rate: nan; wanted a finite learning rate above 0",
    "--rate 0": "--rate: 0.0; wanted a finite learning rate above 0",
    "--rate -1": "--rate: -1.0; wanted",
    "--reg inf": "--reg: inf; wanted",
    "--batch 0": "--batch: 0; wanted at least 1",
    "--batch 1438": "--batch: 1438; wanted at most 1437",
    "--steps 0": "--steps: 0; wanted at least 1",
    "--epochs 0": "--epochs: 0; wanted at least 1",
    "--seed -1": "--seed: -1; wanted at least 0",
    "--dtype float16": "float16: unknown dtype",
    "--model cn": "cn: unknown model; did you mean cnn",
    "--layers conv": "wanted one softmax",
    "--technique simdd": "simdd: unknown technique; did you mean simd",
    "--with-technique conv": "--with-technique: conv; wanted LAYER=TECHNIQUE",
    "--with-technique relu=jit": "relu: unknown layer with a technique",
    "--with-technique conv=foo": "conv=foo: unknown technique",
    "--compare jit": "--compare: jit; wanted two techniques",
    "--compare jit,jit": "--compare: jit, jit; wanted",
    "--compare jit,foo": "foo: unknown technique",
    "--compare jit,naive --dtype float32": "wanted float64 with --compare",
    "--compare jit,naive --epochs 3": "wanted it without",
}


@pytest.fixture(autouse=True)
def _threads_stay(monkeypatch):
    """The command limits its thread pools by variables; the other tests of this process must not see them."""
    for variable in machine.POOLS:
        monkeypatch.setenv(variable, str(numba.config.NUMBA_NUM_THREADS))


@pytest.mark.parametrize("options", BAD)
def test_what_cannot_be_trained_is_one_line(options, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["train", "--out", str(out), *options.split()]) == 2
    message = capsys.readouterr().err
    assert BAD[options] in message
    assert message.count("\n") == 1
    assert not out.exists()


def test_a_loss_that_diverges_stops_is_named_and_keeps_its_curve(tmp_path, capsys):
    options = "--model linear --rate 1e300 --steps 50"
    assert cli.main(["train", "--out", str(tmp_path), *options.split()]) == 1
    assert re.search(r"the loss is (nan|inf) at step 2: diverged .*1e\+300; stopped", capsys.readouterr().err)
    saved = page.read(tmp_path)
    assert len(saved["sets"][0]["losses"]) == 2
    assert saved["sets"][0]["losses"][0] == pytest.approx(np.log(10), rel=0.5)
    assert saved["sets"][0]["losses"][1] is None
    assert "diverged" in (tmp_path / "report.html").read_text("utf-8")
    assert "diverged" in (tmp_path / "report.md").read_text("utf-8")


def test_variants_that_diverge_alike_do_not_differ():
    saved = descent.train(
        Settings("softmax", compare=("vectorized", "jit"), dtype="float64", rate=1e308, steps=9)
    )
    assert len(saved["findings"]) == 2
    assert all("diverged" in line for line in saved["findings"])


def test_what_is_saved_is_strict_json_and_makes_its_report_again(compared, tmp_path, capsys):
    page.free(tmp_path / "new")
    page.save(tmp_path / "new", compared)
    page.write(tmp_path / "new", compared)

    def refuse(word):
        raise AssertionError(word)

    saved = json.loads((tmp_path / "new" / page.SAVED).read_text("utf-8"), parse_constant=refuse)
    assert saved["settings"]["layers"] == SMALL
    assert saved["split"] == {"seed": 0, "train": 1437, "test": 360}
    assert saved["environment"]["numpy"] == np.__version__
    assert set(saved["sets"][0]["seconds"]["conv"]) == {"forward", "backward"}
    files = {path.name for path in (tmp_path / "new" / "figures").iterdir()}
    assert files == {f"training-{name}.{kind}" for name in page.FIGURES for kind in ("svg", "png")}
    html = (tmp_path / "new" / "report.html").read_text("utf-8")
    assert html.count("<svg") == 3
    assert not re.search(r"(src|href)=[\"']https?:|@import|url\(http", html)
    (tmp_path / "new" / "report.html").unlink()
    assert cli.main(["report", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / "report.html").read_text("utf-8") == html
    assert "speed-up over vectorized" in capsys.readouterr().out
    with pytest.raises(PerflabError, match="holds results already"):
        page.free(tmp_path / "new")


def test_the_command_prints_its_json(tmp_path, capsys):
    assert cli.main(["train", "--model", "linear", "--steps", "3", "--json", "--out", str(tmp_path)]) == 0
    saved = json.loads(capsys.readouterr().out)
    assert len(saved["sets"][0]["losses"]) == 3
    assert saved["sets"][0]["accuracy"][-1]["step"] == 3


def test_texts_of_figures_are_inside_and_do_not_overlap(compared):
    alone = compared | {"sets": compared["sets"][:1]}
    for saved in map(with_fixed_times, (compared, alone)):
        for draw in page.FIGURES.values():
            picture = draw(saved)
            if picture is None:
                assert len(saved["sets"]) == 1
                continue
            width, height = picture.figure.get_size_inches()
            renderer = FigureCanvasAgg(picture.figure).get_renderer()
            boxes = [text.get_window_extent(renderer) for text in picture.figure.texts if text.get_text()]
            dpi = picture.figure.dpi
            assert all(b.x0 >= -1 and b.x1 <= width * dpi + 1 and b.y1 <= height * dpi + 1 for b in boxes)
            pairs = [(a, b) for at, a in enumerate(boxes) for b in boxes[:at]]
            assert not any(a.shrunk(0.9, 0.9).overlaps(b.shrunk(0.9, 0.9)) for a, b in pairs)
