"""Between which rungs of the ladder a column lies, and what the next faster rung changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from perflab.records.texts import heading
from perflab.report import words
from perflab.report.summary import BASELINE, CellResult, Summary
from perflab.report.why import why
from perflab.statistics import Ratio

UNDECIDED = ("SAME", "AMBIGUOUS")


@dataclass(frozen=True)
class Standing:
    """Where it lies in one direction on a case, in words.

    `faster` is the next faster rung, `changes` what that takes, `why` what the figures of both say; all are
    empty where there is none.
    """

    direction: str
    case: str
    sentence: str
    faster: str
    changes: str
    why: tuple[str, ...]


def standing(
    summary: Summary, operation: str, technique: str, dtype: str, threads: int, direction: str
) -> Standing | None:
    """Between which rungs it lies on the case where it met most of them, naive apart; the largest of such."""
    met: list[tuple[int, int, CellResult, dict[str, Ratio]]] = []
    for figure in summary.line(operation, dtype, threads, direction, technique):
        rungs = {} if figure.predicted else dict(_over_rungs(summary, figure))
        if rungs:
            met.append((len(rungs.keys() - {BASELINE}), figure.flops, figure, rungs))
    if not met:
        return None
    _, _, figure, rungs = max(met, key=lambda one: one[:2])
    cell = figure.cell
    where = f"{direction} on {cell.case}, {words.time(figure)} a call"
    if not summary.fit:
        said = f"{where}: the machine was unfit to measure, so it is held to no rung."
        return Standing(direction, cell.case, said, "", "", ())
    beside = [name for name, ratio in rungs.items() if ratio.verdict in UNDECIDED]
    slower = [name for name, ratio in rungs.items() if name not in beside and ratio.value > 1]
    faster = [name for name, ratio in rungs.items() if name not in beside and ratio.value <= 1]
    sentence = f"{where}: {_placed(rungs, technique, beside, slower, faster)}"
    if not faster:
        return Standing(direction, cell.case, sentence, "", "", ())
    nearest = max(faster, key=lambda name: rungs[name].value)
    held = words.interval(summary.ratio(cell, replace(cell, technique=nearest)))
    heading = _heading(summary, operation, nearest)
    changes = f"The next faster rung, {nearest}, is {held} as fast" + (f": “{heading}”" if heading else ".")
    ways = ("forward", "backward") if direction == "step" else (direction,)
    told = {way: why.reason(summary, operation, dtype, way, technique, nearest) for way in ways}
    because = tuple(f"{way}: {said}" for way, said in told.items() if said)
    return Standing(direction, cell.case, sentence, nearest, changes, because)


def _over_rungs(summary: Summary, figure: CellResult) -> Iterator[tuple[str, Ratio]]:
    """How many times faster than each rung of the ladder it is, where both were measured."""
    cell, plan = figure.cell, summary.run.plan
    for rung in plan.contenders(cell.operation, cell.case):
        if plan.is_built_in(cell.operation, rung) and "@" not in rung:
            held = summary.ratio(replace(cell, technique=rung), cell)
            if held is not None:
                yield rung, held


def _placed(
    rungs: Mapping[str, Ratio], technique: str, beside: list[str], slower: list[str], faster: list[str]
) -> str:
    """The sentence: beside rungs that it is not told apart from, between two, or at an end."""
    if beside:
        nearest = sorted(beside, key=lambda name: max(rungs[name].value, 1 / rungs[name].value))
        told_ = [f"{name} ({words.interval(rungs[name])})" for name in nearest]
        same = all(rungs[name].verdict == "SAME" for name in beside)
        how = "as fast as" if same else "not told apart from"
        return f"{technique} is {how} {' and '.join(told_)}."
    below = min(slower, key=lambda name: rungs[name].value) if slower else ""
    above = max(faster, key=lambda name: rungs[name].value) if faster else ""
    gained = f"{words.interval(rungs[below])} as fast as {below}" if below else ""
    if below and above:
        return f"{technique} lies between two rungs: it is {gained}, and {above} is faster."
    if above:
        return f"{technique} is slower than every rung measured there, of which {above} is the slowest."
    return f"{technique} is faster than every rung measured there, and {gained}, the fastest of them."


def _heading(summary: Summary, operation: str, technique: str) -> str:
    """The first line of a rung's docstring, as the run kept it."""
    return heading(summary.run.texts.get(f"{operation}/{technique}.py", ""))
