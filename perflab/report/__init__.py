"""Given a saved run, what it came to: results, a page, Markdown, figures and pytest-benchmark's own format.

Everything here is a pure function of what was saved: nothing is measured, and nothing of `ops/` is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from perflab.records import Run
from perflab.report.summarise import summarise, to_json
from perflab.report.summary import CellResult, Finding, Summary

__all__ = ["CellResult", "Finding", "Summary", "summarise", "to_json", "write"]

Progress = Callable[[int, int, str], None]  # told of every step as it begins: done, of how many, and what


def write(
    run: Run, summary: Summary, tell: Progress | None = None, *, installed: Mapping[str, str] | None = None
) -> Path:
    """Write everything that a report is into the run's folder; the path of the page.

    `installed` are texts of code, for a run that kept none. Raises PerflabError where the folder cannot be
    written.
    """
    from perflab.report import folder  # which draws: on first use

    return folder.write(run, summary, tell, installed or {})
