"""The chain rule by hand: an expression as a circuit of small nodes, values forward, gradients backward.

A node needs two things only: how its value follows from its inputs, and its local derivative by each input.
The forward pass visits the nodes in the order in which they were created, the backward pass in the reverse
order. A node that is used twice gets the sum of the gradients that its users return.

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

DEEPEST = 100  # levels of nested operations


@dataclass(frozen=True)
class Rule:
    """What a node does: its value from its inputs' values, and its derivative by each input.

    value(*inputs) -> output;  slopes(output, *inputs) -> one derivative for each input.
    `local` has the same derivatives as formulas of the inputs' names {0}, {1} and of the output's name {out}.
    """

    name: str
    value: Callable[..., float]
    slopes: Callable[..., tuple[float, ...]]
    local: tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """A node of a circuit. `rule` is None for a name or a number; `inputs` are indices of nodes."""

    text: str
    rule: Rule | None = None
    inputs: tuple[int, ...] = ()
    number: float | None = None

    @property
    def is_name(self) -> bool:
        """Whether the node is a variable."""
        return self.rule is None and self.number is None


@dataclass(frozen=True)
class NodeTrace:
    """A node after both passes: its value, its gradient, and its derivative by each input."""

    node: Node
    value: float
    gradient: float
    slopes: tuple[float, ...]


@dataclass(frozen=True)
class Trace:
    """Both passes through a circuit: every node in order, the output last; gradients by name."""

    nodes: tuple[NodeTrace, ...]
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
        Rule("+", lambda x, y: x + y, lambda out, x, y: (1.0, 1.0), ("1", "1")),
        Rule("-", lambda x, y: x - y, lambda out, x, y: (1.0, -1.0), ("1", "−1")),
        Rule("*", lambda x, y: x * y, lambda out, x, y: (y, x), ("{1}", "{0}")),
        Rule("/", lambda x, y: x / y, lambda out, x, y: (1 / y, -x / (y * y)), ("1/{1}", "−{0}/{1}²")),
        Rule("**", lambda x, y: x**y, _power_slopes, ("{1}·{0}^({1} − 1)", "{out}·log({0})")),
        Rule("negative", lambda x: -x, lambda out, x: (-1.0,), ("−1",)),
        Rule("exp", math.exp, lambda out, x: (out,), ("exp({0})",)),
        Rule("log", math.log, lambda out, x: (1 / x,), ("1/{0}",)),
        Rule("sigmoid", _sigmoid, lambda out, x: (out * (1 - out),), ("{out}·(1 − {out})",)),
        Rule("tanh", math.tanh, lambda out, x: (1 - out * out,), ("1 − {out}²",)),
        Rule("max", max, lambda out, x, y: (float(x >= y), float(x < y)), ("[{0} ≥ {1}]", "[{0} < {1}]")),
        Rule("min", min, lambda out, x, y: (float(x <= y), float(x > y)), ("[{0} ≤ {1}]", "[{0} > {1}]")),
    )
}
OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
FUNCTIONS = {name: len(RULES[name].local) for name in ("exp", "log", "sigmoid", "tanh", "max", "min")}


def parse(expression: str) -> tuple[Node, ...]:
    """The circuit of an expression in + − * / ** and exp, log, sigmoid, tanh, max, min, names and numbers.

    All uses of a name are one node. No code of the expression is executed. Raises PerflabError for anything
    else, with the part that is not understood.
    """
    try:
        expression = " ".join(expression.split())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings on style: `2or x` is refused below anyway
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
            raise PerflabError(f"more than {DEEPEST} nested operations; wanted a shorter expression")
        text = ast.get_source_segment(expression, part) or ""
        match part:
            case ast.Name(id=name):
                if name not in names:
                    names[name] = add(Node(name))
                return names[name]
            case ast.Constant(value=int() | float() as number):
                return add(Node(text, number=_finite(number, text)))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return add(Node(text, number=-_finite(number, text)))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return place(operand, depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return add(Node(text, RULES["negative"], (place(operand, depth + 1),)))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                sides = place(left, depth + 1), place(right, depth + 1)
                return add(Node(text, RULES[OPERATORS[type(op)]], sides))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
                if len(args) != FUNCTIONS[name]:
                    raise PerflabError(f"{text}: {name} of {len(args)}; wanted {FUNCTIONS[name]}")
                return add(Node(text, RULES[name], tuple(place(arg, depth + 1) for arg in args)))
        wanted = f"names, numbers, + - * / **, {', '.join(FUNCTIONS)}"
        raise PerflabError(f"{text}: not understood; wanted {wanted}")

    place(tree)
    return tuple(nodes)


def run(nodes: tuple[Node, ...], values: Mapping[str, float], dout: float = 1.0) -> Trace:
    """Both passes with these values of the names; the backward pass starts from the upstream gradient `dout`.

    Raises PerflabError for a name without a value, a value without a name, and a node that has no real value.
    """
    names = [node.text for node in nodes if node.is_name]
    if set(names) != set(values):
        missing, unknown = sorted(set(names) - set(values)), sorted(set(values) - set(names))
        problems = [f"no value of {', '.join(missing)}"] if missing else []
        problems += [f"no {', '.join(unknown)} in the expression"] if unknown else []
        wanted = ", ".join(names) or "no names"
        raise PerflabError(f"{'; '.join(problems)}; wanted a number for each of {wanted}")
    outputs, slopes = forward(nodes, values)
    gradients = [0.0] * len(nodes)
    gradients[-1] = dout
    for at in range(len(nodes) - 1, -1, -1):  # a node's users come after it, so its gradient is complete
        for source, slope in zip(nodes[at].inputs, slopes[at], strict=True):
            gradients[source] += gradients[at] * slope
    traced = tuple(map(NodeTrace, nodes, outputs, gradients, slopes))
    return Trace(traced, outputs[-1], {t.node.text: t.gradient for t in traced if t.node.is_name})


def forward(
    nodes: tuple[Node, ...], values: Mapping[str, float], instead: Mapping[int, float] | None = None
) -> tuple[list[float], list[tuple[float, ...]]]:
    """Every node's value, and its derivative by each input; `instead` sets nodes, by index, to a number.

    Raises PerflabError for a node that has no real value.
    """
    outputs: list[float] = []
    slopes: list[tuple[float, ...]] = []
    for at, node in enumerate(nodes):
        if instead and at in instead:
            outputs.append(instead[at])
            slopes.append(())
        elif node.rule is None:
            outputs.append(_finite(values[node.text], node.text) if node.number is None else node.number)
            slopes.append(())
        else:
            inputs = [outputs[source] for source in node.inputs]
            try:
                outputs.append(_finite(node.rule.value(*inputs), node.text))
                slopes.append(node.rule.slopes(outputs[-1], *inputs))
            except (ArithmeticError, ValueError):
                text = f"{node.text}: {node.rule.name} of {', '.join(f'{value:g}' for value in inputs)}"
                raise PerflabError(f"{text} has no real value or slope") from None
    return outputs, slopes


def trace(expression: str, **values: float) -> Trace:
    """Both passes through an expression. Raises PerflabError as `parse` and `run` do."""
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
