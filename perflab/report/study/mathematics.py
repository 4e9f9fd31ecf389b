"""A derivation, Markdown with LaTeX in it, as HTML with MathML; and its formulas as plain text.

The browser draws MathML without a script, a font or the network. latex2mathml writes it. Its input and output
are corrected here where it loses what TeX distinguishes (function names and letters, left and right bars) or
needs a font for mathematics (tall brackets of a matrix).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape
from mdit_py_plugins.dollarmath import dollarmath_plugin

LONG = 50  # characters of LaTeX: a longer formula may be wider than a small screen
FUNCTIONS = r"\\(?:exp|log|ln|max|min|operatorname)\b"


def html(markdown: str, below: int = 2) -> Markup:
    """A derivation without its first heading, which the page has; the others are `below` levels lower."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.use(dollarmath_plugin, renderer=mathml, double_inline=True)
    rules: dict[str, Any] = cast(Any, parser.renderer).rules
    rules["math_block"] = _block
    rules["math_inline"] = lambda tokens, at, *_: mathml(tokens[at].content, {})
    tokens = parser.parse(markdown)
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        tokens = tokens[3:]
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + below, 6)}"
    drawn: str = parser.renderer.render(tokens, parser.options, {})
    wide = '<div class="wide" tabindex="0" role="group" aria-label="table"><table>'
    return Markup(drawn.replace("<table>", wide).replace("</table>", "</table></div>"))


def _block(tokens: Sequence[Token], at: int, *_: Any) -> str:
    latex = tokens[at].content
    reach = ' tabindex="0" role="group" aria-label="formula"' if len(latex) > LONG else ""
    return f'<div class="formula"{reach}>{mathml(latex, {"display_mode": True})}</div>\n'


def mathml(latex: str, options: Mapping[str, Any]) -> str:
    """One formula as a <math> element; one that cannot be read is shown as it was written."""
    return _mathml(latex.strip(), bool(options.get("display_mode")))


@lru_cache(maxsize=4096)  # a derivation has the same letters in many places
def _mathml(latex: str, displayed: bool) -> str:
    try:
        drawn = convert(_clearer(latex), display="block" if displayed else "inline")
    except Exception:  # no wrong formula may stop the report
        return f"<code>{escape(latex)}</code>"
    return _smaller(drawn)


def _clearer(latex: str) -> str:
    r"""LaTeX with space around function names, and with left and right bars.

    >>> print(_clearer(r"s \exp(x) + n \ln 2"))
    s\,\exp(x) + n\,\ln\,2
    """
    latex = latex.replace(r"\lvert", r"\left|").replace(r"\rvert", r"\right|")
    latex = re.sub(rf"(?<=[\w}}')\]])\s*(?={FUNCTIONS})", r"\\,", latex)
    return re.sub(r"\\(exp|log|ln)\s+(?=\w)", r"\\\1\\,", latex)


def _smaller(drawn: str) -> str:
    """MathML without attributes that HTML does not need, with names as words and brackets drawn by CSS."""
    drawn = drawn.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "").replace(' display="inline"', "")
    drawn = re.sub(r"&#x0*([0-9A-F]+);", _character, drawn)
    letters = r'(?:<mi mathvariant="normal">[A-Za-z]</mi>){2,}'
    drawn = re.sub(letters, lambda m: "<mi>" + re.sub("<[^>]*>", "", m[0]) + "</mi>", drawn)
    drawn = re.sub(r"<mo>(?!mod<)(\w{2,})</mo>", r"<mi>\1</mi>", drawn)
    drawn = drawn.replace('<mn mathvariant="bold">', '<mn class="bold">')
    drawn = re.sub(
        r"<mo[^>]*>(?:\[|&#x0005B;)</mo><mtable>((?:(?!</?mtable).)*)</mtable><mo[^>]*>(?:\]|&#x0005D;)</mo>",
        r'<mtable class="matrix">\1</mtable>', drawn, flags=re.DOTALL,
    )  # fmt: skip
    drawn = re.sub(r"^(<math[^>]*>)<mrow>(.*)</mrow></math>$", r"\1\2</math>", drawn, flags=re.DOTALL)
    return re.sub(r"<mrow>(<(m[ion])(?: [^>]*)?>[^<]*</\2>)</mrow>", r"\1", drawn)


def _character(match: re.Match[str]) -> str:
    """A character instead of its number, unless it has a meaning in HTML."""
    character = chr(int(match[1], 16))
    return match[0] if character in "<>&\"'" else character


