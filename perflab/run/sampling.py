"""When to measure on: the cases whose ratios are not yet known to the plan's precision, within its budget."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

from perflab.contract import Cell
from perflab.records import Run, kinds
from perflab.records.kinds import Group
from perflab.statistics import median_interval, precise_enough

SETUP_S = 0.1
START_S = 1.5


def next_groups(run: Run, threads: int) -> list[Group]:
    """The cases that one more process should measure again, the least precise first; none when all is well.

    A case is wanted while one of its ratios to the case's first measured technique has a 95 % interval
    wider than the plan's precision on either side, and as long as the seconds set aside for it last.
    """
    plan = run.plan
    left = plan.extend_s - sum(
        record.wall_s
        for record in run.of_kind(kinds.Process)
        if record.process >= plan.processes and record.threads == threads
    )
    times, cost = _measured(run, threads)
    wanted: list[tuple[float, Group]] = []
    for op, techniques in plan.techniques.items():
        for case in plan.cases[op]:
            for dtype in plan.dtypes:
                width = max(
                    _width(times, Cell(op, case, dtype, threads, way, ""), techniques, plan.precision)
                    for way in plan.directions
                )
                if width > 0:
                    wanted.append((width, (op, case, dtype)))
    chosen: list[Group] = []
    left -= START_S
    for _, group in sorted(wanted, reverse=True):
        if cost[group] <= left:
            left -= cost[group]
            chosen.append(group)
    return chosen


def _measured(run: Run, threads: int) -> tuple[dict[Cell, dict[tuple[int, int], float]], dict[Group, float]]:
    """Each cell's block medians, and the seconds that one process needs for each group."""
    times: dict[Cell, dict[tuple[int, int], float]] = defaultdict(dict)
    spent: dict[Group, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for record in run.of_kind(kinds.Timed):
        cell = record.cell
        if cell.threads == threads:
            times[cell][record.turn] = record.median_s
            spent[cell.operation, cell.case, cell.dtype][record.process] += record.total_s
    # A process also verifies: about one more pass of every contender.
    cost = {g: SETUP_S + max(held.values()) * (1 + 1 / run.plan.passes) for g, held in spent.items()}
    return times, defaultdict(lambda: float("inf"), cost)


def _width(
    times: dict[Cell, dict[tuple[int, int], float]], like: Cell, techniques: tuple[str, ...], target: float
) -> float:
    """The widest interval of a group's ratios in one direction; 0 where all are precise enough."""
    cells = [Cell(like.operation, like.case, like.dtype, like.threads, like.direction, t) for t in techniques]
    measured = [cell for cell in cells if cell in times]
    widest = 0.0
    for cell in measured[1:]:
        both = [turn for turn in times[cell] if turn in times[measured[0]]]
        ratios = [times[measured[0]][turn] / times[cell][turn] for turn in both]
        interval = median_interval(ratios)
        if interval is not None and not precise_enough(ratios, target):
            widest = max(widest, (interval[1] - interval[0]) / median(ratios))
    return widest
