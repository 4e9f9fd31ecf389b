"""Between which rungs of the ladder a column is, and what the next faster rung changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from perflab.records.texts import heading
from perflab.report import words
from perflab.report.summary import BASELINE, CellResult, Summary
from perflab.report.why import why
from perflab.statistics import Ratio

UNDECIDED = ("SAME", "AMBIGUOUS")


@dataclass(frozen=True)
class Standing:
    """Its place among the rungs in one direction on a case, in words; the rest is empty for the fastest."""

    direction: str
    case: str
    sentence: str
    faster: str = ""  # the next faster rung
    changes: str = ""  # what that rung changes
    why: tuple[str, ...] = ()  # the reasons, from the figures of both


def standing(
    summary: Summary, operation: str, technique: str, dtype: str, threads: int, direction: str,
    called: str = "",
) -> Standing | None:  # fmt: skip
    """Its place on the case where most rungs but naive were measured; the largest of such cases.

    `called` is its name in the sentence, where that is not the technique's own.
    """
    measured: list[tuple[int, int, CellResult, dict[str, Ratio]]] = []
    for figure in summary.line(operation, dtype, threads, direction, technique):
        rungs = {} if figure.predicted else over_rungs(summary, figure)
        if rungs:
            measured.append((len(rungs.keys() - {BASELINE}), figure.flops, figure, rungs))
    if not measured:
        return None
    _, _, figure, rungs = max(measured, key=lambda entry: entry[:2])
    cell = figure.cell
    where = f"{direction} on {cell.case}, {words.time(figure)} a call"
    if not summary.fit:
        sentence = f"{where}: the machine was unfit to measure, so it is compared with no rung."
        return Standing(direction, cell.case, sentence)
    equal = {name: ratio for name, ratio in rungs.items() if ratio.verdict in UNDECIDED}
    slower = [name for name, ratio in rungs.items() if name not in equal and ratio.value > 1]
    faster = [name for name, ratio in rungs.items() if name not in equal and ratio.value <= 1]
    sentence = f"{where}: {called or technique} {_placed(rungs, equal, slower, faster)}"
    if not faster:
        return Standing(direction, cell.case, sentence)
    nearest = max(faster, key=lambda name: rungs[name].value)
    gain = words.interval(summary.ratio(cell, replace(cell, technique=nearest)))
    line = heading(summary.run.texts.get(f"{operation}/{nearest}.py", ""))
    changes = f"The next faster rung, {nearest}, is {gain} as fast" + (f": “{line}”" if line else ".")
    directions = ("forward", "backward") if direction == "step" else (direction,)
    reasons = {part: why.reason(summary, operation, dtype, part, technique, nearest) for part in directions}
    because = tuple(f"{part}: {reason}" for part, reason in reasons.items() if reason)
    return Standing(direction, cell.case, sentence, nearest, changes, because)


def over_rungs(summary: Summary, figure: CellResult) -> dict[str, Ratio]:
    """How many times faster than each rung of the ladder it is, where both were measured."""
    cell, plan = figure.cell, summary.run.plan
    techniques = plan.contenders(cell.operation, cell.case)
    rungs = [name for name in techniques if plan.is_built_in(cell.operation, name) and "@" not in name]
    ratios = {rung: summary.ratio(replace(cell, technique=rung), cell) for rung in rungs}
    return {rung: ratio for rung, ratio in ratios.items() if ratio is not None}


def _placed(
    rungs: Mapping[str, Ratio], equal: Mapping[str, Ratio], slower: Sequence[str], faster: Sequence[str]
) -> str:
    """The sentence without its subject: equal to rungs, between two, or at an end."""
    if equal:
        nearest = sorted(equal, key=lambda name: max(equal[name].value, 1 / equal[name].value))
        names = " and ".join(f"{name} ({words.interval(equal[name])})" for name in nearest)
        if all(ratio.verdict == "SAME" for ratio in equal.values()):
            return f"is as fast as {names}."
        return f"is equal within the interval to {names}."
    if not slower:
        above = max(faster, key=lambda name: rungs[name].value)
        return f"is slower than every rung measured there, of which {above} is the slowest."
    below = min(slower, key=lambda name: rungs[name].value)
    gain = f"{words.interval(rungs[below])} as fast as {below}"
    if not faster:
        return f"is faster than every rung measured there, and {gain}, the fastest of them."
    above = max(faster, key=lambda name: rungs[name].value)
    return f"is between two rungs: it is {gain}, and {above} is faster."
