"""Every table of every verb, at every width: no number, unit, interval, name or word is broken, nothing is lost."""

import re
from collections import Counter

import numpy as np
import pytest
from conftest import perflab

from perflab import catalog, machine, records, report
from perflab.catalog import cases
from perflab.learn.training import page
from perflab.machine import ceilings
from perflab.run import presets, selfcheck

WIDTHS = (80, 100, 120, 200)
SECONDS = {"naive": 2.3456, "per_neuron": 0.0345678, "vectorized": 1.23456e-3, "jit": 4.5678e-3}
TOKENS = re.compile(
    r"×?[\d.]+ \[[^\]\n]*\]"  # a figure with its interval
    r"|\[[^\]\n]*\]"
    r"|~?[\d.]+ (?:s|ms|µs|ns|B|KiB|MiB|GiB|GFLOP/s|GB/s|bits|%)(?!\w)"
    r"|\S+"
)
DRAWN = re.compile(r"^[─━│├└┡╇╺╸┃\-]+$")  # rules and the branches of a tree
AN_OPERATION = "fully_connected"


def tokens(text):
    """What must stand whole, and how often it does."""
    return Counter(token for token in TOKENS.findall(text) if not DRAWN.match(token))


def measured(folder, ladders, preset, *, faster=1.0, homes=None, failed=(), environment=None, **plan):
    """A run with times that a machine could have given, of what takes more than a second a prediction."""
    made = presets.make(ladders, preset, homes=homes, **plan)
    records.begin(folder, made, cases.describe(made), environment or machine.environment())
    writer, noise = records.Writer(folder), np.random.default_rng(len(ladders))
    for op, techniques in made.techniques.items():
        for size, case in enumerate(made.cases[op]):
            for technique in made.contenders(op, case):
                for dtype in made.dtypes:
                    who = {"operation": op, "technique": technique, "case": case, "dtype": dtype, "threads": 1}
                    at = who | {"process": 0}
                    took = SECONDS.get(technique, 9.8765e-4 / (1 + techniques.index(technique))) * 0.003 * 4.0**size
                    if technique == "naive" and took > 1:
                        seconds = dict.fromkeys(made.directions, took)
                        writer.append("prediction", **at, seconds=seconds, basis="its time on smaller cases")
                        continue
                    if technique in failed:
                        writer.append("failure", **at, reason="dx[0, 1, 2, 3]: got 1.5, wanted 1.25")
                        continue
                    where = "dw[12, 3, 2, 10]"
                    writer.append("verdict", **at, status="right", share=0.123, where=where, precision="float64")
                    for direction in made.directions:
                        for turn in range(12):
                            rounds = [took / faster * (1 + 0.02 * noise.standard_normal())]
                            block = {"direction": direction, "pass": turn, "iterations": 1, "rounds_s": rounds}
                            writer.append("block", **at, **block, after="same bits")
    writer.close()
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Saved runs: two of everything, one beside another commit, one against other projects; a training."""
    folder = tmp_path_factory.mktemp("tables") / "reports"
    ladders = {op: catalog.techniques(op) for op in catalog.operations()}
    measured(folder / "first-of-everything", ladders, "quick", failed=("reordered",))
    measured(folder / "second-of-everything", ladders, "quick", faster=1.07)
    few = {"fully_connected": ("naive", "vectorized", "jit", "jit@0123456789ab")}
    measured(folder / "against-another-commit", few, "smoke")
    best = {op: (*catalog.techniques(op)[-3:], "torch_channels_last") for op in ("conv2d", "max_pool2d")}
    measured(folder / "contest", best, "peers", homes={"torch_channels_last": "torch"})
    words = ("--layers", "conv:2x3,relu,pool:2,fc:5,softmax", "--batch", "4")
    for name, more in (("one", ("--steps", "2")), ("several", ("--compare", "vectorized,per_neuron,jit"))):
        done = perflab("train", *words, *more, "--steps", "3", "--out", folder / f"train-{name}")
        assert done.returncode == 0, done.stderr
    return folder.parent


@pytest.fixture
def _nothing_measured(monkeypatch):
    """Ceilings and a self-check without measuring; no page is written."""
    monkeypatch.setattr(report, "write", lambda run, *_, **__: run.folder / "report.html")
    monkeypatch.setattr(page, "write", lambda folder, _: folder / "report.html")
    levels = {kind: {"best": 123.456} for kind in ceilings.MEANING}
    one = {
        "arithmetic": [{"dtype": dtype} | {kind: {"best": 1234.5} for kind in ("chains", "product")}
                       for dtype in ("float32", "float64")],
        "bandwidth": [{"bytes": 3 << power} | levels for power in range(14, 28, 4)],
    }  # fmt: skip
    measured = {"measured": [one | {"threads": 1}, one | {"threads": 2}], "notes": ["A note on what is missing."]}
    monkeypatch.setattr(ceilings, "measure", lambda _: measured)
    monkeypatch.setattr(ceilings, "keep", lambda _: None)
    line = {"found": "1.2 % to 3.4 % of 40 pairs", "wanted": "at most 5 flagged of 40", "state": "noisy"}
    lines = tuple(
        selfcheck.Line(name=name, advice="Close other programs, and fix the frequency of the cores.", **line)
        for name in ("a copy against itself", "a slow-down of 5 %", "width of the intervals")
    )
    monkeypatch.setattr(selfcheck, "check", lambda *_: selfcheck.Fitness("noisy", lines, 2, 40, 0.0))
    monkeypatch.setattr(selfcheck, "store", lambda _: None)


SAVED = "reports/first-of-everything", "reports/second-of-everything", "reports/against-another-commit"
VERBS = {
    "list": ("list",),
    "verify": ("verify", "softmax_loss", "--dtype", "float32", "--case", "odd"),
    "run's final table": ("report", SAVED[0]),
    "against another commit": ("report", SAVED[2]),
    "contest": ("report", "reports/contest"),
    "compare": ("compare", *SAVED[:2], "--all"),
    "compare several": ("compare", *SAVED, "--all"),
    "board": ("board", "--case", "tiny"),
    "study": ("study", AN_OPERATION, "--run", SAVED[0]),
    "chain-rule": ("study", "chain-rule"),
    "train": ("report", "reports/train-one"),
    "train --compare": ("report", "reports/train-several"),
    "machine": ("machine",),
    "selfcheck": ("selfcheck",),
    "new": ("new", AN_OPERATION, "mine.py"),
}


def printed(verb, runs, width):
    if verb == "new":
        (runs / "mine.py").unlink(missing_ok=True)
    done = perflab(*VERBS[verb], cwd=runs, COLUMNS=str(width))
    assert "Traceback" not in done.stderr
    return re.sub(r", \d+\.\d s$", "", done.stdout, flags=re.MULTILINE)  # how long it took


@pytest.mark.usefixtures("_nothing_measured")
@pytest.mark.parametrize("verb", VERBS)
def test_no_table_breaks_a_token(verb, runs):
    wanted = tokens(printed(verb, runs, 2000))
    assert wanted
    for width in WIDTHS:
        text = printed(verb, runs, width)
        assert not wanted - tokens(text), f"broken or lost at {width} columns"
        assert max(map(len, text.splitlines())) <= width
