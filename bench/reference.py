"""Make reports/reference: the report of one longer run, small enough for the repository.

    python bench/reference.py [RUN] [--out DIR]

RUN is a run's folder; without it a run of ten minutes is measured first. The reference has the
page, its Markdown, the environment and the figures of the Markdown, or as many of them as fit. Other files
are left out; links to them become plain text. Exits with 2 if a run cannot be read or does not fit.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Container, Iterable, Sequence
from pathlib import Path

import perflab
from perflab import records, report
from perflab.contract import PerflabError
from perflab.units import in_bytes

ROOT = Path(__file__).parent.parent
MOST_BYTES = 3_000_000
COLOURS = 96  # of a PNG: enough for flat colours and the edges of letters
SHOWN = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")
PAGE_LINK = re.compile(r'<a\b[^>]*\bhref="(?P<target>[^"]*)"[^>]*>(?P<words>.*?)</a>', re.DOTALL)
MARKDOWN_LINK = re.compile(r"(?<!!)\[(?P<words>[^\]]*)\]\((?P<target>[^)\s]+)\)")
LEAST = ("roofline", "time")  # the first to leave the Markdown
OWN = ("report.html", "report.md", "environment.json", "figures")


def make(run: Path, out: Path) -> int:
    """Write the reference of a saved run into a folder; its size in bytes."""
    saved = records.read(run)
    if saved.plan.outside or saved.plan.homes:
        raise PerflabError(f"{run}: has outside files or peers; wanted a run of perflab's own techniques")
    if out.is_dir() and (strangers := {path.name for path in out.iterdir()} - {*OWN}):
        raise PerflabError(
            f"{out}: holds {', '.join(sorted(strangers))}; wanted a reference, or a new folder"
        )
    with tempfile.TemporaryDirectory() as temporary:
        full = Path(temporary) / "reports" / out.name
        full.mkdir(parents=True)
        for name in ("records.jsonl", "environment.json"):
            shutil.copy(saved.folder / name, full)
        whole = records.read(full)
        report.write(whole, report.summarise(whole))
        reduced = _reduced(full, Path(temporary) / "reduced")
        _check(reduced, [temporary, str(run.resolve()), str(Path.home()), str(ROOT)])
        out.mkdir(parents=True, exist_ok=True)
        for name in OWN:
            _remove(out / name)
        shutil.copytree(reduced, out, dirs_exist_ok=True)
    return size(out)


def shown(markdown: Path) -> list[Path]:
    """The files of the figures that a Markdown file shows."""
    return [markdown.parent / name for name in SHOWN.findall(markdown.read_text("utf-8"))]


def size(folder: Path) -> int:
    """The bytes of everything in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _reduced(full: Path, reduced: Path, *, page: bool = True) -> Path:
    """A reduced copy of a run's folder; without the page if that alone is too large."""
    (reduced / "figures").mkdir(parents=True)
    texts = ["report.html"] * page + ["report.md"]
    for name in (*texts, "environment.json"):
        shutil.copy(full / name, reduced)
    for path in shown(full / "report.md"):
        _flat(path, reduced / "figures" / path.name)
    for name in texts:
        text = (reduced / name).read_text("utf-8")
        (reduced / name).write_text(_without_dead_links(text, full, reduced), "utf-8")
    readme_figures = {path.name for path in shown(ROOT / "README.md")}
    for kind in LEAST if page else ():
        if size(reduced) >= MOST_BYTES:
            _remove_figures(reduced, kind, readme_figures)
    if page and size(reduced) >= MOST_BYTES:
        shutil.rmtree(reduced)
        return _reduced(full, reduced, page=False)
    return reduced


def _remove_figures(reduced: Path, kind: str, readme_figures: Container[str]) -> None:
    """Remove a kind of figures from the Markdown, except those of the README; the page has them too."""
    text = (reduced / "report.md").read_text("utf-8")
    for path in (reduced / "figures").glob(f"{kind}*.png"):
        if path.name not in readme_figures:
            path.unlink()
            image = re.compile(rf"!\[([^\]]*)\]\(figures/{re.escape(path.name)}\)")
            text = image.sub(r"\1: in [report.html](report.html)", text)
    (reduced / "report.md").write_text(text, "utf-8")


def _flat(picture: Path, target: Path) -> None:
    """Save a PNG with few colours: a quarter of the bytes, without a visible difference."""
    from PIL import Image

    with Image.open(picture) as image:
        coloured = image.convert("RGBA")
        paper = Image.new("RGBA", coloured.size, "white")
        flat = Image.alpha_composite(paper, coloured).convert("RGB")
        flat.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


def _without_dead_links(text: str, full: Path, reduced: Path) -> str:
    """A page or Markdown in which links to files that were left out become plain text."""

    def link_or_words(match: re.Match[str]) -> str:
        target = match["target"].partition("#")[0]
        dead = target and (full / target).is_file() and not (reduced / target).is_file()
        return match["words"] if dead else match[0]

    parts = re.split(r"(<script\b.*?</script>)", text, flags=re.DOTALL)  # scripts stay unchanged
    for position in range(0, len(parts), 2):
        parts[position] = MARKDOWN_LINK.sub(link_or_words, PAGE_LINK.sub(link_or_words, parts[position]))
    return "".join(parts)


def _check(folder: Path, places: Iterable[str]) -> None:
    """Raise PerflabError if it is too large, or names a path of this machine."""
    if size(folder) >= MOST_BYTES:
        raise PerflabError(f"the reference has {size(folder)} bytes; wanted fewer than {MOST_BYTES}")
    for path in folder.rglob("*"):
        if path.suffix in (".html", ".md", ".json"):
            text = path.read_text("utf-8")
            for place in places:
                if len(place) > 1 and place in text:
                    raise PerflabError(f"{path.name} names {place}, a place of this machine")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def main(words: Sequence[str]) -> int:
    """Make the reference and print its size; the exit code."""
    parser = argparse.ArgumentParser(description="Make reports/reference again.")
    parser.add_argument(
        "run", nargs="?", type=Path, metavar="RUN", help="a run's folder; a new run by default"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "reference", metavar="DIR")
    args = parser.parse_args(words)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            run = args.run or perflab.run(for_s="10m", out=Path(temporary) / "run").folder
            count = make(run, args.out)
    except PerflabError as wrong:
        sys.stderr.write(f"reference: {wrong}\n")
        return 2
    sys.stdout.write(f"{args.out}: {in_bytes(count)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
