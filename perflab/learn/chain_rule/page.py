"""A worked circuit as a drawing, values above the nodes in green, gradients below in red; and as a page.

The page is one file that loads nothing from a network.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from perflab import __version__
from perflab.learn.chain_rule.layout import BOX, Cell, Points, layout
from perflab.learn.chain_rule.worked import Step, Worked
from perflab.report.study import mathematics
from perflab.report.template import template
from perflab.units import number


def html(circuits: Sequence[Worked], derivation: str) -> str:
    """The study as one HTML file."""
    return template("chain_rule.html.jinja").render(
        circuits=[(circuit, drawing(circuit, f"circuit-{n}")) for n, circuit in enumerate(circuits, 1)],
        derivation=mathematics.html(derivation, below=1), number=number, version=__version__,
    )  # fmt: skip


def drawing(circuit: Worked, name: str) -> Markup:
    """A circuit as an <svg> in the page's colours; `name` makes its ids unique."""
    places = layout(circuit)
    tip = f'marker-end="url(#{name}-tip)"'
    wires = "".join(f'<path d="{_path(wire)}" {tip}/>' for wire in places.wires)
    nodes = "".join(map(_node, places.cells, circuit.steps))
    description = "; ".join(f"{step.formula}: value {number(step.value)}, gradient {number(step.gradient)}"
                            for step in circuit.steps)  # fmt: skip
    width, height = f"{places.width:.0f}", f"{places.height:.0f}"
    return Markup(
        f'<svg class="circuit" role="img" aria-labelledby="{name}-title {name}-desc"'
        f' viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<title id="{name}-title">{escape("The circuit of " + circuit.expression)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>'
        f'<defs><marker id="{name}-tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
        f'<g class="wires">{wires}</g>{nodes}</svg>'
    )


def _path(points: Points) -> str:
    """A wire's path: straight at and past nodes, curved between layers."""
    (x, y), *others = points
    parts = [f"M{x:.1f} {y:.1f}"]
    for n, (to_x, to_y) in enumerate(others):
        middle = (x + to_x) / 2
        curve = f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        parts.append(curve if n % 2 else f"H{to_x:.1f}")
        x, y = to_x, to_y
    return "".join(parts)


def _node(cell: Cell, step: Step) -> str:
    left, top = cell.x - cell.box / 2, cell.y - BOX / 2
    name, equals, value = cell.above.rpartition(" = ")
    above = f'<tspan class="called">{escape(name + equals)}</tspan>{value}' if name else value
    x = f'x="{cell.x:.1f}"'
    return (
        f'<g class="{"operation" if step.rule else "input"}"><title>{escape(step.formula)}</title>'
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{cell.box:.1f}" height="{BOX:.0f}" rx="6"/>'
        f'<text {x} y="{cell.y + 4.5:.1f}">{escape(cell.label)}</text>'
        f'<text class="value" {x} y="{top - 5:.1f}">{above}</text>'
        f'<text class="gradient" {x} y="{top + BOX + 14:.1f}">{cell.below}</text></g>'
    )
