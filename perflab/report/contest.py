"""The ladder's top beside other projects: the best rung against the best of the peers' layouts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp, log
from statistics import fmean

from perflab.contract import Cell
from perflab.report.summary import CellResult, Summary
from perflab.statistics import Ratio


@dataclass(frozen=True)
class Meeting:
    """One cell of the contest, its technique left empty.

    `rung` is the fastest built-in technique there, `peer` the fastest column of any peer; `ratio` is how
    many times faster the rung is, pass by pass.
    """

    cell: Cell
    rung: CellResult
    peer: CellResult
    ratio: Ratio


def meetings(summary: Summary) -> list[Meeting]:
    """Every cell that both a built-in technique and a peer were measured on, in the plan's order.

    The fastest on either side is chosen by its median, so where two are level the ratio flatters both alike.
    """
    plan = summary.run.plan
    ours: dict[Cell, list[CellResult]] = defaultdict(list)
    theirs: dict[Cell, list[CellResult]] = defaultdict(list)
    for cell, figure in summary.figures.items():
        own = plan.is_built_in(cell.operation, cell.technique)
        if not figure.predicted and (own or cell.technique in plan.homes):
            side = ours if own else theirs
            side[replace(cell, technique="")].append(figure)
    found = []
    for cell, rungs in ours.items():
        if cell not in theirs:
            continue
        rung = min(rungs, key=lambda figure: figure.median_s)
        peer = min(theirs[cell], key=lambda figure: figure.median_s)
        ratio = summary.ratio(peer.cell, rung.cell)
        if ratio is not None:
            found.append(Meeting(cell, rung, peer, ratio))
    return found


def geometric_mean(met: list[Meeting]) -> float:
    """The geometric mean of the ratios."""
    return exp(fmean(log(meeting.ratio.value) for meeting in met))


def by_operation(met: list[Meeting]) -> Mapping[str, list[Meeting]]:
    """The meetings of each operation."""
    grouped: dict[str, list[Meeting]] = defaultdict(list)
    for meeting in met:
        grouped[meeting.cell.operation].append(meeting)
    return grouped


def why_behind(summary: Summary, meeting: Meeting) -> str:
    """Why a peer was faster, as far as the figures tell: how near to the roof both came, and by what code."""
    limit = summary.roof(meeting.rung)
    if limit is None:
        return "why is not said without the machine's ceilings"
    mine, theirs = (limit.seconds / figure.median_s for figure in (meeting.rung, meeting.peer))
    said = f"{limit.limb} binds, of whose roof the rung reaches {mine:.0%}, the peer {theirs:.0%}"
    c = meeting.rung.cell
    evidence = summary.evidence_on(c.operation, c.technique, c.dtype)
    way = evidence.ways.get("forward" if c.direction == "forward" else "backward") if evidence else None
    hot = way.code.hot if way and way.code else None
    if limit.limb == "arithmetic" and hot and hot.arithmetic == hot.packed == hot.fused > 0:
        said += (
            "; its hot loop is packed and fused throughout, so what it lacks goes into copies around the loop"
            " and into waiting for numbers"
        )
    return said


def lost(met: list[Meeting]) -> list[Meeting]:
    """The cells in which the peer was faster, the widest gap first."""
    return sorted((m for m in met if m.ratio.value < 1), key=lambda m: m.ratio.value)
