"""The templates of pages and Markdown, and the filters that they use."""

from __future__ import annotations

import jinja2
from markupsafe import Markup, escape

from perflab.report import words


def template(name: str) -> jinja2.Template:
    """A template by its name; those of HTML escape what is put into them."""
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
    return environment.get_template(name)


def _as_markdown(value: object) -> object:
    """What is put into Markdown stays text, but for what a filter has made Markdown of."""
    return value if isinstance(value, Markup) else words.markdown_text(str(value))


def breakable(name: str) -> Markup:
    """A technique's name that may break after its underscores.

    >>> str(breakable("jit_<parallel>"))
    'jit_<wbr>&lt;parallel&gt;'
    """
    return Markup(str(escape(name)).replace("_", "_<wbr>"))
