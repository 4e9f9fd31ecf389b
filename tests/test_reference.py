"""The report that is kept in the repository: whole, small, and made again by one command."""

import json
import re
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "bench"))
import reference

KEPT = ROOT / "reports" / "reference"


def test_every_figure_that_is_shown_is_kept():
    told = [*reference.shown(ROOT / "README.md"), *reference.shown(KEPT / "report.md")]
    assert len(told) > 3
    for path in told:
        assert path.is_file(), path


def test_the_reference_is_small_and_nothing_in_it_is_left_over():
    assert reference.size(KEPT) < reference.MOST_BYTES
    told = {path.name for path in reference.shown(KEPT / "report.md")}
    assert {path.name for path in (KEPT / "figures").iterdir()} == told
    assert {path.name for path in KEPT.iterdir()} <= set(reference.OWN)


def test_the_reference_says_where_it_was_measured():
    held = json.loads((KEPT / "environment.json").read_text("utf-8"))
    assert held["cpu"] in (KEPT / "report.md").read_text("utf-8")


@pytest.fixture(scope="module")
def made(small_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "reference"
    assert reference.main([str(small_run), "--out", str(out)]) == 0
    return out


def test_one_command_makes_it_from_a_run(made, small_run):
    assert {path.name for path in made.iterdir()} == set(reference.OWN)
    assert reference.size(made) < reference.MOST_BYTES
    told = reference.shown(made / "report.md")
    assert told
    for path in told:
        assert path.read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in (made / "figures").iterdir()} == {path.name for path in told}
    assert (made / "environment.json").read_bytes() == (small_run / "environment.json").read_bytes()


def test_its_links_lead_to_what_is_kept_and_no_place_of_a_machine_is_named(made, small_run):
    page = (made / "report.html").read_text("utf-8")
    for link in re.findall(r'<a\b[^>]*\bhref="([^"#]+)', page):
        assert ":" in link or (made / link).exists(), link
    for path in (made / "report.html", made / "report.md"):
        text = path.read_text("utf-8")
        assert str(small_run.parent) not in text
        assert str(made.parent) not in text


def test_making_it_again_replaces_it_and_a_stranger_s_folder_is_refused(made, small_run, tmp_path, capsys):
    (made / "figures" / "old.png").write_text("of an older run")
    assert reference.main([str(small_run), "--out", str(made)]) == 0
    assert not (made / "figures" / "old.png").exists()
    (tmp_path / "letter.txt").write_text("mine")
    assert reference.main([str(small_run), "--out", str(tmp_path)]) == 2
    assert (tmp_path / "letter.txt").read_text() == "mine"
    assert "holds letter.txt" in capsys.readouterr().err


def test_a_mistake_gets_one_line(tmp_path, capsys):
    assert reference.main([str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "no run here" in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_links_to_what_is_not_kept_become_words(tmp_path):
    made, kept = tmp_path / "made", tmp_path / "kept"
    for folder, names in ((made, ("here.md", "gone.csv", "gone.png")), (kept, ("here.md",))):
        folder.mkdir()
        for name in names:
            (folder / name).write_text("")

    def settled(text):
        return reference._without_dead_links(text, made, kept)

    text = '<a class="x" href="here.md">a</a> <a href="gone.csv">b <i>c</i></a> <a href="#d">d</a>'
    assert settled(text) == '<a class="x" href="here.md">a</a> b <i>c</i> <a href="#d">d</a>'
    script = '<script>x = `<a href="gone.csv">y</a>`</script>'
    assert settled(script) == script
    text = "[a](here.md) [b](gone.csv) ![c](gone.png) [d](https://e.f) `g[h](i)`"
    assert settled(text) == "[a](here.md) b ![c](gone.png) [d](https://e.f) `g[h](i)`"


@pytest.mark.slow
def test_where_room_is_short_figures_are_left_to_the_page(small_run, tmp_path, monkeypatch):
    assert reference.main([str(small_run), "--out", str(tmp_path / "all")]) == 0
    whole = reference.size(tmp_path / "all")
    monkeypatch.setattr(reference, "MOST_BYTES", whole - 1)
    monkeypatch.setattr(reference, "LEAST", ("ladder",))  # the small run has no roofline
    assert reference.main([str(small_run), "--out", str(tmp_path / "some")]) == 0
    kept, every = (
        {path.name for path in reference.shown(tmp_path / name / "report.md")} for name in ("some", "all")
    )
    assert kept < every
    assert {path.name for path in (tmp_path / "some" / "figures").iterdir()} == kept
    assert reference.size(tmp_path / "some") < whole
    assert ": in [report.html](report.html)" in (tmp_path / "some" / "report.md").read_text("utf-8")
    page = (tmp_path / "all" / "report.html").stat().st_size
    monkeypatch.setattr(reference, "MOST_BYTES", whole - page + 1)
    assert reference.main([str(small_run), "--out", str(tmp_path / "bare")]) == 0
    assert not (tmp_path / "bare" / "report.html").exists()
    assert {path.name for path in reference.shown(tmp_path / "bare" / "report.md")} == every
    monkeypatch.setattr(reference, "MOST_BYTES", 1000)
    assert reference.main([str(small_run), "--out", str(tmp_path / "none")]) == 2
    assert not (tmp_path / "none").exists()
