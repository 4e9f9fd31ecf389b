"""A circuit worked through: every node with its formula, its numbers both ways, and a check by differences.

A number in the expression is part of the node that uses it: in 1/(1 + exp(-1*s)) the nodes are a·s, exp,
c + x and 1/x, as one would draw them.

>>> held = work("(x + y)*z", {"x": -2.0, "y": 5.0, "z": -4.0})
>>> [(step.formula, step.value, step.gradient) for step in held.steps[2:]]
[('q = x + y', 3.0, -4.0), ('z', -4.0, 3.0), ('f = q·z', -12.0, 1.0)]
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perflab.contract import PerflabError
from perflab.learn.chain_rule import circuit
from perflab.learn.chain_rule.differences import CORNER, UNKNOWN, WRONG, check
from perflab.units import number

SIGMOID = "1/(1 + exp(-1*(w0*x0 + w1*x1 + w2)))"
STANDARD: tuple[tuple[str, str, Mapping[str, float]], ...] = (
    ("A sum times a number", "(x + y)*z", {"x": -2.0, "y": 5.0, "z": -4.0}),
    (
        "A sigmoid neuron, taken apart",
        SIGMOID,
        {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0},
    ),
)
MOST_NODES = 200  # of one circuit: more cannot be drawn so that one sees anything
FORMULAS = {"+": "{0} + {1}", "-": "{0} − {1}", "*": "{0}·{1}", "/": "{0}/{1}", "**": "{0}^{1}",
            "negative": "−{0}"}  # fmt: skip
RAISED = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
LOCAL: Mapping[str, tuple[str, ...]] = {
    "+": ("1", "1"),
    "-": ("1", "−1"),
    "*": ("{1}", "{0}"),
    "/": ("1/{1}", "−{0}/{1}²"),
    "**": ("{1}·{0}^({1} − 1)", "{out}·log({0})"),
    "negative": ("−1",),
    "exp": ("exp({0})",),
    "log": ("1/{0}",),
    "sigmoid": ("{out}·(1 − {out})",),
    "tanh": ("1 − {out}²",),
    "max": ("[{0} ≥ {1}]", "[{0} < {1}]"),
    "min": ("[{0} ≤ {1}]", "[{0} > {1}]"),
}


@dataclass(frozen=True)
class Slope:
    """A node's derivative by one of its inputs: that one's place among the steps, in letters, as a number."""

    source: int
    formula: str
    value: float


@dataclass(frozen=True)
class Step:
    """One node. `back` is its gradient as the sum of products that it is; `difference` is what checks it."""

    name: str
    text: str  # as it was typed
    formula: str
    short: str  # the formula without the name
    rule: str  # "" for a name
    value: float
    slopes: tuple[Slope, ...]
    gradient: float
    back: str
    difference: float | None
    verdict: str


@dataclass(frozen=True)
class Worked:
    """A circuit with all its numbers, in the order of computation: the last step is the output."""

    title: str
    expression: str
    values: Mapping[str, float]
    steps: tuple[Step, ...]

    @property
    def ok(self) -> bool:
        """Whether no gradient contradicts its differences."""
        return all(step.verdict != WRONG for step in self.steps)

    @property
    def said(self) -> str:
        """The check in one sentence."""
        by = {verdict: [step.name for step in self.steps if step.verdict == verdict]
              for verdict in (WRONG, CORNER, UNKNOWN)}  # fmt: skip
        if by[WRONG]:
            return f"WRONG: the gradient of {', '.join(by[WRONG])} is not what central differences give."
        agreeing = len(self.steps) - len(by[CORNER]) - len(by[UNKNOWN])
        parts = [f"{agreeing} of {len(self.steps)} gradients agree with central differences."]
        if by[CORNER]:
            parts.append(
                f"At a corner, where any slope between both sides' is right: {', '.join(by[CORNER])}."
            )
        if by[UNKNOWN]:
            parts.append(f"No difference is precise enough to tell: {', '.join(by[UNKNOWN])}.")
        return " ".join(parts)


def standard() -> list[Worked]:
    """The two circuits that every course begins with."""
    return [work(expression, values, title) for title, expression, values in STANDARD]


def derivation() -> str:
    """The chain rule in words and formulas: Markdown with LaTeX."""
    return (Path(__file__).parent / "derivation.md").read_text("utf-8")


def typed(words: Sequence[str]) -> Worked:
    """A circuit as it is typed: an expression, then NAME=NUMBER for each name in it.

    Raises PerflabError for what cannot be read or has no value, with what was wanted.
    """
    expression, *given = words
    if "=" in expression:
        raise PerflabError(f"{expression}: no expression; wanted one first, then NAME=NUMBER for each name")
    values: dict[str, float] = {}
    for word in given:
        name, equals, number = (part.strip() for part in word.partition("="))
        name = unicodedata.normalize("NFKC", name)  # as Python reads names
        if not equals or not name:
            raise PerflabError(f"{word}: not understood; wanted NAME=NUMBER for each name, as x=-2")
        if name in values:
            raise PerflabError(f"{word}: {name} has a value already; wanted one for each name")
        try:
            values[name] = float(number)
        except ValueError:
            raise PerflabError(f"{word}: {number!r} is no number; wanted {name}=NUMBER") from None
    return work(expression, values)


def work(expression: str, values: Mapping[str, float], title: str = "") -> Worked:
    """A circuit with both passes and its check. Raises PerflabError as `circuit.parse` and `run` do."""
    nodes = circuit.parse(expression)
    if len(nodes) > MOST_NODES:
        raise PerflabError(f"{len(nodes)} nodes; wanted an expression of at most {MOST_NODES}")
    traced = circuit.run(nodes, values)
    moving: list[bool] = []  # does it depend on any name?
    for node in nodes:
        is_name = node.rule is None and node.number is None
        moving.append(is_name or any(moving[at] for at in node.inputs))
    if not moving[-1]:
        raise PerflabError(f"{expression}: no name in it; wanted one, to take a gradient by")
    shown = [at for at, moves in enumerate(moving) if moves]
    for at in shown:
        if not math.isfinite(traced.nodes[at].gradient):
            raise PerflabError(f"{nodes[at].text}: has no finite gradient at these values; wanted others")
    names = _names(nodes, shown)
    place = {at: position for position, at in enumerate(shown)}
    noise = sum(abs(one.gradient * one.value) for one in traced.nodes if math.isfinite(one.gradient))
    steps = []
    for at in shown:
        one = traced.nodes[at]
        called = [names.get(source) or _constant(nodes[source]) for source in one.node.inputs]
        short = names[at]
        slopes: tuple[Slope, ...] = ()
        if one.node.rule:
            short = _formula(one.node.rule.name, called)
            letters = _local(one.node.rule.name, called, names[at])
            together = zip(one.node.inputs, letters, one.slopes, strict=True)
            slopes = tuple(Slope(place[s], told, value) for s, told, value in together if s in place)
        formula = f"{names[at]} = {short}" if slopes else short
        difference, verdict = check(nodes, values, at, one, noise)
        steps.append(
            Step(
                names[at], one.node.text, formula, short, one.node.rule.name if one.node.rule else "",
                one.value, slopes, one.gradient, _back(traced, at), difference, verdict,
            )
        )  # fmt: skip
    return Worked(title, " ".join(expression.split()), dict(values), tuple(steps))


def plain(held: Sequence[Worked]) -> dict[str, Any]:
    """Circuits as plain JSON; a slope's source is told by its name."""
    circuits = []
    for one in held:
        nodes = []
        for step in one.steps:
            fields = asdict(step)
            fields["slopes"] = [
                {"by": one.steps[slope.source].name, "formula": slope.formula, "value": slope.value}
                for slope in step.slopes
            ]
            nodes.append(fields)
        circuits.append(
            {"title": one.title, "expression": one.expression, "values": dict(one.values),
             "value": one.steps[-1].value, "ok": one.ok, "nodes": nodes}
        )  # fmt: skip
    return {"circuits": circuits}


