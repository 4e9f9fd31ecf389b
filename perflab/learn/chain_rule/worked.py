"""A circuit worked through: every node with its formula, its value and gradient, and a check by differences.

A number in the expression is part of the node that uses it: in 1/(1 + exp(-1*s)) the nodes are a·s, exp,
c + x and 1/x.

>>> circuit = work("(x + y)*z", {"x": -2.0, "y": 5.0, "z": -4.0})
>>> [(step.formula, step.value, step.gradient) for step in circuit.steps[2:]]
[('q = x + y', 3.0, -4.0), ('z', -4.0, 3.0), ('f = q·z', -12.0, 1.0)]
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perflab.contract import PerflabError
from perflab.learn.chain_rule.circuit import RULES, Node, Trace, parse, run
from perflab.learn.chain_rule.differences import CORNER, UNKNOWN, WRONG, check
from perflab.units import number

MOST_NODES = 200  # of one circuit: a drawing of more could not be read
FORMULAS = {"+": "{0} + {1}", "-": "{0} − {1}", "*": "{0}·{1}", "/": "{0}/{1}", "**": "{0}^{1}",
            "negative": "−{0}"}  # fmt: skip
RAISED = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True)
class Slope:
    """A node's derivative by one of its inputs: the input's index among the steps, formula, number."""

    source: int
    formula: str
    value: float


@dataclass(frozen=True)
class Step:
    """One node. `back` writes its gradient as a sum of products; `difference` is the central difference."""

    name: str
    text: str  # as in the expression
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
        """Whether no gradient contradicts its difference."""
        return all(step.verdict != WRONG for step in self.steps)

    @property
    def check_line(self) -> str:
        """The result of the check in words."""
        wrong, corners, unknown = (", ".join(step.name for step in self.steps if step.verdict == verdict)
                                   for verdict in (WRONG, CORNER, UNKNOWN))  # fmt: skip
        if wrong:
            return f"WRONG: the gradient of {wrong} differs from its central difference."
        agreeing = sum(step.verdict not in (CORNER, UNKNOWN) for step in self.steps)
        line = f"{agreeing} of {len(self.steps)} gradients agree with central differences."
        if corners:
            line += f" At a corner, where any slope between those of both sides is right: {corners}."
        return f"{line} No difference is precise enough for: {unknown}." if unknown else line


def standard() -> list[Worked]:
    """The two circuits that a course usually begins with."""
    weights = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
    return [
        work("(x + y)*z", {"x": -2.0, "y": 5.0, "z": -4.0}, "A sum times a number"),
        work("1/(1 + exp(-1*(w0*x0 + w1*x1 + w2)))", weights, "A sigmoid neuron, node by node"),
    ]


def derivation() -> str:
    """The chain rule in words and formulas: Markdown with LaTeX."""
    return (Path(__file__).parent / "derivation.md").read_text("utf-8")


def typed(words: Sequence[str]) -> Worked:
    """A circuit from the command line: an expression, then NAME=NUMBER for each name in it.

    Raises PerflabError for a word that cannot be read and for a name without a value.
    """
    expression, *assignments = words
    if "=" in expression:
        raise PerflabError(f"{expression}: no expression; wanted one first, then NAME=NUMBER for each name")
    values: dict[str, float] = {}
    for word in assignments:
        name, equals, digits = (part.strip() for part in word.partition("="))
        name = unicodedata.normalize("NFKC", name)  # as Python reads names
        if not equals or not name:
            raise PerflabError(f"{word}: not understood; wanted NAME=NUMBER for each name, as x=-2")
        if name in values:
            raise PerflabError(f"{word}: {name} has a value already; wanted one for each name")
        try:
            values[name] = float(digits)
        except ValueError:
            raise PerflabError(f"{word}: {digits!r} is no number; wanted {name}=NUMBER") from None
    return work(expression, values)


def work(expression: str, values: Mapping[str, float], title: str = "") -> Worked:
    """A circuit with both passes and its check. Raises PerflabError as `circuit.parse` and `run` do."""
    nodes = parse(expression)
    if len(nodes) > MOST_NODES:
        raise PerflabError(f"{len(nodes)} nodes; wanted an expression of at most {MOST_NODES}")
    traced = run(nodes, values)
    index: dict[int, int] = {}  # of the nodes that depend on any name, among the steps
    for at, node in enumerate(nodes):
        if node.is_name or any(source in index for source in node.inputs):
            index[at] = len(index)
    if len(nodes) - 1 not in index:
        raise PerflabError(f"{expression}: no name in it; wanted one, to take a gradient by")
    for at in index:
        if not math.isfinite(traced.nodes[at].gradient):
            raise PerflabError(f"{nodes[at].text}: has no finite gradient at these values; wanted others")
    names = _names(nodes, index)
    noise = sum(abs(t.gradient * t.value) for t in traced.nodes if math.isfinite(t.gradient))
    steps = []
    for at, name in names.items():
        node, node_trace = nodes[at], traced.nodes[at]
        short, rule = name, node.rule.name if node.rule else ""
        slopes: tuple[Slope, ...] = ()
        if rule:
            operands = [names.get(source) or _constant(nodes[source]) for source in node.inputs]
            short = _formula(rule, operands)
            by_input = zip(node.inputs, _local(rule, operands, name), node_trace.slopes, strict=True)
            slopes = tuple(Slope(index[s], formula, value) for s, formula, value in by_input if s in index)
        steps.append(
            Step(
                name, node.text, f"{name} = {short}" if slopes else short, short, rule, node_trace.value,
                slopes, node_trace.gradient, _back(traced, at), *check(nodes, values, at, node_trace, noise),
            )
        )  # fmt: skip
    return Worked(title, " ".join(expression.split()), dict(values), tuple(steps))


def plain(circuits: Sequence[Worked]) -> dict[str, Any]:
    """Circuits as plain JSON, in which a slope has its input's name instead of an index."""
    return {"circuits": [
        {"title": circuit.title, "expression": circuit.expression, "values": dict(circuit.values),
         "value": circuit.steps[-1].value, "ok": circuit.ok,
         "nodes": [asdict(step) | {"slopes": [
             {"by": circuit.steps[slope.source].name, "formula": slope.formula, "value": slope.value}
             for slope in step.slopes]} for step in circuit.steps]}
        for circuit in circuits
    ]}  # fmt: skip


