"""The ladder of an operation in a run: on which rung each one stands, where that is told, and the gain.

The lower rungs are told on a small case, where plain loops were measured; the upper ones on a larger case,
where they show what they are for. A gain is a ratio of times measured side by side on one case: over the rung
it stands on, and over naive where naive was measured there. None is multiplied across cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import product

from perflab.contract import Cell
from perflab.records import tree
from perflab.report import words
from perflab.report.summary import BASELINE, CellResult, Summary
from perflab.statistics import Ratio

COMPILED = "jit"
NO_FASTER = {"SAME": "as fast as", "SLOWER": "slower than", "AMBIGUOUS": "not shown to be faster than"}


@dataclass(frozen=True)
class Gain:
    """A rung's figure on a case, and its ratio over the one that it stands on; None without one there."""

    figure: CellResult
    below: str
    ratio: Ratio | None

    @property
    def over_naive(self) -> Ratio | None:
        """How many times as fast as naive; None where naive was not measured, and for naive itself."""
        return None if self.figure.cell.technique == BASELINE else self.figure.speedup

    @property
    def text(self) -> str:
        """The gain over the rung below, and in brackets over naive, where that is another one."""
        over_naive = f"({words.ratio(self.over_naive)})" if self.over_naive and self.below != BASELINE else ""
        return " ".join(filter(None, (words.ratio(self.ratio) if self.ratio else "", over_naive)))

    @property
    def words(self) -> str:
        """The time a call, marked with a ~ where it is a prediction, and the gain."""
        return f"{words.time(self.figure).replace(' predicted', '')}  {self.text}".rstrip()


def rungs(summary: Summary, operation: str) -> list[str]:
    """The rungs of a ladder and the files of one's own: no peers, no other commit's techniques."""
    plan = summary.run.plan
    return [name for name in plan.techniques[operation] if name not in plan.homes and "@" not in name]


def apart(summary: Summary, operation: str) -> list[str]:
    """The rungs that the ladder does not place: files of one's own, techniques of installed packages."""
    since = summary.run.operations[operation].since
    plan = summary.run.plan
    return [name for name in rungs(summary, operation)
            if (since and name not in since) or not plan.is_built_in(operation, name)]  # fmt: skip


def since(summary: Summary, operation: str) -> dict[str, str]:
    """On which other rung of the run each one stands, "" for the lowest.

    A run of an older perflab has no tree: there each stands on the one before, but jit, which compiles naive,
    on naive. A rung without a place stands on the one with the most similar text, or without text on naive.
    """
    names, unplaced = rungs(summary, operation), apart(summary, operation)
    placed = [name for name in names if name not in unplaced]
    in_a_row = tree.linear(placed) | ({COMPILED: BASELINE} if {COMPILED, BASELINE} <= {*placed} else {})
    stands = tree.within(summary.run.operations[operation].since or in_a_row, placed)
    first = BASELINE if BASELINE in placed else ""
    own = {name: _most_similar(summary, operation, name, placed) or first for name in unplaced}
    return {name: {**stands, **own}[name] for name in names}


def _most_similar(summary: Summary, operation: str, technique: str, others: Sequence[str]) -> str:
    texts = {name: summary.run.texts.get(f"{operation}/{name}.py", "") for name in (technique, *others)}
    own = texts.pop(technique)
    return most_similar(own, tuple((name, text) for name, text in texts.items() if text)) if own else ""


@lru_cache(maxsize=256)
def most_similar(text: str, others: tuple[tuple[str, str], ...]) -> str:
    """The name of the text that is most like this one; "" without any."""
    alike = {name: SequenceMatcher(None, other, text).quick_ratio() for name, other in others}
    return max(alike, key=lambda name: alike[name], default="")


def small_case(summary: Summary, operation: str) -> str:
    """The case of the lower ladder; where it has no naive, the largest one that has; "" if there is none."""
    named = summary.run.operations[operation].small_case
    if summary.measured(operation=operation, case=named, technique=BASELINE):
        return named
    plan = summary.run.plan
    settings = product(plan.dtypes, plan.threads, plan.directions)
    return next(filter(None, (summary.widest(operation, *setting) for setting in settings)), "")


def story_cases(summary: Summary, operation: str) -> list[str]:
    """The cases on which the ladder is told, the smaller first."""
    both = dict.fromkeys((small_case(summary, operation), summary.common_case(operation)))
    return sorted(filter(None, both), key=lambda case: summary.work(operation, case))


def gain(summary: Summary, figure: CellResult, below: str) -> Gain:
    """A figure's gain over the rung that it stands on, if that was measured with it."""
    ratio = summary.ratio(replace(figure.cell, technique=below), figure.cell) if below else None
    return Gain(figure, below, ratio)


def gains(summary: Summary, cell: Cell, below: str) -> list[Gain]:
    """A rung's gains on the cases of the story, whatever the case of `cell`.

    Where it has none over the rung below there, also on the largest case on which both were measured; where
    it was not measured there at all, on its largest case.
    """
    told = [gain(summary, figure, below) for figure in _measured(summary, cell)]
    story = story_cases(summary, cell.operation)
    chosen = [each for each in told if each.figure.cell.case in story]
    if below and not any(each.ratio for each in chosen):
        chosen += [each for each in told if each.ratio and each not in chosen][-1:]
    return chosen or told[-1:]


def _measured(summary: Summary, cell: Cell) -> list[CellResult]:
    line = summary.line(cell.operation, cell.dtype, cell.threads, cell.direction, cell.technique)
    return [figure for figure in line if not figure.predicted]


def no_faster(summary: Summary, cell: Cell, below: str) -> str:
    """Where a rung is not faster than the one it stands on: on which cases it is, or that it is on none.

    About the cells that differ from `cell` in the case alone; "" where it is faster on the story's last case,
    and where the machine was unfit to tell.
    """
    told = [each for each in gains(summary, cell, below) if each.ratio]
    if not told or (last := told[-1]).ratio is None or last.ratio.verdict not in NO_FASTER:
        return ""
    case, ratio = last.figure.cell.case, last.ratio
    sentence = f"{NO_FASTER[ratio.verdict]} {below} on {case} ({words.ratio(ratio)})"
    others = [gain(summary, figure, below) for figure in _measured(summary, cell)]
    others = [each for each in others if each.ratio and each.figure.cell.case != case]
    faster = [each for each in others if each.ratio and each.ratio.verdict == "FASTER"]
    if faster:
        where = " and ".join(f"{each.figure.cell.case} ({words.ratio(each.ratio)})" for each in faster[-2:])
        return f"{sentence}; faster on {where}"
    return f"{sentence}; not faster on any other case of this run" if others else sentence
