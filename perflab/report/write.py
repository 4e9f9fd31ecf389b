"""Writes a report into its run's folder: report.html, report.md, figures/, benchmark.json."""

from __future__ import annotations

import io
import json
import re
import time
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG

from perflab import __version__
from perflab.machine import one_line
from perflab.records import Run, full_or
from perflab.report import figures, why, words
from perflab.report.benchmark_json import benchmark_json
from perflab.report.summary import Summary


def write(run: Run, summary: Summary) -> Path:
    """Write everything; the path of the page. Raises PerflabError where the folder cannot be written."""
    folder = run.folder
    try:
        (folder / "figures").mkdir(exist_ok=True)
        drawn = []
        for one in figures.all_figures(summary):
            drawn.append((one, _inline(_save(one, folder / "figures"), one)))
        page = folder / "report.html"
        context = _context(summary) | {"figures": drawn}
        page.write_text(_template("report.html.jinja").render(context), "utf-8")
        (folder / "report.md").write_text(_template("report.md.jinja").render(context), "utf-8")
        held = benchmark_json(summary)
        (folder / "benchmark.json").write_text(json.dumps(held, allow_nan=False, indent=1), "utf-8")
    except OSError as error:
        raise full_or(error, folder) from error
    return page


def _save(one: figures.Drawn, folder: Path) -> str:
    """Write a figure as PNG and as SVG; the SVG's text.

    Each canvas draws once, and the layout, which costs as much as both, is worked out at the first drawing
    and kept: `Figure.savefig` would draw four times and lay out twice.
    """
    svg = io.StringIO()
    agg: Any = FigureCanvasAgg(one.figure)  # untyped in parts
    agg.print_png(folder / f"{one.name}.png", pil_kwargs={"compress_level": 3})
    one.figure.set_layout_engine("none")
    vector: Any = FigureCanvasSVG(one.figure)
    vector.print_svg(svg, metadata={"Date": None, "Title": one.title})
    (folder / f"{one.name}.svg").write_text(svg.getvalue(), "utf-8")
    return svg.getvalue()


def _context(summary: Summary) -> dict[str, Any]:
    run = summary.run
    return {
        "summary": summary,
        "plan": run.plan,
        "operations": run.operations,
        "environment": run.environment,
        "machine": one_line(run.environment),
        "started": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(run.started)),
        "version": __version__,
        "words": words,
        "why": why,
        "closing": words.closing_lines(summary, whole=False),
        "gains": words.gains_table(summary),
        "against": words.against_table(summary),
        "best": words.best_table(summary),
        "contest": words.contest_table(summary),
        "shortfalls": words.shortfalls(summary),
        "checks": words.checks_table(summary),
        "compiled": words.compile_table(summary),
    }


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("perflab.report", "templates"),
        autoescape=name.endswith(".html.jinja"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["markdown"] = words.markdown
    return environment.get_template(name)


def _inline(svg: str, one: figures.Drawn) -> Markup:
    """The SVG element alone, its ids unique on the page, with a title and a description to be read out."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r'\bid="', f'id="{one.name}-', body)
    body = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{one.name}-", body)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    head, rest = body.split(">", 1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    widest = round(one.figure.get_figwidth() * 97)  # pixels: letters of one size on the page in every figure
    title = Markup("<title>{}</title><desc>{}</desc>").format(one.title, one.caption)
    label = Markup.escape(one.title)
    return Markup(f'{head} style="max-width: {widest}px" role="img" aria-label="{label}">{title}{rest}')
