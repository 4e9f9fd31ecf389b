"""The chain rule in a terminal: a circuit as a tree and as a table of its nodes, and the derivation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.markdown import Markdown
from rich.text import Text
from rich.tree import Tree

from perflab.cli.show.flow import Heading, Unbroken
from perflab.cli.show.table import Table
from perflab.learn.chain_rule.differences import WRONG
from perflab.learn.chain_rule.worked import Slope, Worked
from perflab.report.study import mathematics
from perflab.units import number

GREEN, RED = "green", "red"


def shown(circuits: Sequence[Worked], derivation: str) -> Iterator[RenderableType]:
    """Every circuit, then the derivation, if there is one."""
    for circuit in circuits:
        title = f"{circuit.title}: " if circuit.title else ""
        yield Heading(Text(title + circuit.expression, "bold"))
        yield Text("At " + ", ".join(f"{name} = {number(value)}" for name, value in circuit.values.items())
                   + ": → value forward, ← gradient backward.")  # fmt: skip
        yield Unbroken(tree(circuit))
        yield nodes(circuit)
        yield Text(circuit.check_line + "\n", style="" if circuit.ok else "bold red")
    if derivation:
        yield Markdown(mathematics.readable(derivation))


def tree(circuit: Worked) -> Tree:
    """The circuit from its output inwards; a node that is used again is drawn once."""
    drawn: set[int] = set()

    def label(at: int) -> Text:
        step = circuit.steps[at]
        again = at in drawn and bool(step.slopes)
        drawn.add(at)
        return Text.assemble(
            step.name if again else step.formula,
            "  ", (f"→ {number(step.value)}", GREEN), "  ", (f"← {number(step.gradient)}", RED),
            "  (above)" if again else "",
        )  # fmt: skip

    def grow(branch: Tree, at: int) -> None:
        for slope in circuit.steps[at].slopes:
            known = slope.source in drawn
            twig = branch.add(label(slope.source))
            if not known:
                grow(twig, slope.source)

    last = len(circuit.steps) - 1
    root = Tree(label(last), guide_style="dim")
    grow(root, last)
    return root


def nodes(circuit: Worked) -> RenderableType:
    """One row per node, in the order of computation."""
    rows = (
        (step.formula, Text(number(step.value), style=GREEN),
         "\n".join(_derivative(circuit, slope) for slope in step.slopes),
         Text(f"{step.back} = {number(step.gradient)}" if step.back else number(step.gradient), style=RED),
         "–" if step.difference is None else number(step.difference),
         Text(step.verdict, style="bold red" if step.verdict == WRONG else ""))
        for step in circuit.steps
    )  # fmt: skip
    return Table("node", "value", "local derivatives", "gradient", "central difference", "check", rows=rows)


def _derivative(circuit: Worked, slope: Slope) -> str:
    value = number(slope.value)
    formula = slope.formula if slope.formula == value else f"{slope.formula} = {value}"
    return f"by {circuit.steps[slope.source].name}: {formula}"
