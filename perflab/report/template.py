"""The templates of pages and Markdown, and the filters that they use."""

from __future__ import annotations

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
    return environment.get_template(name)


def _as_markdown(value: object) -> object:
    """Values in Markdown are shown as text, except Markdown that a filter made."""
    return value if isinstance(value, Markup) else words.markdown_text(str(value))


def breakable(name: str) -> Markup:
    """A technique's name that may be broken after an underscore.

    >>> str(breakable("jit_<parallel>"))
    'jit_<wbr>&lt;parallel&gt;'
    """
    return Markup(str(escape(name)).replace("_", "_<wbr>"))
