"""What the next process measures: phase after phase, within one the least measured or least precise cases."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from perflab.contract import Cell, Contender
from perflab.records import Block, Part, Phase, Run, baseline, kinds
from perflab.records.plan import Group
from perflab.statistics import Ratio, Turn, known_to, ratio_of_turns

START_S = 2.0  # a process before its first block: Python, NumPy, Numba, pytest
UNKNOWN_S = 0.3  # a contender before its first block: its kernel is loaded, its results are verified
LOADED_S = 0.06  # the same on a further case of a process, for which it is loaded already
CALLS_TO_VERIFY = 4
LEAST_S = 10.0
SHARE = 0.25  # of a run's time for one process at most: the next one is chosen by what is known then
LONGEST_S = 120.0
Times = Mapping[Cell, Mapping[Turn, float]]
IsReady = Callable[[str, str, str], bool]  # of operation, technique, dtype


def everything(operation: str, technique: str, dtype: str) -> bool:
    """Nothing has to be compiled first."""
    return True


@dataclass(frozen=True)
class Wish:
    """A case that a phase has not finished with: its contenders, and how wide its widest interval is.

    The width is relative to the ratio, and infinite where there are too few turns for an interval.
    """

    group: Group
    techniques: tuple[str, ...]
    width: float


def wishes(run: Run, phase: Phase, threads: int, is_ready: IsReady = everything) -> list[Wish]:
    """What a phase has not finished with, in the order in which it is measured.

    First the cases with less than the phase's least turns, in its order; then those whose ratios are not
    precise, the least precise first. Whether to go on depends on the width of intervals alone, never on
    which technique is faster. `is_ready` is false for what is not compiled.
    """
    times, dropped = times_of(run, threads), out(run)
    found = []
    for group in phase.groups():
        op, case, dtype = group
        names = tuple(
            name
            for name in run.plan.contenders(op, case)
            if name in phase.techniques[op]
            and is_ready(op, name, dtype)
            and not dropped & _and_everywhere(Contender(op, case, dtype, threads, name))
        )
        turns = _turns(run, times, group, names, threads)
        if names and turns < phase.least:
            found.append(Wish(group, names, math.inf))
        elif names and turns < phase.most and (width := _width(run, times, group, names, threads)):
            found.append(Wish(group, names, width))
    return sorted(found, key=lambda wish: -wish.width)  # stable: the phase's order among equals


def next_part(
    run: Run, phase: Phase, threads: int, is_ready: IsReady = everything, left_s: float = math.inf
) -> Part | None:
    """The part of a phase that the next process should measure; None if the phase has no more.

    Rather all cases that are not measured yet in fewer passes, down to half, than some of them in all.
    """
    times, wanted = times_of(run, threads), wishes(run, phase, threads, is_ready)
    longest_s = min(left_s, max(LEAST_S, run.granted_s * SHARE) if run.granted_s else LONGEST_S)

    def costs_s(some: Sequence[Wish], passes: int) -> Iterator[float]:
        loaded = set[Group]()
        for wish in some:
            yield _cost_s(run, times, wish, threads, passes, loaded)
            loaded |= {(wish.group[0], name, wish.group[2]) for name in wish.techniques}

    most = min(run.plan.passes, phase.least)
    new = [wish for wish in wanted if wish.width == math.inf]
    enough = (n for n in range(most, most // 2, -1) if START_S + sum(costs_s(new, n)) <= longest_s)
    passes = next(enough, most)
    seconds, chosen = START_S, list[Wish]()
    for wish, cost_s in zip(wanted, costs_s(wanted, passes), strict=True):
        if not chosen or seconds + cost_s <= longest_s:
            seconds += cost_s
            chosen.append(wish)
    techniques = {f"{wish.group[0]}/{name}" for wish in chosen for name in wish.techniques}
    groups = tuple(wish.group for wish in chosen)
    return Part(groups, tuple(sorted(techniques)), passes) if chosen else None


def times_of(run: Run, threads: int) -> Times:
    """The median seconds of each block on so many threads, by cell and turn."""
    times: dict[Cell, dict[Turn, float]] = defaultdict(dict)
    for record in run.of_kind(kinds.Timed):
        if record.contender.threads == threads:
            times[record.cell][record.turn] = record.median_s
    return times


def out(run: Run) -> set[Contender]:
    """The contenders that are not measured any more: predicted, or failed on a case."""
    failed = {r.contender.across("case") for r in run.of_kind(kinds.Failure) if r.contender.technique}
    return failed | run.predicted()


def pending(run: Run, threads: int, process: int) -> Iterator[Block]:
    """The blocks of one process that are still to be measured, in their order."""
    done, dropped = run.done(), out(run)
    for block in run.plan.blocks(threads, process, run.parts(threads)[process]):
        if block not in done and not dropped & _and_everywhere(block.cell.contender):
            yield block


def _and_everywhere(contender: Contender) -> set[Contender]:
    return {contender, contender.across("case")}


def _cells(run: Run, group: Group, names: Collection[str], threads: int) -> list[list[Cell]]:
    """By direction, the cells of these techniques on a case."""
    op, case, dtype = group
    like = Cell(op, case, dtype, threads, "", "")
    directions = run.plan.directions
    return [[replace(like, direction=way, technique=name) for name in names] for way in directions]


def _turns(run: Run, times: Times, group: Group, names: Collection[str], threads: int) -> int:
    """The turns of the cell with the fewest."""
    cells = _cells(run, group, names, threads)
    return min((len(times.get(cell, ())) for each in cells for cell in each), default=0)


def _width(run: Run, times: Times, group: Group, names: Collection[str], threads: int) -> float:
    """The relative width of a case's widest interval; 0 if every ratio is known to the plan's precision.

    Of ratios over the baseline that is shown; with all turns, and without those of the last process. A rule
    that stops the first time that an interval is narrow picks those that are narrow by chance, and covers
    less than it says; to be narrow twice costs little and cures that (`tests/run/test_schedule.py`).
    """
    widest = 0.0
    for cells in _cells(run, group, names, threads):
        measured = {cell.technique: times[cell] for cell in cells if cell in times}
        bases = (name for name in measured if run.plan.may_be_base(group[0], name))
        seconds = {name: median(measured[name].values()) for name in bases}
        over = baseline.chosen(seconds, run.plan.baseline)
        for name in measured.keys() - {over} if over else ():
            turns = measured[name]
            last = max(process for process, _ in turns)
            earlier = {turn: seconds for turn, seconds in turns.items() if turn[0] != last}
            for some in (turns, earlier):
                widest = max(widest, _width_of(ratio_of_turns(measured[over], some), run.plan.precision))
    return widest


def _width_of(ratio: Ratio | None, precision: float) -> float:
    """The relative width of a ratio's interval; 0 if it is known to this precision."""
    if ratio is None or ratio.low is None or ratio.high is None:
        return math.inf
    return 0.0 if known_to(ratio, precision) else (ratio.high - ratio.low) / ratio.value


def _cost_s(
    run: Run, times: Times, wish: Wish, threads: int, passes: int, loaded: Collection[Group]
) -> float:
    """About the seconds that a process needs for a case; `loaded` are the techniques that it has called."""
    cost, (op, _, dtype) = 0.0, wish.group
    for cells in _cells(run, wish.group, wish.techniques, threads):
        for cell in cells:
            turns = times.get(cell)
            if turns:
                call_s = median(turns.values())
                verified_s = UNKNOWN_S / 3 / len(run.plan.directions) + CALLS_TO_VERIFY * call_s / 2
                cost += verified_s + passes * max(call_s, run.plan.block_s)
            else:
                first_s = LOADED_S if (op, cell.technique, dtype) in loaded else UNKNOWN_S
                cost += first_s / len(run.plan.directions) + passes * run.plan.block_s
    return cost
