"""The contest with other projects: in each cell the best rung and the best layout of the peers."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass, replace

from perflab.contract import Cell
from perflab.report.summary import CellResult, Summary
from perflab.statistics import Ratio


@dataclass(frozen=True)
class Meeting:
    """One cell of the contest; its technique is empty.

    `rung` is the fastest built-in technique, `peer` the fastest column of any peer; `ratio` is how many times
    as fast as the peer the rung is, pass by pass.
    """

    cell: Cell
    rung: CellResult
    peer: CellResult
    ratio: Ratio


def meetings(summary: Summary) -> list[Meeting]:
    """Every cell with both a built-in technique and a peer, in the plan's order.

    The fastest of each side is the one with the smallest median.
    """
    plan = summary.run.plan
    rungs: dict[Cell, list[CellResult]] = defaultdict(list)
    peers: dict[Cell, list[CellResult]] = defaultdict(list)
    for cell, figure in summary.figures.items():
        built_in = plan.is_built_in(cell.operation, cell.technique)
        if not figure.predicted and (built_in or cell.technique in plan.homes):
            (rungs if built_in else peers)[replace(cell, technique="")].append(figure)
    contest = []
    for cell in (cell for cell in rungs if cell in peers):
        rung, peer = (min(side[cell], key=lambda figure: figure.median_s) for side in (rungs, peers))
        ratio = summary.ratio(peer.cell, rung.cell)
        if ratio is not None:
            contest.append(Meeting(cell, rung, peer, ratio))
    return contest


def geometric_mean(contest: list[Meeting]) -> float:
    """The geometric mean of the ratios."""
    return statistics.geometric_mean(meeting.ratio.value for meeting in contest)


def why_behind(summary: Summary, meeting: Meeting) -> str:
    """Why a peer was faster, from the figures: the shares of the roof, and the rung's machine code."""
    limit = summary.roof(meeting.rung)
    if limit is None:
        return "no reason is given without the machine's ceilings"
    rung, peer = (limit.seconds / figure.median_s for figure in (meeting.rung, meeting.peer))
    text = f"the limit is {limit.limb}: the rung reaches {rung:.0%} of the roof, the peer {peer:.0%}"
    c = meeting.rung.cell
    evidence = summary.evidence_on(c.operation, c.technique, c.dtype)
    pair = evidence.ways.get("forward" if c.direction == "forward" else "backward") if evidence else None
    hot = pair.code.hot if pair and pair.code else None
    if limit.limb == "arithmetic" and hot and hot.arithmetic == hot.packed == hot.fused > 0:
        text += (
            "; every arithmetic instruction of its hot loop works on packed numbers and is a multiply-add"
            " (FMA), so the rest of the time is spent on copies around the loop and on waiting for data"
        )
    return text


def lost(contest: list[Meeting]) -> list[Meeting]:
    """The cells in which the peer was faster, the smallest ratio first."""
    return sorted((m for m in contest if m.ratio.value < 1), key=lambda m: m.ratio.value)
