"""Writes a report into its run's folder: report.html, report.md, figures/, tables/, benchmark.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from perflab.records import Run
from perflab.report import contents, export, figures, svg
from perflab.report.benchmark_json import benchmark_json
from perflab.report.study import section
from perflab.report.summary import Summary
from perflab.report.template import write_pages


def write(
    run: Run, summary: Summary, on_step: Callable[[int, int, str], None], installed: Mapping[str, str]
) -> None:
    """Write everything. Raises OSError if the folder cannot be written."""
    names = figures.names(summary)
    steps = [*names, "the studies", "the page", "the tables"]

    def begin(step: str) -> None:
        on_step(steps.index(step), len(steps), step)

    folder, drawings = run.folder, run.folder / "figures"
    drawings.mkdir(exist_ok=True)
    for old in (*drawings.glob("*.svg"), *drawings.glob("*.png")):
        old.unlink()
    shown = []
    for name in names:
        begin(name)
        if drawn := figures.drawn(summary, name):
            shown.append(svg.on_page(drawn, drawings))
    begin("the studies")
    studies = section.sections(summary, installed)
    begin("the page")
    gathered = contents.gather(summary, shown, studies)
    write_pages(folder, "report", gathered)
    begin("the tables")
    of_cells = contents.Named("cells", export.cells(summary))
    export.write(folder, [of_cells, *contents.every_table(gathered)])
    benchmark = json.dumps(benchmark_json(summary), allow_nan=False, indent=1)
    (folder / "benchmark.json").write_text(benchmark, "utf-8")
