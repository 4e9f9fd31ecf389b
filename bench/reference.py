"""Make reports/reference again: the report of one default run, small enough to be kept in the repository.

    python bench/reference.py [RUN] [--out DIR]

RUN is a run's folder; without it a default run is made first, in some minutes. What is kept: the page, its
Markdown, the environment and the figures that the Markdown shows, or as many of them as there is room for.
Records, tables and the rest are not kept: links to them become words. Exits with 2 where a run cannot be
read or does not fit.
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
COLOURS = 96  # of a kept PNG: flat colours and the edges of letters need no more
SHOWN = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")
PAGE_LINK = re.compile(r'<a\b[^>]*\bhref="(?P<target>[^"]*)"[^>]*>(?P<words>.*?)</a>', re.DOTALL)
MARKDOWN_LINK = re.compile(r"(?<!!)\[(?P<words>[^\]]*)\]\((?P<target>[^)\s]+)\)")
LEAST = ("memory", "compilation", "accuracy", "roofline", "time")  # what is left to the page first, for room
OWN = ("report.html", "report.md", "environment.json", "figures")


def make(run: Path, out: Path) -> int:
    """Write the reference of a saved run into a folder; how many bytes it has."""
    held = records.read(run)
    if held.plan.outside or held.plan.homes:
        raise PerflabError(f"{run}: has outside files or peers; wanted a run of perflab's own techniques")
    if out.is_dir() and (strangers := {path.name for path in out.iterdir()} - {*OWN}):
        raise PerflabError(
            f"{out}: holds {', '.join(sorted(strangers))}; wanted a reference, or a new folder"
        )
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / "reports" / out.name
        made.mkdir(parents=True)
        for name in ("records.jsonl", "environment.json"):
            shutil.copy(held.folder / name, made)
        whole = records.read(made)
        report.write(whole, report.summarise(whole))
        kept = _reduced(made, Path(temporary) / "kept")
        _check(kept, [temporary, str(run.resolve()), str(Path.home()), str(ROOT)])
        out.mkdir(parents=True, exist_ok=True)
        for name in OWN:
            _remove(out / name)
        shutil.copytree(kept, out, dirs_exist_ok=True)
    return size(out)


def shown(markdown: Path) -> list[Path]:
    """The files of the figures that a Markdown file shows."""
    return [markdown.parent / name for name in SHOWN.findall(markdown.read_text("utf-8"))]


def size(folder: Path) -> int:
    """The bytes of everything in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _reduced(made: Path, kept: Path, *, page: bool = True) -> Path:
    """What is kept of a run's folder; without the page where it leaves no room for anything else."""
    (kept / "figures").mkdir(parents=True)
    texts = ["report.html"] * page + ["report.md"]
    for name in (*texts, "environment.json"):
        shutil.copy(made / name, kept)
    for path in shown(made / "report.md"):
        _flat(path, kept / "figures" / path.name)
    for name in texts:
        text = (kept / name).read_text("utf-8")
        (kept / name).write_text(_without_dead_links(text, made, kept), "utf-8")
    wanted = {path.name for path in shown(ROOT / "README.md")}
    for kind in LEAST if page else ():
        if size(kept) >= MOST_BYTES:
            _leave_to_the_page(kept, kind, wanted)
    if page and size(kept) >= MOST_BYTES:
        shutil.rmtree(kept)
        return _reduced(made, kept, page=False)
    return kept


def _leave_to_the_page(kept: Path, kind: str, wanted: Container[str]) -> None:
    """Take a kind of figures out of the Markdown, but for those that are wanted: the page has them too."""
    text = (kept / "report.md").read_text("utf-8")
    for path in (kept / "figures").glob(f"{kind}*.png"):
        if path.name not in wanted:
            path.unlink()
            image = re.compile(rf"!\[([^\]]*)\]\(figures/{re.escape(path.name)}\)")
            text = image.sub(r"\1: in [report.html](report.html)", text)
    (kept / "report.md").write_text(text, "utf-8")


def _flat(picture: Path, target: Path) -> None:
    """A PNG with few colours: a quarter of its bytes, and no difference that one could see."""
    from PIL import Image

    with Image.open(picture) as held:
        seen = held.convert("RGBA")
        paper = Image.new("RGBA", seen.size, "white")
        flat = Image.alpha_composite(paper, seen).convert("RGB")
        flat.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


def _without_dead_links(text: str, made: Path, kept: Path) -> str:
    """A page or Markdown in which links to files that were made and are not kept are words alone."""

    def settled(found: re.Match[str]) -> str:
        target = found["target"].partition("#")[0]
        dead = target and (made / target).is_file() and not (kept / target).is_file()
        return found["words"] if dead else found[0]

    parts = re.split(r"(<script\b.*?</script>)", text, flags=re.DOTALL)  # what a script writes stays
    for position in range(0, len(parts), 2):
        parts[position] = MARKDOWN_LINK.sub(settled, PAGE_LINK.sub(settled, parts[position]))
    return "".join(parts)


def _check(folder: Path, places: Iterable[str]) -> None:
    """Raise PerflabError where it is too large, or names a place of this machine."""
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
    """Make it and say how large it is; the exit code."""
    parser = argparse.ArgumentParser(description="Make reports/reference again.")
    parser.add_argument(
        "run", nargs="?", type=Path, metavar="RUN", help="a run's folder; a new run by default"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "reference", metavar="DIR")
    asked = parser.parse_args(words)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            run = asked.run or perflab.run(out=Path(temporary) / "run").folder
            count = make(run, asked.out)
    except PerflabError as wrong:
        sys.stderr.write(f"reference: {wrong}\n")
        return 2
    sys.stdout.write(f"{asked.out}: {in_bytes(count)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