# ---------------------------------------------------------------------------------------------- in letters


def _names(nodes: Sequence[circuit.Node], shown: Sequence[int]) -> dict[int, str]:
    """What every shown node is called: f the output, q those between, or letters that nobody has taken."""
    taken = {node.text for node in nodes if node.rule is None and node.number is None}
    made = [at for at in shown if nodes[at].rule]
    letters = (c for c in "qhuvstpabcdgk" if not any(re.fullmatch(rf"{c}\d*", name) for name in taken))
    letter = next(letters, "node_")
    output = next(name for name in ("f", "F", "out", "output", *(f"f_{i}" for i in range(MOST_NODES)))
                  if name not in taken)  # fmt: skip
    between = made[:-1]
    named = {at: f"{letter}{n}" if len(between) > 1 else letter for n, at in enumerate(between, 1)}
    named |= {at: nodes[at].text for at in shown if not nodes[at].rule}
    return named | ({made[-1]: output} if made else {})


def _constant(node: circuit.Node) -> str:
    text = node.text.replace(" ", "")
    if node.number is None:
        return f"({text})".replace("-", "−")
    return text.replace("-", "−")


def _bracketed(operand: str) -> str:
    return f"({operand})" if operand.startswith("−") else operand


def _formula(rule: str, operands: Sequence[str]) -> str:
    if rule not in FORMULAS:
        return f"{rule}({', '.join(operands)})"
    first, *others = operands
    first = _bracketed(first) if rule in ("**", "negative") else first
    if rule == "**" and re.fullmatch(r"−?\d+", others[0]):
        return first + others[0].translate(RAISED)
    return FORMULAS[rule].format(first, *map(_bracketed, others))


def _local(rule: str, operands: Sequence[str], out: str) -> list[str]:
    bare = [re.fullmatch(r"[\w.]+", operand) and operand for operand in operands]
    alone = LOCAL[rule] in (("{1}", "{0}"),)  # a product's slopes stand by themselves
    put = [operand if alone else kept or _bracketed(operand)
           for operand, kept in zip(operands, bare, strict=True)]  # fmt: skip
    found = [one.format(*put, out=out) for one in LOCAL[rule]]
    if rule == "**" and re.fullmatch(r"−?[\d.]+", operands[1]):
        less = number(float(operands[1].replace("−", "-")) - 1)
        raised = {"1": f"·{put[0]}", "0": ""}.get(less, "·" + _formula("**", (put[0], less)))
        found[0] = f"{operands[1]}{raised}"
    return [one.replace("−−", "") for one in found]


def _back(traced: circuit.Trace, at: int) -> str:
    """A gradient as what comes back along each way: upstream gradient times local derivative, summed."""
    products = [
        f"{_bracketed_number(user.gradient)} × {_bracketed_number(slope)}"
        for user in traced.nodes
        for source, slope in zip(user.node.inputs, user.slopes, strict=True)
        if source == at
    ]
    return " + ".join(products)


def _bracketed_number(value: float) -> str:
    return _bracketed(number(value))
