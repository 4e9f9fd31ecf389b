"""Cython: a compiler of Python to C. Without declared types its code works on Python's objects."""

from __future__ import annotations

from pathlib import Path

PACKAGE, TITLE, LANGUAGE = "cython", "Cython", "C"
SUMMARY = (
    "The naive loops, unchanged, compiled by Cython: without declared types they work on Python's objects."
)
EFFORT, TYPED = 10.0, False


def prepare(folder: Path, signatures: str) -> list[str]:
    """The command that builds `naive.py` in a folder."""
    return ["-m", "Cython.Build.Cythonize", "-3", "-i", "naive.py"]
