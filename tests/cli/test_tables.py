"""Every table of every verb at every width: no number, unit, interval or name is broken, nothing is lost."""

import contextlib
import io
import re
from collections import Counter

import numpy as np
import pytest
from conftest import perflab

from perflab import catalog, machine, records, report
from perflab.catalog import cases
from perflab.cli import terminal
from perflab.cli.show import study
from perflab.learn.training import page
from perflab.machine import ceilings
from perflab.run import presets, selfcheck

WIDTHS = (80, 100, 120, 200)
NARROW, UNBROKEN = 20, 2000
PRINT_ALL = terminal.print_all
SECONDS = {"naive": 2.3456, "per_neuron": 0.0345678, "vectorized": 1.23456e-3, "jit": 4.5678e-3}
TOKENS = re.compile(
    r"×?[\d.]+ \[[^\]\n]*\]"  # a figure with its interval
    r"|\[[^\]\n]*\]"
    r"|~?[\d.]+ (?:s|ms|µs|ns|B|KiB|MiB|GiB|GFLOP/s|GB/s|bits|%)(?!\w)"
    r"|\S+"
)
DRAWN = re.compile(r"^[─━│├└┡╇╺╸┃\-]+$")  # rules and the branches of a tree


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
                    who = {
                        "operation": op,
                        "technique": technique,
                        "case": case,
                        "dtype": dtype,
                        "threads": 1,
                    }
                    at = who | {"process": 0}
                    took = (
                        SECONDS.get(technique, 9.8765e-4 / (1 + techniques.index(technique)))
                        * 0.003
                        * 4.0**size
                    )
                    if technique == "naive" and took > 1:
                        seconds = dict.fromkeys(made.directions, took)
                        writer.append("prediction", **at, seconds=seconds, basis="its time on smaller cases")
                        continue
                    if technique in failed:
                        writer.append("failure", **at, reason="dx[0, 1, 2, 3]: got 1.5, wanted 1.25")
                        continue
                    where = "dw[12, 3, 2, 10]"
                    writer.append(
                        "verdict", **at, status="right", share=0.123, where=where, precision="float64"
                    )
                    for direction in made.directions:
                        for turn in range(12):
                            rounds = [took / faster * (1 + 0.02 * noise.standard_normal())]
                            block = {
                                "direction": direction,
                                "pass": turn,
                                "iterations": 1,
                                "rounds_s": rounds,
                            }
                            writer.append("block", **at, **block, after="same bits")
    writer.close()
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Saved runs: two of everything, one beside another commit, one against other projects; a training."""
    folder = tmp_path_factory.mktemp("tables") / "reports"
    ladders = {op: catalog.techniques(op) for op in catalog.operations()}
    quick = {"preset": "quick", "dtypes": ("float32",)}
    measured(folder / "first-of-everything", ladders, **quick, failed=("reordered",))
    some = {op: ladders[op] for op in ("fully_connected", "rnn")}
    measured(folder / "second-of-some-operations", some, **quick, faster=1.07)
    few = {"fully_connected": ("naive", "vectorized", "jit", "jit@0123456789ab")}
    measured(folder / "against-another-commit", few, "smoke")
    best = {op: (*catalog.techniques(op)[-3:], "torch_channels_last") for op in ("conv2d", "max_pool2d")}
    measured(folder / "contest", best, "peers", homes={"torch_channels_last": "torch"}, dtypes=("float32",))
    words = ("--layers", "conv:2x3,relu,pool:2,fc:5,softmax", "--batch", "4")
    for name, more in (("one", ("--technique", "jit")), ("several", ("--compare", "vectorized,per_neuron"))):
        done = perflab("train", *words, *more, "--steps", "2", "--out", folder / f"train-{name}")
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
    measured = {
        "measured": [one | {"threads": 1}, one | {"threads": 2}],
        "notes": ["A note on what is missing."],
    }
    monkeypatch.setattr(ceilings, "measure", lambda _: measured)
    monkeypatch.setattr(ceilings, "keep", lambda _: None)
    line = {"found": "1.2 % to 3.4 % of 40 pairs", "wanted": "at most 5 flagged of 40", "state": "noisy"}
    lines = tuple(
        selfcheck.Line(name=name, advice="Close other programs, and fix the frequency of the cores.", **line)
        for name in ("a copy against itself", "a slow-down of 5 %", "width of the intervals")
    )
    monkeypatch.setattr(selfcheck, "check", lambda *_: selfcheck.Fitness("noisy", lines, 2, 40, 0.0))
    monkeypatch.setattr(selfcheck, "store", lambda _: None)


SAVED = "reports/first-of-everything", "reports/second-of-some-operations", "reports/against-another-commit"
VERBS = {
    "list": ("list",),
    "verify": ("verify", "max_pool2d/vectorized", "max_pool2d/reshaped", "--dtype", "float32"),
    "run's final table": ("report", SAVED[0]),
    "against another commit": ("report", SAVED[2]),
    "contest": ("report", "reports/contest"),
    "compare": ("compare", *SAVED[:2], "--all"),
    "compare several": ("compare", *SAVED, "--all"),
    "board": ("board", "--case", "tiny"),
    "chain-rule": ("study", "chain-rule"),
    "train": ("report", "reports/train-one"),
    "train --compare": ("report", "reports/train-several"),
    "machine": ("machine",),
    "selfcheck": ("selfcheck",),
}


def rendered(pieces, width, monkeypatch):
    """The pieces as printed at this width."""
    monkeypatch.setenv("COLUMNS", str(width))
    with contextlib.redirect_stdout(io.StringIO()) as out:
        PRINT_ALL(terminal.Console(), pieces)
    return out.getvalue()


def printed(verb, runs, monkeypatch):
    """What a verb prints, by width; the verb itself is executed once."""
    texts = dict.fromkeys((UNBROKEN, *WIDTHS, NARROW), "")

    def at_every_width(_, pieces):
        pieces = [*pieces]
        for width in texts:
            texts[width] += rendered(pieces, width, monkeypatch)

    monkeypatch.setattr(terminal, "print_all", at_every_width)
    done = perflab(*VERBS[verb], cwd=runs, COLUMNS=str(UNBROKEN))
    assert "Traceback" not in done.stderr
    return texts


def lost(unbroken, text, width):
    """What of the unbroken text is not whole in the narrower one; of 20 columns, what is not in it at all."""
    assert unbroken
    gone = [*(tokens(unbroken) - tokens(text))]
    if width == NARROW:
        return [token for token in gone if "".join(token.split()) not in "".join(text.split())]
    return gone


@pytest.mark.usefixtures("_nothing_measured")
@pytest.mark.parametrize("verb", VERBS)
def test_no_table_breaks_a_token(verb, runs, monkeypatch):
    texts = printed(verb, runs, monkeypatch)
    unbroken = texts.pop(UNBROKEN)
    for width, text in texts.items():
        assert not lost(unbroken, text, width), f"at {width} columns"
        assert width == NARROW or max(map(len, text.splitlines())) <= width


@pytest.mark.slow
def test_a_study_breaks_no_token(runs, monkeypatch):
    """What changed is side by side, with the unchanged lines twice, or one below the other."""
    section, source = study.section("rnn", runs / SAVED[0])
    texts = {
        width: rendered(study.shown(section, section.rungs, source, width), width, monkeypatch)
        for width in (UNBROKEN, *WIDTHS)
    }
    unbroken = texts.pop(UNBROKEN)
    for width, text in texts.items():
        assert not set(lost(unbroken, text, width)) - set(tokens(text)), f"at {width} columns"