# -------------------------------------------------------------------------------------------- as formulas


def _names(nodes: Sequence[Node], shown: Collection[int]) -> dict[int, str]:
    """Each shown node's name: f for the output, q for those between, or other letters if these are taken."""
    taken = {node.text for node in nodes if node.is_name}
    letters = (c for c in "qhuvstpabcdgk" if not any(re.fullmatch(rf"{c}\d*", name) for name in taken))
    letter = next(letters, "node_")
    outputs = ("f", "F", "out", "output", *(f"f_{i}" for i in range(MOST_NODES)))
    output = next(name for name in outputs if name not in taken)
    operations = [at for at in shown if nodes[at].rule]
    between = operations[:-1]
    named = {at: nodes[at].text for at in shown} | dict.fromkeys(operations[-1:], output)
    return named | {at: f"{letter}{n}" if len(between) > 1 else letter for n, at in enumerate(between, 1)}


def _constant(node: Node) -> str:
    text = node.text.replace(" ", "").replace("-", "−")
    return f"({text})" if node.number is None else text


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
    """The derivatives by each operand as formulas."""
    put = operands if rule == "*" else [_bracketed(operand) for operand in operands]
    slopes = [formula.format(*put, out=out) for formula in RULES[rule].local]
    if rule == "**" and re.fullmatch(r"−?[\d.]+", operands[1]):
        less = number(float(operands[1].replace("−", "-")) - 1)
        raised = {"1": f"·{put[0]}", "0": ""}.get(less, "·" + _formula("**", (put[0], less)))
        slopes[0] = f"{operands[1]}{raised}"
    return [slope.replace("−−", "") for slope in slopes]


def _back(traced: Trace, at: int) -> str:
    """A node's gradient as a sum over its users: upstream gradient times local derivative."""
    return " + ".join(
        f"{_bracketed(number(user.gradient))} × {_bracketed(number(slope))}"
        for user in traced.nodes
        for source, slope in zip(user.node.inputs, user.slopes, strict=True)
        if source == at
    )
