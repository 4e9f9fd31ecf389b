"""The templates of pages and Markdown, and the filters that they use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from perflab.report import words


def template(name: str) -> jinja2.Template:
    """A template by its name; HTML templates escape their values."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("perflab.report", "templates"),
        autoescape=name.endswith(".html.jinja"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_as_markdown if name.endswith(".md.jinja") else None,
    )
    environment.filters["markdown"] = lambda table: Markup(words.markdown(table))
    environment.filters["breakable"] = breakable
    environment.filters["sentence"] = words.sentence
    return environment.get_template(name)


def write_pages(folder: Path, name: str, context: Mapping[str, Any]) -> Path:
    """Write report.html and report.md from the templates of this name; the path of report.html."""
    from perflab.report.figures.palette import COLOURS  # with matplotlib, which other pages do without

    context = {**context, "colours": COLOURS}
    page = folder / "report.html"
    page.write_text(template(f"{name}.html.jinja").render(context), "utf-8")
    (folder / "report.md").write_text(template(f"{name}.md.jinja").render(context), "utf-8")
    return page


def _as_markdown(value: object) -> object:
    """Values in Markdown are shown as text, except Markdown that a filter made."""
    return value if isinstance(value, Markup) else words.markdown_text(str(value))


def breakable(name: str) -> Markup:
    """A technique's name that may be broken after an underscore.

    >>> str(breakable("jit_<parallel>"))
    'jit_<wbr>&lt;parallel&gt;'
    """
    return Markup(str(escape(name)).replace("_", "_<wbr>"))
