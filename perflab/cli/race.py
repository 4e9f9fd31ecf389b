"""A whole run in a folder that is thrown away: what `--watch` and a notebook's cell show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from perflab import records
from perflab.records import Plan
from perflab.run import request

if TYPE_CHECKING:
    from rich.console import Console

    from perflab.oracle.sandbox.review import FileReview
    from perflab.report import Summary


def race(folder: Path, plan: Plan, console: Console, seen: FileReview | None) -> Summary:
    """A whole run in a folder that is not kept; its summary."""
    from perflab import report

    with records.lock(folder) as lock:
        request.begin(folder, plan, console, "failures", seen)
        request.measure(folder, plan, lock, console, "failures")
    return report.summarise(records.read(folder))
