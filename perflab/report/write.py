"""Writes a report into its run's folder: report.html, report.md, figures/, tables/, benchmark.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from perflab.records import Run, full_or
from perflab.report import contents, export, figures, study, svg, words
from perflab.report.benchmark_json import benchmark_json
from perflab.report.summary import Summary

Progress = Callable[[int, int, str], None]  # told of every step as it begins: done, of how many, and what


def write(run: Run, summary: Summary, tell: Progress | None = None) -> Path:
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
            one = figures.drawn(summary, name)
            if one is not None:
                shown.append(contents.Shown(one, svg.inline(one, svg.save(one, folder / "figures"))))
        begin("the studies")
        studies = study.sections(summary)
        begin("the page")
        held = contents.gather(summary, shown, studies)
        context = held.context()
        page = folder / "report.html"
        page.write_text(_template("report.html.jinja").render(context), "utf-8")
        (folder / "report.md").write_text(_template("report.md.jinja").render(context), "utf-8")
        begin("the tables")
        export.write(folder, summary, held.every_table())
        saved = benchmark_json(summary)
        (folder / "benchmark.json").write_text(json.dumps(saved, allow_nan=False, indent=1), "utf-8")
    except OSError as error:
        raise full_or(error, folder) from error
    return page


def _template(name: str) -> jinja2.Template:
    """A template by its name; those of HTML escape what is put into them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("perflab.report", "templates"),
        autoescape=name.endswith(".html.jinja"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["markdown"] = words.markdown
    environment.filters["breakable"] = breakable
    return environment.get_template(name)


def breakable(name: str) -> Markup:
    """A technique's name that may break after its underscores.

    >>> str(breakable("jit_<parallel>"))
    'jit_<wbr>&lt;parallel&gt;'
    """
    return Markup(str(escape(name)).replace("_", "_<wbr>"))
