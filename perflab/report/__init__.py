"""The report of a saved run: results, a page, Markdown, figures and pytest-benchmark's own format.

Everything here is a pure function of the saved run: it measures nothing and reads nothing of `ops/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from perflab.records import Run, full_or
from perflab.report.summarise import summarise, to_json
from perflab.report.summary import CellResult, Finding, Summary

__all__ = ["CellResult", "Finding", "Summary", "summarise", "to_json", "write"]

OnStep = Callable[[int, int, str], None]  # called before every step: steps done, number of steps, name


def write(
    run: Run, summary: Summary, on_step: OnStep | None = None, *, installed: Mapping[str, str] | None = None
) -> Path:
    """Write the whole report into the run's folder; the path of the page.

    `installed` has source texts, for a run that saved none. Raises PerflabError if the folder cannot be
    written.
    """
    from perflab.report import folder  # imports matplotlib: only when a report is written

    try:
        folder.write(run, summary, on_step or (lambda *_: None), installed or {})
    except OSError as error:
        raise full_or(error, run.folder) from error
    return run.folder / "report.html"
