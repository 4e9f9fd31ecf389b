"""Figures as words: times, ratios and rates in digits that the noise supports; tables of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from perflab.report.summary import CellResult
from perflab.statistics import Ratio, Scaling, significant
from perflab.units import rounded, seconds

# What would mark text up; a ~ before a digit is an estimate, an underscore within a name is itself.
MARKS_OF_MARKDOWN = re.compile(r"[\\`*|$]|~(?=[^\s\d])|(?<=\])[(\[:]|(?<!\w)_(?=\w)|(?<=\w)_(?!\w)")


@dataclass(frozen=True)
class Table:
    """A table of words, with a title that says what its figures belong to."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def plain(value: Any) -> str:
    """A value of the environment in words.

    >>> plain({"L1": 32768, "L2": 4194304}), plain([{"name": "openblas", "version": ""}]), plain(None)
    ('L1 32768, L2 4194304', 'name openblas', '–')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(held)}" for name, held in value.items() if held != "") or "–"
    if isinstance(value, (list, tuple)):
        return ("; " if any(isinstance(v, Mapping) for v in value) else ", ").join(map(plain, value)) or "–"
    return "–" if value is None or value == "" else str(value)


def time(figure: CellResult | None) -> str:
    """A cell's time: measured, "predicted" with a ~, or a dash."""
    if figure is None:
        return "–"
    if figure.predicted:
        return f"~{seconds(figure.median_s, 2)} predicted"
    return seconds(figure.median_s, significant(figure.median_s, figure.low_s, figure.high_s))


def of_threads(threads: int) -> str:
    """A number of threads in words."""
    return "1 thread" if threads == 1 else f"{threads} threads"


def ratio(held: Ratio | None) -> str:
    """A speed-up, or a dash where one of the two was not measured."""
    if held is None:
        return "–"
    return f"×{rounded(held.value, significant(held.value, held.low, held.high))}"


def interval(held: Ratio | None) -> str:
    """A speed-up with its 95 % interval, in digits that tell the two ends apart."""
    if held is None:
        return "–"
    if held.low is None or held.high is None:
        return f"{ratio(held)} (not enough: {held.pairs} pairs)"
    digits = 3 if held.high / held.low < 1.1 else 2
    return f"×{rounded(held.value, digits)} [{rounded(held.low, digits)}, {rounded(held.high, digits)}]"


def exponent(held: Scaling | None) -> str:
    """An exponent of growth with its 95 % interval; alone where two sizes fit any line."""
    if held is None:
        return "–"
    if held.low is None or held.high is None:
        return f"{held.exponent:.2f} (2 sizes)"
    return f"{held.exponent:.2f} [{held.low:.2f}, {held.high:.2f}]"


def markdown_text(text: str) -> str:
    r"""Text that stays text in Markdown, also in a cell of a table.

    >>> markdown_text("a|b<c>[d](e) $f$ ~5 ms"), markdown_text("jit_parallel")
    ('a\\|b&lt;c&gt;[d]\\(e) \\$f\\$ ~5 ms', 'jit_parallel')
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKS_OF_MARKDOWN.sub(r"\\\g<0>", text)


def markdown(table: Table) -> str:
    """A table in Markdown."""

    def row(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    rows = (row(map(markdown_text, cells)) for cells in (table.head, *table.rows))
    return "\n".join([next(rows), row(["---"] * len(table.head)), *rows])


def anchor(*parts: str) -> str:
    """The id of a place on a page, whatever a record holds.

    >>> anchor("study", "conv2d", "a b")
    'study-conv2d-a_b'
    """
    return "-".join(re.sub(r"[^\w.@]+", "_", part) for part in parts)


def file_name(text: str) -> str:
    """Text as a part of a file's name, whatever a record holds.

    >>> file_name("times-../x|y")
    'times-.._x_y'
    """
    return re.sub(r"[^\w.-]", "_", text)