_WORDS = {
    "sum": "Σ", "partial": "∂", "cdot": "·", "top": "ᵀ", "qquad": "    ", "quad": "  ", "gamma": "γ",
    "delta": "δ", "sigma": "σ", "le": "≤", "ge": "≥", "lvert": "|", "rvert": "|", "leftarrow": "←",
    "times": "×", "odot": "⊙", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "approx": "≈",
    "varphi": "φ", "varepsilon": "ε", "bmod": "mod", "dots": "…", "infty": "∞", "ell": "ℓ", "xi": "ξ",
    "left": "", "right": "", "Bigl": "", "Bigr": "",
}  # fmt: skip
_RAISED = str.maketrans("0123456789+-()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ")
_GROUP = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"


def plain(latex: str) -> str:
    r"""LaTeX as plain text for a terminal: common commands as characters, other commands as their names.

    >>> plain(r"\mathrm{dw}_{d,m} = \sum_{n=0}^{N-1} x_{n,d}\, \mathrm{dout}_{n,m}")
    'dw[d,m] = Σ(n=0…N-1) x[n,d] dout[n,m]'
    >>> plain(r"\frac{\partial L}{\partial x} = 2^{-24}")
    '∂ L/∂ x = 2⁻²⁴'
    """
    text = re.sub(r"\\begin\{(\w+)\}", " [ ", latex)
    text = re.sub(r"\\end\{(\w+)\}", " ] ", text).replace(r"\\", " ; ").replace("&", " ")
    text = re.sub(rf"\\(?:mathrm|mathbf|text|operatorname){_GROUP}", r"\1", text)
    for _ in range(3):  # a fraction may contain fractions
        text = re.sub(rf"\\frac{_GROUP}{_GROUP}", _fraction, text)
    text = re.sub(r"\\frac\s*(\w)\s*(\w)", r"\1/\2", text).replace(r"\frac", "")
    text = re.sub(r"\\[,;:! ]", " ", text)
    text = re.sub(rf"\\sum_{_GROUP}\^{_GROUP}", r"Σ(\1…\2)", text)
    text = re.sub(rf"\\sum_(?:{_GROUP}|(\w))", lambda m: f"Σ({_within(m[1] or m[2])})", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda m: _WORDS.get(m[1], m[1]), text)
    text = re.sub(rf"\^{_GROUP}|\^(\w)", _raised, text).replace("^ᵀ", "ᵀ").replace("^'", "'")
    text = re.sub(rf"_{_GROUP}", lambda m: f"[{_within(m[1])}]", text)
    return re.sub(r"\s+", " ", text.replace("{", "").replace("}", "").replace("\\", "")).strip()


def _fraction(match: re.Match[str]) -> str:
    alone = r"[\w\\ .]+|\w+\([^()]*\)"
    top, bottom = (part if re.fullmatch(alone, part.strip()) else f"({part})" for part in match.groups())
    return f"{top.strip()}/{bottom.strip()}"


def _within(index: str) -> str:
    return re.sub(r",\s+", ",", index).strip()


def _raised(match: re.Match[str]) -> str:
    inside = (match[1] if match[1] is not None else match[2]).strip()
    if inside in ("ᵀ", "'", "''"):
        return inside
    if inside and set(inside) <= set("0123456789+-()ni"):
        return inside.translate(_RAISED)
    return f"^({inside})" if len(inside) > 1 else f"^{inside}"


def readable(markdown: str, markup: bool = True) -> str:
    """A derivation with its formulas as plain text; displayed formulas become blocks.

    It stays Markdown, or becomes text for a terminal, without marks for bold words and code.
    """

    def block(match: re.Match[str]) -> str:
        lines = [plain(part).removesuffix(",").strip() for part in re.split(r"\\q?quad", match[1])]
        return "\n".join(["", "```text", *lines, "```", ""])

    def inline(match: re.Match[str]) -> str:
        text = plain(match[1])
        return re.sub(r"([\\*_`|\[\]<>])", r"\\\1", text) if markup else text

    if not markup:
        markdown = re.sub(r"\*\*(.+?)\*\*|`([^`\n]+)`", r"\1\2", markdown, flags=re.DOTALL)
    text = re.sub(r"\$\$(.+?)\$\$", block, markdown, flags=re.DOTALL)
    return re.sub(r"\$([^$]+)\$", inline, text)
