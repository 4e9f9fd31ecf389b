"""Each operation's fastest rung: by how much it is faster, its share of the roof, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from perflab.records.texts import heading
from perflab.report import tables, words
from perflab.report.summary import RIVALS, CellResult, Summary
from perflab.report.why import reasons, why


@dataclass(frozen=True)
class Gain:
    """How many times as fast as another technique a winner is, and the case if it is not the winner's."""

    ratio: str
    over: str
    case: str = ""

    def __str__(self) -> str:
        """In words."""
        return f"{self.ratio} over {self.over}" + (f" on {self.case}" if self.case else "")


@dataclass(frozen=True)
class Winner:
    """The fastest of an operation's own rungs on its common case; no technique where none was measured.

    `idea` is what the rung changes, `why` the causes of its gain over the technique `against`.
    """

    operation: str
    title: str
    case: str
    technique: str = ""
    time: str = ""
    gains: tuple[Gain, ...] = ()
    roof: str = ""
    limb: str = ""
    idea: str = ""
    against: str = ""
    why: str = ""
    anchor: str = ""

    @property
    def reason(self) -> str:
        """Why it is faster, in a sentence; what the rung changes where the figures do not say it."""
        if self.why and not self.why.startswith(reasons.UNEXPLAINED):
            return f"Over {self.against}: {self.why}."
        return f"{self.idea.rstrip('.')}." if self.idea else ""


def winners(summary: Summary) -> list[Winner]:
    """The winner of every operation: first dtype and number of threads, last direction of the plan."""
    return [_winner(summary, operation) for operation in summary.run.plan.techniques]


def table(summary: Summary) -> words.Table:
    """The winners as a table of words."""
    rows = tuple(
        (
            winner.title, winner.technique or "nothing was measured", winner.case, winner.time or "–",
            "; ".join(map(str, winner.gains)) or "–",
            f"{winner.roof} ({winner.limb})" if winner.roof else "–", winner.reason or "–",
        )
        for winner in winners(summary)
    )  # fmt: skip
    head = ("operation", "fastest rung", "case", "time", "speed-up", "of the roof", "why")
    return words.Table(f"The fastest rungs, and why: {where(summary)}", head, rows)


def where(summary: Summary) -> str:
    """What the winners' figures belong to, beside the case."""
    plan = summary.run.plan
    return f"{plan.directions[-1]}, {plan.dtypes[0]}, {words.of_threads(plan.threads[0])}"


def _winner(summary: Summary, operation: str) -> Winner:
    plan, case = summary.run.plan, summary.common_case(operation)
    found = Winner(operation, summary.title(operation), summary.label(operation, case))
    fields = {"dtype": plan.dtypes[0], "threads": plan.threads[0], "direction": plan.directions[-1]}
    here = [
        figure
        for figure in summary.measured(operation=operation, case=case, **fields)
        if plan.is_built_in(operation, figure.cell.technique) and "@" not in figure.cell.technique
    ]
    if not here:
        return found
    best = min(here, key=lambda figure: figure.median_s)
    roof, limb = tables.roof_words(summary, best)
    rival = _rival(here, best)
    return replace(
        found, technique=best.cell.technique, time=words.time(best),
        gains=tuple(_gains(summary, best, rival)),
        roof="" if limb == "–" else roof, limb="" if limb == "–" else limb,
        idea=heading(summary.run.texts.get(f"{operation}/{best.cell.technique}.py", "")),
        against=rival.cell.technique if rival else "",
        why=why.causes(summary, rival, best) if rival else "",
        anchor=words.anchor("study", operation, best.cell.technique),
    )  # fmt: skip


def _rival(here: list[CellResult], best: CellResult) -> CellResult | None:
    """What the winner is compared with: NumPy's whole arrays, else the slowest that was measured there."""
    others = [figure for figure in here if figure is not best]
    numpy = next((figure for figure in others if figure.cell.technique == RIVALS[-1]), None)
    return numpy or max(others, key=lambda figure: figure.median_s, default=None)


def _gains(summary: Summary, best: CellResult, rival: CellResult | None) -> Iterator[Gain]:
    """Over the rival on the same case, and over the baseline on the largest that both were measured on."""
    c, baseline = best.cell, summary.run.plan.baseline
    if rival and rival.cell.technique != baseline:
        yield Gain(words.interval(summary.ratio(rival.cell, c)), rival.cell.technique)
    if c.technique == baseline:
        return
    line = summary.line(c.operation, c.dtype, c.threads, c.direction, c.technique)
    for cell in (c, *(figure.cell for figure in reversed(line))):
        ratio = summary.ratio(replace(cell, technique=baseline), cell)
        if ratio is not None:
            yield Gain(
                words.interval(ratio), baseline, "" if cell == c else summary.label(c.operation, cell.case)
            )
            return
