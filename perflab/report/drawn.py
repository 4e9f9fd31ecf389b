"""A contest on drawn shapes: its groups, how many of their cells are behind, the worst with their reasons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from perflab.contract import AUTO, Cell
from perflab.records.drawn import is_common
from perflab.report import contest, words
from perflab.report.contest import Meeting
from perflab.report.summary import Summary
from perflab.report.words import Table, interval, of_threads
from perflab.units import rounded

BEHIND = 0.97  # a cell is behind where its ratio is below: nearer ones are taken as equal
WORST = 10


@dataclass(frozen=True)
class Group:
    """The cells that are judged together; not empty."""

    name: str
    dtypes: tuple[str, ...]
    threads: int
    cells: tuple[Meeting, ...]

    @property
    def mean(self) -> float:
        """The geometric mean of its ratios."""
        return contest.geometric_mean(self.cells)

    @property
    def behind(self) -> int:
        """The cells that are behind."""
        return sum(m.ratio.value < BEHIND for m in self.cells)

    @property
    def behind_words(self) -> str:
        """Their number, and their share of all."""
        return f"{self.behind} ({self.behind / len(self.cells):.0%})"

    @property
    def surely(self) -> int:
        """Those of them whose whole interval is below."""
        return sum(m.ratio.high is not None and m.ratio.high < BEHIND for m in self.cells)

    @property
    def least(self) -> Meeting:
        """The cell with the smallest ratio."""
        return min(self.cells, key=lambda m: m.ratio.value)


def groups(summary: Summary) -> list[Group]:
    """The groups in the plan's order; of an operation with several dtypes each of them, then all together.

    A convolution of 3×3 with stride 1 in float32 has algorithms of its own, and its own group.
    """
    plan, met = summary.run.plan, contest.meetings(summary)
    found = []
    for threads, operation in product(plan.threads, plan.techniques):
        here = [m for m in met if (m.cell.operation, m.cell.threads) == (operation, threads)]
        parts: dict[tuple[str, tuple[str, ...]], list[Meeting]] = {}
        for m in sorted(here, key=lambda m: (plan.dtypes.index(m.cell.dtype), _name(summary, m.cell))):
            parts.setdefault((_name(summary, m.cell), (m.cell.dtype,)), []).append(m)
        if len(parts) > 1 and operation != "conv2d":
            parts[operation, tuple(dtype for _, (dtype,) in parts)] = here
        found += [Group(name, dtypes, threads, tuple(some)) for (name, dtypes), some in parts.items()]
    return found


def _name(summary: Summary, cell: Cell) -> str:
    if (cell.operation, cell.dtype) != ("conv2d", "float32"):
        return cell.operation
    case = summary.run.operations["conv2d"].cases[cell.case]
    return "conv2d, 3×3 stride 1" if is_common(case.sizes, case.parameters) else "conv2d, others"


def group_table(summary: Summary) -> Table | None:
    """A group a row; None where nothing was compared."""
    several = len(summary.run.plan.threads) > 1
    rows = tuple(
        (
            each.name, each.dtypes[0] if len(each.dtypes) == 1 else "both",
            *([str(each.threads)] if several else []),
            " or ".join(sorted({_kind(m) for m in each.cells})), str(len(each.cells)),
            f"×{rounded(each.mean, 3)}", each.behind_words,
            str(each.surely), interval(each.least.ratio),
        )
        for each in groups(summary)
    )  # fmt: skip
    threads = ("threads",) if several else ()
    counts = ("cells", "geometric mean", f"under {BEHIND}", "surely", "least")
    head = ("group", "dtype", *threads, "rung", *counts)
    return Table("The contest on drawn shapes: times as fast as the best peer", head, rows) if rows else None


def _kind(meeting: Meeting) -> str:
    return AUTO if meeting.rung.cell.technique == AUTO else "best"


def worst_table(summary: Summary) -> Table | None:
    """The cells in which the peer leads most, with their reasons; None where it leads in none."""
    cells = contest.lost(contest.meetings(summary))[:WORST]
    rows = tuple(
        (interval(m.ratio), f"{_where(summary, m.cell)}; {_origin(summary, m.cell)}", _why(summary, m))
        for m in cells
    )
    title = f"Where the peer leads most: {WORST} cells" if len(rows) == WORST else "Where the peer leads"
    return Table(title, ("times as fast", "cell", "why"), rows) if rows else None


def _where(summary: Summary, cell: Cell) -> str:
    """A cell with the words of its sizes, as they are typed after --size."""
    plan = summary.run.plan
    sized = plan.sized.get(cell.operation, ())
    sizes = next((each.words for each in sized if each.name == cell.case), cell.case)
    threads = f", {of_threads(cell.threads)}" if len(plan.threads) > 1 else ""
    return f"{cell.operation} {sizes} {cell.dtype} {cell.direction}{threads}"


def _origin(summary: Summary, cell: Cell) -> str:
    drawn = summary.run.plan.drawn
    return drawn.origins.get(cell.operation, {}).get(cell.case, "") if drawn else ""


def _why(summary: Summary, meeting: Meeting) -> str:
    rung, peer = (f"{side.cell.technique} {words.time(side)}" for side in (meeting.rung, meeting.peer))
    return f"{rung}, {peer}; {contest.why_behind(summary, meeting)}"


def lines(summary: Summary) -> list[str]:
    """The results as sentences: of all cells first; what was not compared; how the shapes are drawn again."""
    plan, met = summary.run.plan, contest.meetings(summary)
    if plan.drawn is None:
        return []
    said = [_overall(met)] if met else []
    if lacking := len({*contest.places(plan)}) - len(met):
        said.append(f"{lacking} cells are not compared: there is no figure of both sides")
    again = plan.drawn.command(plan.techniques)
    return [*said, "; ".join([plan.drawn.words, *plan.drawn.without]), f"the same shapes: {again}"]


def _overall(met: list[Meeting]) -> str:
    whole = Group("", (), 0, tuple(met))
    return (
        f"drawn shapes: ×{rounded(whole.mean, 3)} as fast as the best peer, the geometric mean of {len(met)}"
        f" cells; {whole.behind_words} are under {BEHIND}, {whole.surely} of them surely: their whole"
        " interval is"
    )


def to_json(summary: Summary) -> dict[str, Any] | None:
    """The seed and the groups as plain JSON; None of a run whose shapes were not drawn."""
    drawn = summary.run.plan.drawn
    if drawn is None:
        return None
    return {
        "count": drawn.count,
        "seed": drawn.seed,
        "groups": [
            {
                "group": each.name, "dtypes": each.dtypes, "threads": each.threads, "cells": len(each.cells),
                "geometric_mean": each.mean, "behind": each.behind, "surely": each.surely,
                "least": each.least.ratio.value,
            }
            for each in groups(summary)
        ],
    }  # fmt: skip
