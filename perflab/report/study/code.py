"""Code in colours, and two files side by side: what a page and a terminal show of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import accumulate, pairwise

from markupsafe import Markup
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String

CONTEXT = 3
ALIKE = 0.4  # the share of their words that two lines must have in common to be in one row
# One letter a kind, which the style sheet gives a colour; all other code has the colour of text.
KINDS = (
    (Comment, "c"), (String, "s"), (Keyword, "k"), (Operator.Word, "k"), (Number, "n"),
    (Name.Decorator, "d"), (Name.Function, "f"), (Name.Class, "f"), (Name.Builtin, "b"),
)  # fmt: skip
Pieces = tuple[tuple[str, str], ...]  # of one line: kind and text
Span = tuple[int, int]


@dataclass(frozen=True)
class Row:
    """One row of two files side by side: line numbers from 1, None where a file has no such line."""

    left: int | None
    right: int | None
    same: bool
    before: tuple[Span, ...] = ()  # the places that differ within the left line, where the lines are similar
    after: tuple[Span, ...] = ()  # and within the right line


@lru_cache(maxsize=256)
def coloured(source: str) -> tuple[Pieces, ...]:
    """The lines of a Python file, each in pieces with their kinds."""
    lines: list[list[tuple[str, str]]] = [[]]
    for token, text in PythonLexer(stripnl=False).get_tokens(source):
        kind = next((letter for known, letter in KINDS if token in known), "")
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            last_kind, last_text = lines[-1][-1] if lines[-1] else (kind, "")
            if part and (last_kind == kind or not part.strip()):  # blanks have no colour of their own
                lines[-1][-1:] = [(last_kind, last_text + part)]
            elif part:
                lines[-1].append((kind, part))
    while lines and not lines[-1]:
        lines.pop()
    return tuple(map(tuple, lines))


def html(text: str) -> Markup:
    """Code for a page, between two tags: there quotes, of which code is full, stand as they are.

    >>> str(html('"<a>" & b'))
    '"&lt;a&gt;" &amp; b'
    """
    return Markup(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _line(text: str, marks: Sequence[Span]) -> str:
    """One line, the marked places in bold."""
    edges = sorted({0, len(text), *(edge for span in marks for edge in span)})
    parts = []
    for low, high in pairwise(edges):
        part = html(text[low:high])
        parts.append(f"<b>{part}</b>" if any(first <= low < last for first, last in marks) else part)
    return "".join(parts)


def side_by_side(before: str, after: str, context: int = CONTEXT) -> list[list[Row]]:
    """What changed, hunk by hunk, with `context` unchanged lines before and after."""
    old, new = before.splitlines(), after.splitlines()
    hunks = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        rows: list[Row] = []
        for tag, left, left_end, right, right_end in group:
            if tag == "equal":
                rows += [Row(left + i, right + i, True) for i in range(1, left_end - left + 1)]
            else:
                rows += _changed(old, new, (left, left_end), (right, right_end))
        hunks.append(rows)
    return hunks


def _changed(old: Sequence[str], new: Sequence[str], left: Span, right: Span) -> Iterator[Row]:
    """Replaced lines: two similar lines share a row; other lines are paired with whatever is opposite."""
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
    old_words, new_words = (
        [set(re.findall(r"\w+", line)) for line in side] for side in (old[slice(*left)], new[slice(*right)])
    )
    best = [[0.0] * (len(new_words) + 1) for _ in range(len(old_words) + 1)]
    shares: dict[tuple[int, int], float] = {}
    for i in reversed(range(len(old_words))):
        for k in reversed(range(len(new_words))):
            common, union = old_words[i] & new_words[k], old_words[i] | new_words[k]
            share = len(common) / max(len(union), 1)
            shares[i, k] = share if share >= ALIKE else 0.0
            best[i][k] = max(best[i + 1][k], best[i][k + 1], best[i + 1][k + 1] + shares[i, k])
    pairs, i, k = [], 0, 0
    while i < len(old_words) and k < len(new_words):
        if shares[i, k] and best[i][k] == best[i + 1][k + 1] + shares[i, k]:
            pairs.append((left[0] + i, right[0] + k))
            i, k = i + 1, k + 1
        elif best[i][k] == best[i + 1][k]:
            i += 1
        else:
            k += 1
    return pairs


def _differences(old: str, new: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Where two lines differ, word by word, without their indentation."""
    was, now = (re.findall(r"\w+|\s+|.", line.lstrip()) for line in (old, new))
    changes = [c for c in SequenceMatcher(None, was, now, autojunk=False).get_opcodes() if c[0] != "equal"]
    before, after = [(c[1], c[2]) for c in changes], [(c[3], c[4]) for c in changes]
    return _spans(old, was, before), _spans(new, now, after)


def _spans(line: str, words: Sequence[str], runs: Iterable[Span]) -> tuple[Span, ...]:
    """Runs of words as places in the line."""
    ends = list(accumulate(map(len, words), initial=len(line) - len(line.lstrip())))
    return tuple((ends[low], ends[high]) for low, high in runs if high > low)


def side_by_side_html(before: str, after: str, hunks: Sequence[Sequence[Row]]) -> Markup:
    """Rows of two cells, before and after; an empty cell where a line has nothing opposite.

    A line that is the same in both is one cell across. The page's script colours the words.
    """
    old, new = before.splitlines(), after.splitlines()

    def cell(lines: Sequence[str], number: int | None, marks: Sequence[Span], tag: str) -> str:
        if number is None:
            return "<s></s>"
        return f"<{tag}>{_line(lines[number - 1], marks)}</{tag}>"

    drawn = []
    for rows in hunks:
        cells = (
            cell(new, row.right, (), "code")
            if row.same
            else cell(old, row.left, row.before, "del") + cell(new, row.right, row.after, "ins")
            for row in rows
        )
        drawn.append(f'<div class="pair">{"".join(cells)}</div>')
    return Markup("".join(drawn))
