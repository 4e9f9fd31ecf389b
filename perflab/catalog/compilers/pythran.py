"""Pythran: a compiler of numerical Python to C++; it infers all types from those of the arguments."""

from __future__ import annotations

from pathlib import Path

PACKAGE, TITLE, LANGUAGE = "pythran", "Pythran", "C++"
SUMMARY = "The naive loops, unchanged, compiled by Pythran for the types of the arguments."
EFFORT, TYPED = 25.0, True


def prepare(folder: Path, signatures: str) -> list[str]:
    """The command that builds `naive.py` in a folder, with the signatures in a file beside it."""
    (folder / "naive.pythran").write_text(signatures, "utf-8")
    return ["-m", "pythran.run", "naive.py"]
