"""The tree of a ladder in a terminal: a line a rung, its branches at the left, its gains at the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from perflab.cli.show.table import Table
from perflab.records.tree import Node
from perflab.report.study.section import Section

LEGEND = (
    "After the time: how many times as fast as the rung it hangs from, in brackets as naive; where both were"
    " measured on that case."
)


def shown(section: Section) -> Iterator[RenderableType]:
    """The tree with times and gains on the story's cases; without a run, the tree alone."""
    lines = drawn(section.tree)
    if not section.cases:
        yield Text("\n".join(lines))
        return
    steps = {rung.technique: rung.steps for rung in section.rungs}
    rows = [
        [line, *(steps[node.technique].get(case, "") for case in section.cases)]
        for line, node in zip(lines, section.tree, strict=True)
    ]
    yield Table("", *section.cases, rows=rows, matrix=True, title=f"The ladder: {section.setting}")
    yield Text(LEGEND, style="dim")


def drawn(nodes: Sequence[Node]) -> list[str]:
    r"""A line for each node: what hangs from a lane branches off from it, what continues it stands below.

    >>> from perflab.records import tree
    >>> print(*drawn(tree.nodes({"naive": "", "vectorized": "naive", "jit": "naive"})), sep="\n")
    ● naive
    ├─● vectorized
    └─● jit
    """
    rows = {node.technique: row for row, node in enumerate(nodes)}
    joined = [(nodes[rows[n.parent]].lane, rows[n.parent], row) for row, n in enumerate(nodes) if n.parent]
    lines = []
    for row, node in enumerate(nodes):
        branches = nodes[rows[node.parent]].lane < node.lane if node.parent else False
        line = ""
        for lane in range(node.lane):
            goes_on = any(at == lane and first < row < last for at, first, last in joined)
            hangs = branches and lane == node.lane - 1
            line += ("├─" if goes_on else "└─") if hangs else "│ " if goes_on else "  "
        lines.append(f"{line}● {node.technique}")
    return lines
