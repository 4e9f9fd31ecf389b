"""The contest with other projects: in each cell the best rung and the best layout of the peers."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from perflab.contract import AUTO, Cell
from perflab.records import Plan
from perflab.report.summary import CellResult, Summary
from perflab.statistics import Ratio
from perflab.units import rounded


@dataclass(frozen=True)
class Meeting:
    """One cell of the contest; its technique is empty.

    `rung` is the fastest built-in technique, or `auto` on drawn shapes where the operation has one; `peer` is
    the fastest column of any peer; `ratio` is how many times as fast as the peer the rung is, pass by pass.
    `others` are the further figures of both sides.
    """

    cell: Cell
    rung: CellResult
    peer: CellResult
    ratio: Ratio
    others: tuple[CellResult, ...] = ()


def places(plan: Plan) -> Iterator[Cell]:
    """Every cell that the plan has on both sides; its technique is empty."""
    yield from (replace(c, technique="") for c in plan.cells() if c.technique in plan.homes)


def meetings(summary: Summary) -> list[Meeting]:
    """Every cell with both a built-in technique and a peer, in the plan's order.

    The fastest of each side is the one with the smallest median. What a user gets of `auto` is its own time,
    and on drawn shapes no other's.
    """
    plan = summary.run.plan
    decided = {op for op, names in plan.techniques.items() if plan.drawn and AUTO in names}
    rungs: dict[Cell, list[CellResult]] = defaultdict(list)
    peers: dict[Cell, list[CellResult]] = defaultdict(list)
    for cell, figure in summary.figures.items():
        built_in = plan.is_built_in(cell.operation, cell.technique)
        if not figure.predicted and (built_in or cell.technique in plan.homes):
            (rungs if built_in else peers)[replace(cell, technique="")].append(figure)
    contest = []
    for cell in (cell for cell in rungs if cell in peers):
        own = [each for each in rungs[cell] if cell.operation not in decided or each.cell.technique == AUTO]
        if not own:
            continue
        rung, peer = (min(side, key=lambda figure: figure.median_s) for side in (own, peers[cell]))
        ratio = summary.ratio(peer.cell, rung.cell)
        if ratio is not None:
            others = (each for each in (*rungs[cell], *peers[cell]) if each not in (rung, peer))
            contest.append(Meeting(cell, rung, peer, ratio, tuple(others)))
    return contest


def of_the_rungs(contest: Sequence[Meeting]) -> str:
    """Whose times stand against the peers': those of `auto` alone, or of the best rung in each cell."""
    return AUTO if {meeting.rung.cell.technique for meeting in contest} == {AUTO} else "the best rung"


def geometric_mean(contest: Sequence[Meeting]) -> float:
    """The geometric mean of the ratios."""
    return statistics.geometric_mean(meeting.ratio.value for meeting in contest)


def why_behind(summary: Summary, meeting: Meeting) -> str:
    """Why a peer was faster, as the figures say it: of the other techniques and directions, roof and code."""
    said = [*_beside(summary, meeting), *_of_the_roof(summary, meeting)]
    return "; ".join(said) or "no reason is given without the machine's ceilings"


def _beside(summary: Summary, meeting: Meeting) -> Iterator[str]:
    """What the other figures of the same case say."""
    rung, peer = meeting.rung.cell, meeting.peer.cell
    if meeting.ratio.low is not None and meeting.ratio.high is not None and meeting.ratio.high >= 1:
        yield "not certain: the interval holds 1"
    if meeting.cell.direction == "step":
        ways = ((w, [replace(c, direction=w) for c in (peer, rung)]) for w in ("forward", "backward"))
        parts = [f"{way} ×{rounded(both.value, 2)}" for way, pair in ways if (both := summary.ratio(*pair))]
        yield from ([", ".join(parts)] if parts else [])
    built_in = summary.run.plan.is_built_in
    for other in meeting.others:
        own = built_in(peer.operation, other.cell.technique)
        over = summary.ratio(rung if own else other.cell, other.cell if own else rung)
        if own and over and over.verdict == "FASTER":
            yield f"{other.cell.technique} is ×{rounded(over.value, 2)} as fast as {rung.technique} here"
        elif not own and over and over.value > 1:
            yield f"ahead of {other.cell.technique}, ×{rounded(over.value, 2)}"


def _of_the_roof(summary: Summary, meeting: Meeting) -> Iterator[str]:
    """The shares of the roof that both reach, and what the rung's machine code says of its own."""
    limit = summary.roof(meeting.rung)
    if limit is None:
        return
    rung, peer = (limit.seconds / figure.median_s for figure in (meeting.rung, meeting.peer))
    yield f"the limit is {limit.limb}: the rung reaches {rung:.0%} of the roof, the peer {peer:.0%}"
    c = meeting.rung.cell
    evidence = summary.evidence_on(c.operation, c.technique, c.dtype)
    pair = evidence.ways.get("forward" if c.direction == "forward" else "backward") if evidence else None
    hot = pair.code.hot if pair and pair.code else None
    if limit.limb == "arithmetic" and hot and hot.arithmetic == hot.packed == hot.fused > 0:
        yield (
            "every arithmetic instruction of its hot loop works on packed numbers and is a multiply-add"
            " (FMA), so the rest of the time is spent on copies around the loop and on waiting for data"
        )


def lost(contest: Sequence[Meeting]) -> list[Meeting]:
    """The cells in which the peer was faster, the smallest ratio first."""
    return sorted((m for m in contest if m.ratio.value < 1), key=lambda m: m.ratio.value)
