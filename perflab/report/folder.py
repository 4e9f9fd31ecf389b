"""Writes a report into its run's folder: report.html, report.md, figures/, tables/, benchmark.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from perflab.records import Run, full_or
from perflab.report import contents, export, figures
from perflab.report.benchmark_json import benchmark_json
from perflab.report.study import section
from perflab.report.summary import Summary
from perflab.report.template import write_pages


def write(
    run: Run, summary: Summary, tell: Callable[[int, int, str], None] | None, installed: Mapping[str, str]
) -> Path:
    """Write everything; the path of the page. Raises PerflabError where the folder cannot be written."""
    folder = run.folder
    names = figures.names(summary)
    steps = [*names, "the studies", "the page", "the tables"]

    def begin(step: str) -> None:
        if tell is not None:
            tell(steps.index(step), len(steps), step)

    try:
        (folder / "figures").mkdir(exist_ok=True)
        for old in (*folder.glob("figures/*.svg"), *folder.glob("figures/*.png")):
            old.unlink()
        shown = []
        for name in names:
            begin(name)
            drawn = figures.drawn(summary, name)
            if drawn is not None:
                shown.append(contents.saved_figure(drawn, folder))
        begin("the studies")
        studies = section.sections(summary, installed)
        begin("the page")
        whole = contents.gather(summary, shown, studies)
        page = write_pages(folder, "report", whole.context())
        begin("the tables")
        export.write(folder, summary, whole.every_table())
        saved = benchmark_json(summary)
        (folder / "benchmark.json").write_text(json.dumps(saved, allow_nan=False, indent=1), "utf-8")
    except OSError as error:
        raise full_or(error, folder) from error
    return page
