"""The chain rule in a terminal: a circuit as a tree and as a table of its nodes, and the derivation.

Makes what rich prints of `worked.Worked`; the command line prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.markdown import Markdown
from rich.rule import Rule
from rich.text import Text
from rich.tree import Tree

from perflab import display
from perflab.quotients import WRONG
from perflab.report import mathematics
from perflab.units import number
from perflab.worked import Slope, Worked

GREEN, RED = "green", "red"


def shown(circuits: Sequence[Worked], derivation: str) -> Iterator[RenderableType]:
    """Every circuit, then the derivation where there is one, piece by piece."""
    for held in circuits:
        title = f"{held.title}: " if held.title else ""
        yield Rule(Text.assemble((title + held.expression, "bold")), align="left")
        yield Text("At " + ", ".join(f"{name} = {number(value)}" for name, value in held.values.items())
                   + ": → value forward, ← gradient backward.")  # fmt: skip
        yield tree(held)
        yield table(held)
        yield Text(held.said + "\n", style="" if held.ok else "bold red")
    if derivation:
        yield Markdown(mathematics.readable(derivation))


def tree(held: Worked) -> Tree:
    """The circuit from its output inwards; a node that is used again is drawn once."""
    drawn: set[int] = set()

    def label(at: int) -> Text:
        step = held.steps[at]
        again = at in drawn and bool(step.slopes)
        drawn.add(at)
        return Text.assemble(
            step.name if again else step.formula,
            "  ", (f"→ {number(step.value)}", GREEN), "  ", (f"← {number(step.gradient)}", RED),
            "  (above)" if again else "",
        )  # fmt: skip

    def grow(branch: Tree, at: int) -> None:
        for slope in held.steps[at].slopes:
            known = slope.source in drawn
            twig = branch.add(label(slope.source))
            if not known:
                grow(twig, slope.source)

    last = len(held.steps) - 1
    root = Tree(label(last), guide_style="dim")
    grow(root, last)
    return root


def table(held: Worked) -> RenderableType:
    """One row a node, in the order of computation."""
    made = display.table("node", "value", "local derivatives", "gradient", "central difference", "check")
    for step in held.steps:
        made.add_row(
            Text(step.formula),
            Text(number(step.value), style=GREEN),
            Text("\n".join(_told(held, slope) for slope in step.slopes)),
            Text(f"{step.back} = {number(step.gradient)}" if step.back else number(step.gradient), style=RED),
            Text("–" if step.difference is None else number(step.difference)),
            Text(step.verdict, style="bold red" if step.verdict == WRONG else ""),
        )
    return made


def _told(held: Worked, slope: Slope) -> str:
    value = number(slope.value)
    told = slope.formula if slope.formula == value else f"{slope.formula} = {value}"
    return f"by {held.steps[slope.source].name}: {told}"
