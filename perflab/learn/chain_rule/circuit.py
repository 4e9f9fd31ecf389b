"""The chain rule by hand: an expression as a circuit of small nodes, its value forward, its gradients back.

Every node knows two things only: how its value comes from its inputs, and how its output's gradient goes to
each of them, by a local derivative. Forward goes through the nodes in the order in which they were made;
backward in the reverse, and a node that is used twice gets the sum of what comes back to it.

>>> traced = trace("(x + y) * z", x=-2.0, y=5.0, z=-4.0)
>>> traced.value, traced.gradients
(-12.0, {'x': -4.0, 'y': -4.0, 'z': 3.0})
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real

from perflab.contract import PerflabError

DEEPEST = 100  # operations within one another


@dataclass(frozen=True)
class Rule:
    """What a node does: its value from its inputs', and the derivative by each.

    value(*inputs) -> output;  slopes(output, *inputs) -> one derivative for each input
    """

    name: str
    value: Callable[..., float]
    slopes: Callable[..., tuple[float, ...]]


@dataclass(frozen=True)
class Node:
    """One node of a circuit: `rule` is None for a name or a number. `inputs` are places among the nodes."""

    text: str
    rule: Rule | None = None
    inputs: tuple[int, ...] = ()
    number: float | None = None


@dataclass(frozen=True)
class Passed:
    """A node after both passes: its value, its gradient, and its derivative by each input."""

    node: Node
    value: float
    gradient: float
    slopes: tuple[float, ...]


@dataclass(frozen=True)
class Trace:
    """Both passes through a circuit: every node in order, the last the output; gradients by name."""

    nodes: tuple[Passed, ...]
    value: float
    gradients: Mapping[str, float]


def _sigmoid(x: float) -> float:
    e = math.exp(-abs(x))
    return (1.0 if x >= 0 else e) / (1.0 + e)


def _power_slopes(out: float, x: float, y: float) -> tuple[float, float]:
    by_y = out * math.log(x) if x > 0 else 0.0 if x == 0 and y > 0 else math.nan
    return (y * x ** (y - 1) if y else 0.0), by_y


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("+", lambda x, y: x + y, lambda out, x, y: (1.0, 1.0)),
        Rule("-", lambda x, y: x - y, lambda out, x, y: (1.0, -1.0)),
        Rule("*", lambda x, y: x * y, lambda out, x, y: (y, x)),
        Rule("/", lambda x, y: x / y, lambda out, x, y: (1 / y, -x / (y * y))),
        Rule("**", lambda x, y: x**y, _power_slopes),
        Rule("negative", lambda x: -x, lambda out, x: (-1.0,)),
        Rule("exp", math.exp, lambda out, x: (out,)),
        Rule("log", math.log, lambda out, x: (1 / x,)),
        Rule("sigmoid", _sigmoid, lambda out, x: (out * (1 - out),)),
        Rule("tanh", math.tanh, lambda out, x: (1 - out * out,)),
        Rule("max", max, lambda out, x, y: (float(x >= y), float(x < y))),
        Rule("min", min, lambda out, x, y: (float(x <= y), float(x > y))),
    )
}
FUNCTIONS = {"exp": 1, "log": 1, "sigmoid": 1, "tanh": 1, "max": 2, "min": 2}
OPERATORS: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}


def parse(expression: str) -> tuple[Node, ...]:
    """The circuit of an expression in + − * / ** and exp, log, sigmoid, tanh, max, min, names and numbers.

    A name is one node however often it stands. Nothing is ever executed. Raises PerflabError for anything
    else, with what was found.
    """
    try:
        expression = " ".join(expression.split())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python's style: `2or x` is refused below all the same
            tree = ast.parse(expression, mode="eval").body
    except SyntaxError as error:
        where = f", at character {error.offset}" if expression and error.offset else ""
        raise PerflabError(f"{expression!r}: no expression: {error.msg}{where}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise PerflabError(f"{expression!r}: no expression: {error.__class__.__name__}") from None
    nodes: list[Node] = []
    names: dict[str, int] = {}

    def add(node: Node) -> int:
        nodes.append(node)
        return len(nodes) - 1

    def place(part: ast.expr, depth: int = 0) -> int:
        if depth > DEEPEST:
            raise PerflabError(
                f"more than {DEEPEST} operations within one another; wanted a shorter expression"
            )
        text = ast.get_source_segment(expression, part) or ""
        match part:
            case ast.Name(id=name):
                if name not in names:
                    names[name] = add(Node(name))
                return names[name]
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return add(Node(text, number=_finite(number, text)))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return place(operand, depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)) if (
                not isinstance(number, bool)
            ):
                return add(Node(text, number=_finite(-number, text)))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return add(Node(text, RULES["negative"], (place(operand, depth + 1),)))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                sides = place(left, depth + 1), place(right, depth + 1)
                return add(Node(text, RULES[OPERATORS[type(op)]], sides))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
                if len(args) != FUNCTIONS[name]:
                    raise PerflabError(f"{text}: {name} of {len(args)}; wanted {FUNCTIONS[name]}")
                return add(Node(text, RULES[name], tuple(place(one, depth + 1) for one in args)))
        wanted = f"names, numbers, + - * / **, {', '.join(FUNCTIONS)}"
        raise PerflabError(f"{text}: not understood; wanted {wanted}")

    place(tree)
    return tuple(nodes)


def run(nodes: tuple[Node, ...], values: Mapping[str, float], dout: float = 1.0) -> Trace:
    """Both passes with these values of the names, from the upstream gradient `dout` back.

    Raises PerflabError for a name without a value, a value without a name, and a node that has no real value.
    """
    names = [node.text for node in nodes if node.rule is None and node.number is None]
    if set(names) != set(values):
        missing, unknown = sorted(set(names) - set(values)), sorted(set(values) - set(names))
        told = [f"no value of {', '.join(missing)}"] if missing else []
        told += [f"no {', '.join(unknown)} in the expression"] if unknown else []
        raise PerflabError(f"{'; '.join(told)}; wanted a number for each of {', '.join(names) or 'no names'}")
    held, slopes = forward(nodes, values)
    gradients = [0.0] * len(nodes)
    gradients[-1] = dout
    for at in range(len(nodes) - 1, -1, -1):  # whoever uses a node was made after it
        for source, slope in zip(nodes[at].inputs, slopes[at], strict=True):
            gradients[source] += gradients[at] * slope
    passed = tuple(Passed(*one) for one in zip(nodes, held, gradients, slopes, strict=True))
    return Trace(passed, held[-1], {one.node.text: one.gradient for one in passed if one.node.text in values})


def forward(
    nodes: tuple[Node, ...], values: Mapping[str, float], instead: Mapping[int, float] | None = None
) -> tuple[list[float], list[tuple[float, ...]]]:
    """Every node's value, and its derivative by each input; `instead` holds nodes, by place, at a number.

    Raises PerflabError for a node that has no real value.
    """
    instead = instead or {}
    held: list[float] = []
    slopes: list[tuple[float, ...]] = []
    for at, node in enumerate(nodes):
        inputs = [held[source] for source in node.inputs]
        if at in instead:
            held.append(instead[at])
            slopes.append(())
            continue
        if node.rule is None:
            held.append(_finite(values[node.text], node.text) if node.number is None else node.number)
            slopes.append(())
            continue
        try:
            held.append(_finite(node.rule.value(*inputs), node.text))
            slopes.append(node.rule.slopes(held[-1], *inputs))
        except (ArithmeticError, ValueError):
            given = ", ".join(f"{value:g}" for value in inputs)
            raise PerflabError(
                f"{node.text}: {node.rule.name} of {given} has no real value or slope"
            ) from None
    return held, slopes


def trace(expression: str, **values: float) -> Trace:
    """An expression taken apart, with both passes through it. Raises PerflabError as `parse` and `run` do."""
    return run(parse(expression), values)


def _finite(value: object, text: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise PerflabError(f"{text}: {value!r}; wanted a real number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise PerflabError(f"{text}: {number}; wanted a finite number")
    return number
