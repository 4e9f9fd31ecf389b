"""Numbers as text: times, ratios and rates with as many digits as the noise supports; tables of them."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perflab.contract import Cell
from perflab.report.summary import CellResult
from perflab.statistics import Ratio, Scaling, significant
from perflab.units import rounded, seconds

# Characters with a meaning in Markdown; a ~ before a digit and an underscore within a name have none.
MARKS_OF_MARKDOWN = re.compile(r"[\\`*|$]|~(?=[^\s\d])|(?<=\])[(\[:]|(?<!\w)_(?=\w)|(?<=\w)_(?!\w)")


@dataclass(frozen=True)
class Table:
    """A table of text, with a title that says what its numbers belong to.

    Where all columns but the first hold the same kind of value, `across` says what each is: "technique".
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    across: str = ""

    def turned(self, corner: str) -> Table:
        """The table with its columns as rows; `corner` is the head of the new first column.

        >>> Table("", ("case", "a", "b"), (("x", "1", "2"),)).turned("name").rows
        (('a', '1'), ('b', '2'))
        """
        head, *rows = zip(self.head, *self.rows, strict=True)
        return Table(self.title, (corner, *head[1:]), tuple(rows))


def plain(value: Any) -> str:
    """A value of the environment in words.

    >>> plain({"L1": 32768, "L2": 4194304}), plain([{"name": "openblas", "version": ""}]), plain(None)
    ('L1 32768, L2 4194304', 'name openblas', '–')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(part)}" for name, part in value.items() if part != "") or "–"
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


def number_of_calls(calls: int) -> str:
    """A number of calls in words, with two digits of a large one.

    >>> number_of_calls(1), number_of_calls(34337)
    ('1 call', '34000 calls')
    """
    return f"{rounded(calls, 2) if calls >= 100 else calls} call{'s' if calls != 1 else ''}"


def ratio(speedup: Ratio | None) -> str:
    """A speed-up, or a dash if one of the two was not measured."""
    if speedup is None:
        return "–"
    return f"×{rounded(speedup.value, significant(speedup.value, speedup.low, speedup.high))}"


def interval(speedup: Ratio | None) -> str:
    """A speed-up with its 95 % interval, with enough digits that the two ends differ."""
    if speedup is None or speedup.low is None or speedup.high is None:
        return f"{ratio(speedup)} (not enough: {number_of_pairs(speedup)})" if speedup else "–"
    digits = 3 if speedup.high / speedup.low < 1.1 else 2
    value, low, high = (rounded(end, digits) for end in (speedup.value, speedup.low, speedup.high))
    return f"×{value} [{low}, {high}]"


def number_of_pairs(speedup: Ratio) -> str:
    """From how many pairs a ratio is."""
    return "1 pair" if speedup.pairs == 1 else f"{speedup.pairs} pairs"


def exponent(scaling: Scaling | None) -> str:
    """An exponent of growth with its 95 % interval; without one if there are only two sizes."""
    if scaling is None or scaling.low is None or scaling.high is None:
        return f"{scaling.exponent:.2f} (2 sizes)" if scaling else "–"
    return f"{scaling.exponent:.2f} [{scaling.low:.2f}, {scaling.high:.2f}]"


def markdown_text(text: str) -> str:
    r"""Text that Markdown shows unchanged, also in a cell of a table.

    >>> markdown_text("a|b<c>[d](e) $f$ ~5 ms"), markdown_text("jit_parallel")
    ('a\\|b&lt;c&gt;[d]\\(e) \\$f\\$ ~5 ms', 'jit_parallel')
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKS_OF_MARKDOWN.sub(r"\\\g<0>", text)


def markdown(table: Table) -> str:
    """A table in Markdown."""
    head, *rows = ([*map(markdown_text, cells)] for cells in (table.head, *table.rows))
    return markdown_rows(head, rows)


def markdown_rows(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown, of cells that are Markdown already."""
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def as_csv(table: Table) -> str:
    """A table as CSV (RFC 4180): the head, then the rows; no cell is a formula for a spreadsheet."""
    text = io.StringIO()
    csv.writer(text).writerows([map(_no_formula, row) for row in (table.head, *table.rows)])
    return text.getvalue()


def _no_formula(cell: str) -> str:
    """A cell, with an apostrophe before text that a spreadsheet would evaluate.

    >>> _no_formula("=1+1"), _no_formula("-0.5")
    ("'=1+1", '-0.5')
    """
    with contextlib.suppress(ValueError):
        float(cell)
        return cell
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def sentence(text: str) -> str:
    """A text as a sentence begins, unless it begins with the name of an implementation.

    >>> sentence("step on tiny"), sentence("layer_norm/naive, jit: a remark")
    ('Step on tiny', 'layer_norm/naive, jit: a remark')
    """
    return text if "/" in text.partition(" ")[0] else text[:1].upper() + text[1:]


def remark_lines(remarks: Iterable[tuple[str, str, str]]) -> list[str]:
    """A line for each remark on techniques of an operation, from (operation, technique, remark).

    >>> remark_lines([("rnn", "naive", "it warns"), ("rnn", "jit", "it warns"), ("rnn", "jit", "it warns")])
    ['rnn/naive, jit: it warns']
    """
    of: dict[tuple[str, str], dict[str, None]] = {}  # the techniques, by operation and remark
    for operation, technique, remark in remarks:
        of.setdefault((operation, remark), {})[technique] = None
    return [f"{operation}/{', '.join(names)}: {remark}" for (operation, remark), names in of.items()]


def name(cell: Cell) -> str:
    """A cell as benchmark.json names it: OPERATION/TECHNIQUE/CASE/DTYPE/DIRECTION/tTHREADS."""
    return "/".join(
        (cell.operation, cell.technique, cell.case, cell.dtype, cell.direction, f"t{cell.threads}")
    )


def anchor(*parts: str) -> str:
    """The id of a place on a page, from any text.

    >>> anchor("study", "conv2d", "a b")
    'study-conv2d-a_b'
    """
    return "-".join(re.sub(r"[^\w.@]+", "_", part) for part in parts)


def folder_typed(folder: Path) -> str:
    """A run's folder as it is typed: as it was given, but of an absolute path the name alone.

    So the same records make the same report in any place, and it holds no path of a machine.

    >>> folder_typed(Path("out/my run")), folder_typed(Path("/tmp/run"))
    ("'out/my run'", 'run')
    """
    given = folder.name and not folder.is_absolute()
    return shlex.quote(folder.as_posix() if given else folder.resolve().name)


def file_name(text: str) -> str:
    """Any text as a part of a file's name.

    >>> file_name("times-../x|y")
    'times-.._x_y'
    """
    return re.sub(r"[^\w.-]", "_", text)
