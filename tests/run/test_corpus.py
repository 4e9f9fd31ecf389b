"""The corpus and `perflab referee`: no cheat gets a time unnamed, no honest file is accused."""

import json
import signal
import subprocess
import sys
import time

import pytest
from conftest import interruptible, one_line, perflab, perflab_process, user_environment

from perflab.cli.show import referee as show
from perflab.run.referee import comparison, corpus
from perflab.run.referee.comparison import Finding

KINDS = {kind.name: kind for kind in corpus.kinds()}
HONEST = [name for name, kind in KINDS.items() if kind.honest]
CHEATS = [name for name in KINDS if name not in HONEST]


def found_by(judge, name):
    comparison.prepare()
    return comparison.find(KINDS[name], judge)


def test_the_corpus_is_large_and_every_file_says_what_it_is():
    assert len(CHEATS) >= 60
    assert len(HONEST) >= 30
    for kind in KINDS.values():
        assert kind.summary.endswith("."), kind.path
        assert bool(kind.family) is bool(kind.told), kind.path
        assert {*kind.against} <= comparison.JUDGES.keys(), kind.path


@pytest.mark.parametrize("name", ["lazy_tuple", "slow_lookup", "threads_two", "daemon"])
def test_a_cheat_gets_no_time_and_is_named(name):
    found = found_by(corpus.PERFLAB, name)
    assert found.outcome == comparison.HOLDS, found
    assert found.named, found


def test_an_honest_file_gets_a_time():
    found = found_by(corpus.PERFLAB, "transposed")
    assert found.outcome == comparison.CLEARS, found
    assert found.seconds > 0


@pytest.mark.parametrize(
    ("judge", "name", "outcome"),
    [
        ("stopwatch", "reuses", comparison.LETS),
        ("stopwatch", "zeros", comparison.HOLDS),
        ("pytest-benchmark", "zeros", comparison.LETS),
        ("verify-once", "half_precision", comparison.LETS),
        ("verify-once", "plain", comparison.CLEARS),
    ],
)
def test_what_others_let_through(judge, name, outcome):
    assert found_by(judge, name).outcome == outcome


MADE = [
    Finding(KINDS["plain"], "perflab", 2e-4),
    Finding(KINDS["plain"], "stopwatch", 3e-4),
    Finding(KINDS["slow"], "stopwatch", None, "np.allclose says no"),
    Finding(KINDS["zeros"], "perflab", None, "wrong: odd: rounding bound: out[0, 0] <|>"),
    Finding(KINDS["zeros"], "stopwatch", 1e-4),
    Finding(KINDS["borrowed"], "perflab", 2e-4, "", ("perflab's vectorized",)),
    Finding(KINDS["reuses"], "perflab", None, "it raised ValueError"),
]


def test_outcomes_are_counted():
    assert [each.outcome for each in MADE] == [
        "clears", "clears", "accuses", "holds", "lets through", "holds", "holds",
    ]  # fmt: skip
    assert [each.wrong for each in MADE] == [False, False, True, False, True, False, True]
    ours, theirs = comparison.tallies(MADE)
    assert (ours.lets, ours.cheats, ours.accuses, ours.honest) == (0, 3, 0, 1)
    assert (theirs.lets, theirs.cheats, theirs.accuses, theirs.honest) == (1, 1, 1, 2)


def test_the_page_says_who_lets_what_through():
    text = show.page(MADE)
    assert "| one `np.allclose`, then a stopwatch | 1 of 1 | 1 of 2 |" in text
    assert "| `zeros` | Returns zeros. | holds | lets through ×3 | wrong: odd: rounding bound" in text
    assert "\\|" in text
    assert "`perflab referee --markdown docs/referee.md`" in text


def test_the_verb_prints_and_counts(monkeypatch):
    monkeypatch.setattr(comparison, "compare", lambda *_: MADE)
    done = perflab("referee", COLUMNS="80")
    assert done.returncode == 1, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "reuses: perflab holds: it raised ValueError" in done.stdout
    monkeypatch.setattr(comparison, "compare", lambda *_: MADE[:4])
    done = perflab("referee", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["judges"][0]["cheats"] == 1


def test_what_is_known_is_shown_when_it_is_interrupted(monkeypatch, tmp_path):
    def interrupted(*_):
        yield from MADE[:2]
        raise KeyboardInterrupt

    monkeypatch.setattr(comparison, "compare", interrupted)
    done = perflab("referee", "--markdown", tmp_path / "page.md")
    assert "perflab: interrupted" in one_line(done, 130)
    assert "plain" in done.stdout
    assert not (tmp_path / "page.md").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lazy_tupel"], "lazy_tupel: unknown kind; did you mean lazy_tuple"),
        (["--judge", "stopwach"], "stopwach: unknown judge; did you mean stopwatch?"),
    ],
)
def test_a_name_that_there_is_not_is_one_line_with_the_nearest(words, told):
    assert told in one_line(perflab("referee", *words), 2)


def test_the_kinds_are_listed():
    done = perflab("referee", "--list", "lazy_*", "--json")
    assert json.loads(done.stdout) == ["lazy_array2", "lazy_elements", "lazy_tuple", "lazy_import"]


@pytest.mark.slow
def test_an_interrupt_ends_what_was_started():
    command = [sys.executable, "-m", "perflab", "referee", "hangs", "--judge", "stopwatch"]
    with interruptible():
        child = subprocess.Popen(command, env=user_environment(), stdout=-1, stderr=-1, text=True)
        time.sleep(3)
        child.send_signal(signal.SIGINT)
        _, told = child.communicate(timeout=30)
    assert child.returncode == 130, told
    assert "Traceback" not in told


@pytest.mark.slow
def test_every_third_of_the_corpus():
    """The whole takes five minutes of processor time: `perflab referee`."""
    done = perflab_process("referee", *sorted(KINDS)[::3], "--judge", "perflab", "--json", timeout=1800)
    found = json.loads(done.stdout)
    assert not [(row["name"], row["why"]) for row in found["findings"] if row["wrong"]]
    assert done.returncode == 0, done.stderr
    (ours,) = found["judges"]
    assert (ours["lets"], ours["accuses"]) == (0, 0)
