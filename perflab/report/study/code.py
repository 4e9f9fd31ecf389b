"""Code in colours, and two files side by side: what a page and a terminal show of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String

CONTEXT = 3
ALIKE = 0.4  # lines that share so much of their words stand side by side
# One letter a kind: the style sheet gives them colours; all else has the colour of text.
KINDS = (
    (Comment, "c"), (String, "s"), (Keyword, "k"), (Operator.Word, "k"), (Number, "n"),
    (Name.Decorator, "d"), (Name.Function, "f"), (Name.Class, "f"), (Name.Builtin, "b"),
)  # fmt: skip
Pieces = tuple[tuple[str, str], ...]  # of one line: kind and text
Span = tuple[int, int]


@dataclass(frozen=True)
class Row:
    """One row of two files side by side: line numbers from 1, None where a file has no such line.

    `before` and `after` are the places within the two lines that differ, where the lines are alike.
    """

    left: int | None
    right: int | None
    same: bool
    before: tuple[Span, ...] = ()
    after: tuple[Span, ...] = ()


@lru_cache(maxsize=256)
def coloured(source: str) -> tuple[Pieces, ...]:
    """The lines of a Python file, each in pieces with their kinds."""
    lines: list[list[tuple[str, str]]] = [[]]
    for token, text in PythonLexer(stripnl=False).get_tokens(source):
        kind = next((letter for held, letter in KINDS if token in held), "")
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if not part:
                continue
            last = lines[-1][-1] if lines[-1] else ("-", "")
            if last[0] == kind or not part.strip():  # what is blank has no colour of its own
                kept = last[0] if lines[-1] else kind
                lines[-1][-1:] = [(kept, last[1] + part)]
            else:
                lines[-1].append((kind, part))
    while lines and not lines[-1]:
        lines.pop()
    return tuple(map(tuple, lines))


def html(source: str) -> Markup:
    """A file as the inside of a <pre>."""
    return Markup("\n".join(_line(pieces) for pieces in coloured(source)))


def _line(pieces: Pieces, marks: Sequence[Span] = ()) -> str:
    """One line, the marked places in bold."""
    said, at = [], 0
    for kind, text in pieces:
        inside = "".join(
            f"<b>{escape(part)}</b>" if marked else str(escape(part))
            for part, marked in _cut(text, at, marks)
        )
        said.append(f'<i class="{kind}">{inside}</i>' if kind else inside)
        at += len(text)
    return "".join(said)


def _cut(text: str, at: int, marks: Sequence[Span]) -> Iterator[tuple[str, bool]]:
    """A piece of a line in parts, each within a marked place or without."""
    edges = {at, at + len(text), *(edge for span in marks for edge in span if at < edge < at + len(text))}
    ordered = sorted(edges)
    for low, high in pairwise(ordered):
        yield text[low - at : high - at], any(start <= low < end for start, end in marks)


def side_by_side(before: str, after: str, context: int = CONTEXT) -> list[list[Row]]:
    """What changed, hunk by hunk, with so many unchanged lines around."""
    old, new = before.splitlines(), after.splitlines()
    hunks = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        rows: list[Row] = []
        for what, i, j, k, m in group:
            if what == "equal":
                rows += [Row(a + 1, b + 1, True) for a, b in zip(range(i, j), range(k, m), strict=True)]
            else:
                rows += _changed(old, new, (i, j), (k, m))
        hunks.append(rows)
    return hunks


def _changed(old: Sequence[str], new: Sequence[str], left: Span, right: Span) -> Iterator[Row]:
    """Replaced lines: those that are alike in one row, the others beside what is unlike them."""
    i, k = left[0], right[0]
    for a, b in [*_alike(old, new, left, right), (left[1], right[1])]:
        for step in range(max(a - i, b - k)):
            yield Row(i + step + 1 if i + step < a else None, k + step + 1 if k + step < b else None, False)
        if a < left[1]:
            before, after = _differences(old[a], new[b])
            yield Row(a + 1, b + 1, False, before, after)
        i, k = a + 1, b + 1


def _alike(old: Sequence[str], new: Sequence[str], left: Span, right: Span) -> list[tuple[int, int]]:
    """Pairs of lines, in order, that share most words: the best common subsequence."""
    words = [
        [set(re.findall(r"\w+", line)) for line in side] for side in (old[slice(*left)], new[slice(*right)])
    ]
    best = [[0.0] * (len(words[1]) + 1) for _ in range(len(words[0]) + 1)]
    shares: dict[tuple[int, int], float] = {}
    for i in reversed(range(len(words[0]))):
        for k in reversed(range(len(words[1]))):
            mine, theirs = words[0][i], words[1][k]
            share = len(mine & theirs) / max(len(mine | theirs), 1)
            shares[i, k] = share if share >= ALIKE else 0.0
            joined = best[i + 1][k + 1] + shares[i, k]
            best[i][k] = max(best[i + 1][k], best[i][k + 1], joined)
    pairs, i, k = [], 0, 0
    while i < len(words[0]) and k < len(words[1]):
        if shares[i, k] and best[i][k] == best[i + 1][k + 1] + shares[i, k]:
            pairs.append((left[0] + i, right[0] + k))
            i, k = i + 1, k + 1
        elif best[i][k] == best[i + 1][k]:
            i += 1
        else:
            k += 1
    return pairs


def _differences(old: str, new: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Where two lines differ, word by word, but for their indentation."""
    starts = [len(line) - len(line.lstrip()) for line in (old, new)]
    a, b = (re.findall(r"\w+|\s+|.", line.lstrip()) for line in (old, new))
    codes = [code for code in SequenceMatcher(None, a, b, autojunk=False).get_opcodes() if code[0] != "equal"]
    before, after = ([(c[1], c[2]) for c in codes], [(c[3], c[4]) for c in codes])
    return _spans(a, starts[0], before), _spans(b, starts[1], after)


def _spans(words: Sequence[str], start: int, runs: Iterable[Span]) -> tuple[Span, ...]:
    at = [start]
    for word in words:
        at.append(at[-1] + len(word))
    return tuple((at[low], at[high]) for low, high in runs if high > low)


def side_by_side_html(before: str, after: str, hunks: Sequence[Sequence[Row]]) -> Markup:
    """Rows of two cells: what was and what is. Where a line has nothing opposite, an empty cell is."""
    old, new = coloured(before), coloured(after)
    drawn = []
    for rows in hunks:
        cells = []
        for row in rows:
            tags = ("code", "code") if row.same else ("del", "ins")
            for number, lines, marks, tag in (
                (row.left, old, row.before, tags[0]), (row.right, new, row.after, tags[1]),
            ):  # fmt: skip
                line = _line(lines[number - 1], marks) if number and number <= len(lines) else ""
                cells.append("<s></s>" if number is None else f"<{tag}>{line}</{tag}>")
        drawn.append(f'<div class="pair">{"".join(cells)}</div>')
    return Markup("".join(drawn))
