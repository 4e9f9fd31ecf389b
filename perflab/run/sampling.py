"""Further processes: the cases whose ratios are less precise than the plan wants, within its budget."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import product

from perflab.contract import Cell
from perflab.records import Run, kinds
from perflab.records.kinds import Group
from perflab.statistics import Turn, known_to, ratio_of_turns

SETUP_S = 0.1
START_S = 1.5


def next_groups(run: Run, threads: int) -> list[Group]:
    """The cases that one more process should measure, the least precise first.

    A case is measured again while the 95 % interval of one of its ratios to its first measured technique is
    wider than the plan's precision on either side, and while the plan's `extend_s` allows it.
    """
    plan = run.plan
    further = (r for r in run.of_kind(kinds.Process) if r.process >= plan.processes and r.threads == threads)
    left = plan.extend_s - sum(record.wall_s for record in further) - START_S
    times, cost = _measured(run, threads)
    imprecise: list[tuple[float, Group]] = []
    for op, techniques in plan.techniques.items():
        for case, dtype in product(plan.cases[op], plan.dtypes):
            cells = (Cell(op, case, dtype, threads, direction, "") for direction in plan.directions)
            width = max(_width(times, cell, techniques, plan.precision) for cell in cells)
            if width > 0:
                imprecise.append((width, (op, case, dtype)))
    chosen: list[Group] = []
    for _, group in sorted(imprecise, reverse=True):
        if cost[group] <= left:
            left -= cost[group]
            chosen.append(group)
    return chosen


def _measured(run: Run, threads: int) -> tuple[dict[Cell, dict[Turn, float]], dict[Group, float]]:
    """Each cell's block medians, and the seconds that one process needs for each group."""
    times: dict[Cell, dict[Turn, float]] = defaultdict(dict)
    spent: dict[Group, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for record in run.of_kind(kinds.Timed):
        cell = record.cell
        if cell.threads == threads:
            times[cell][record.turn] = record.median_s
            spent[cell.operation, cell.case, cell.dtype][record.process] += record.total_s
    # A process also verifies: about one more pass of every contender.
    passes = 1 + 1 / run.plan.passes
    cost = {group: SETUP_S + max(seconds.values()) * passes for group, seconds in spent.items()}
    return times, defaultdict(lambda: float("inf"), cost)


def _width(
    times: dict[Cell, dict[Turn, float]], like: Cell, techniques: tuple[str, ...], target: float
) -> float:
    """The widest interval of a group's ratios in one direction; 0 if all are precise enough."""
    measured = [times[cell] for t in techniques if (cell := replace(like, technique=t)) in times]
    widest = 0.0
    for other in measured[1:]:
        ratio = ratio_of_turns(measured[0], other)
        if ratio and ratio.low is not None and ratio.high is not None and not known_to(ratio, target):
            widest = max(widest, (ratio.high - ratio.low) / ratio.value)
    return widest
