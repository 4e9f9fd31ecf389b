"""Which cells are meant: an expression as pytest's -k, and patterns with * and ?."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence

from perflab.contract import PerflabError
from perflab.records.typed import escaped

TOKEN = re.compile(r"\s*(?:([()])|\"([^\"]*)\"|'([^']*)'|([^\s()\"']+))")
WORD = re.compile(r"[^/\[\]:(), .=\-]+")
WANTED = "wanted words of names with and, or, not and brackets, such as 'conv2d and not naive'"
Holds = Callable[[str], bool]
Tokens = Sequence[tuple[str, str]]


def expression(text: str) -> Holds:
    """Whether a name fits an expression: its words are looked for in the name, whatever their case.

    Raises PerflabError for what is no expression.

    >>> fits = expression("conv and not (naive or 'x y')")
    >>> fits("conv2d/jit"), fits("Conv2d/naive"), fits("conv x y")
    (True, False, False)
    """
    tokens = _tokens(text)
    holds, rest = _chain(tokens, text)
    if rest:
        raise _no_expression(text)
    return holds


def nearest(text: str, names: Iterable[str]) -> str:
    """The words of names that are nearest to those of an expression or a pattern, as a hint."""
    whole = dict.fromkeys(word for name in names for word in WORD.findall(name))
    known = whole | dict.fromkeys(part for word in whole for part in word.split("_") if len(part) > 1)
    found: dict[str, None] = {}
    for word in WORD.findall(text.replace("*", " ")):
        if word not in known:
            found |= dict.fromkeys(difflib.get_close_matches(word, known, n=2, cutoff=0.6))
    shown = ", ".join(map(escaped, list(found or whole)[:4]))
    return f"did you mean {shown}?" if found else f"there are {shown or 'none'}"


def pattern(text: str) -> re.Pattern[str]:
    """A pattern in which * stands for any text and ? for any character; all others stand for themselves.

    >>> bool(pattern("conv2d/*").fullmatch("conv2d/jit")), bool(pattern("test[1]").fullmatch("test[1]"))
    (True, True)
    """
    parts = {"*": "(.*?)", "?": "(.)"}
    return re.compile("".join(parts.get(char) or re.escape(char) for char in text), re.DOTALL)


def _tokens(text: str) -> list[tuple[str, str]]:
    """The words of an expression, each with its kind: "(", ")", "and", "or", "not" or "name"."""
    tokens, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            raise _no_expression(text)
        bracket, *quoted, word = match.groups()
        name = next((each for each in (*quoted, word) if each is not None), "")
        keyword = word if word in ("and", "or", "not") else "name"
        tokens.append((bracket or keyword, name))
        at = match.end()
    return tokens


def _chain(tokens: Tokens, text: str, word: str = "or") -> tuple[Holds, Tokens]:
    """Parts with "or" between them, whose own parts have "and" between them; and the tokens behind."""
    parts: list[Holds] = []
    while not parts or (tokens and tokens[0][0] == word):
        rest = tokens[1:] if parts else tokens
        part, tokens = _chain(rest, text, "and") if word == "or" else _one(rest, text)
        parts.append(part)
    together = any if word == "or" else all
    return lambda name: together(part(name) for part in parts), tokens


def _one(tokens: Tokens, text: str) -> tuple[Holds, Tokens]:
    if not tokens or len(tokens) > 200:
        raise _no_expression(text)
    (kind, word), *rest = tokens
    if kind == "not":
        holds, left = _one(rest, text)
        return _not(holds), left
    if kind == "(":
        holds, left = _chain(rest, text)
        if not left or left[0][0] != ")":
            raise _no_expression(text)
        return holds, left[1:]
    if kind != "name" or not word:
        raise _no_expression(text)
    sought = word.casefold()
    return lambda name: sought in name.casefold(), rest


def _not(holds: Holds) -> Holds:
    return lambda name: not holds(name)


def _no_expression(text: str) -> PerflabError:
    return PerflabError(f"-k {text!r}: not an expression; {WANTED}")
