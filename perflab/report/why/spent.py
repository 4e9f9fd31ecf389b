"""Where a call's time goes: bounds from the figures of a run, and the hottest lines of the user's own file.

A share is a bound: what the interpreter, the temporaries and the arithmetic take at least, at the best rates
that were measured on this machine. The bounds need not sum to the whole call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perflab import units
from perflab.contract import Cell
from perflab.records.evidence import Evidence, Profile, Step, Way
from perflab.records.roof import bandwidth, peak
from perflab.report import words
from perflab.report.summary import CellResult, Summary
from perflab.report.why import reasons

SHOWN_LINES, LEAST = 3, 0.01  # at most so many lines; all but the first take at least this share of a call
LITTLE = 0.5  # bounds with a smaller sum explain little
NOTHING = 0.0005  # a smaller lower bound is not shown
ROUGH = 0.3  # shares are rough where the tracer took more than this of the traced time


@dataclass(frozen=True)
class Bound:
    """The share of a call that one part takes: at least `low`, at most `high`, or `about`, where known."""

    what: str
    low: float | None
    high: float | None
    basis: str
    about: float | None = None

    @property
    def share(self) -> str:
        """The share in words.

        >>> Bound("", 0.25, None, "").share, Bound("", 0.001, 0.04, "").share
        ('at least 25%', 'at least 0.1%, at most about 4%')
        """
        if self.about is not None:
            return f"about {percent(self.about)}" if self.about < 0.95 else "about all"
        least = "" if self.low is None or self.low < NOTHING else f"at least {percent(self.low)}"
        most = "" if self.high is None else f"at most about {percent(self.high)}"
        return ", ".join(filter(None, [least, most])) or ("not known" if self.low is None else "not shown")


@dataclass(frozen=True)
class HotLine:
    """A statement of the user's file: its place, its share of the time, how often it runs in a call."""

    place: str
    text: str
    share: float
    times: int

    @property
    def often(self) -> str:
        """How often it runs in a call, in words."""
        return "once a call" if self.times == 1 else f"{self.times:,} times a call".replace(",", "\u202f")


@dataclass(frozen=True)
class Spent:
    """Where the time of one direction goes on a case. `remarks` are sentences."""

    direction: str
    case: str
    time: str
    bounds: tuple[Bound, ...]
    lines: tuple[HotLine, ...]
    lines_case: str
    remarks: tuple[str, ...]


def spent(summary: Summary, evidence: Evidence, threads: int, direction: Step, case: str) -> Spent | None:
    """Bounds, code and lines of one direction; None where neither case was measured.

    On the case of the evidence. On `case` where that was not measured, or where Python interprets every
    operation, so that steps grow in proportion to work.
    """
    operation, technique, dtype = evidence.operation, evidence.technique, evidence.dtype
    way = evidence.ways[direction]
    cases = [case, evidence.case] if way.kind == "interpreted" else [evidence.case, case]
    cells = [Cell(operation, name, dtype, threads, direction, technique) for name in cases]
    figures = [figure for cell in cells if (figure := summary.figures.get(cell)) and not figure.predicted]
    if not figures:
        return None
    figure = figures[0]
    bounds = [*_interpreter(summary, evidence, way, figure), *_temporaries(summary, way, figure)]
    bounds += _roof(summary, figure)
    profile = evidence.profile.get(direction)
    hottest = profile.lines[:SHOWN_LINES] if profile else ()
    shown = [line for line in hottest if line is hottest[0] or line.share >= LEAST]
    lines = [HotLine(line.place, line.text, line.share, line.times) for line in shown]
    remarks = [*_together(bounds, way), *_code(way), *_of_profile(profile, way, evidence)]
    of_case = (direction, figure.cell.case, words.time(figure), tuple(bounds))
    return Spent(*of_case, tuple(lines), profile.case if profile else "", tuple(remarks))


def _interpreter(summary: Summary, evidence: Evidence, way: Way, figure: CellResult) -> Iterator[Bound]:
    """Steps a call, each at least as long as the cheapest; a whole call on a small case bounds them above."""
    step_s = evidence.step_s
    if not step_s:
        return
    steps = reasons.number_of_steps(way, figure.flops)
    low = min(steps * step_s["plain"] / figure.median_s, 1.0)
    if way.kind == "interpreted":
        each = f"{units.seconds(step_s['element'], 2)} each, as in a plain loop over an array's numbers"
        basis = f"about {units.count(steps)} steps a call of {each}"
        yield Bound("the interpreter", low, None, basis, steps * step_s["element"] / figure.median_s)
        return
    each = units.seconds(step_s["plain"], 2)
    basis = f"{units.count(steps)} steps a call of at least {each} each, without what they call"
    cell = figure.cell
    line = summary.growing(cell.operation, cell.dtype, cell.threads, cell.direction, cell.technique)
    high = None
    if line and line[0].flops < figure.flops:
        small = line[0]  # the case with the least work
        fewer = reasons.number_of_steps(way, small.flops)
        high = small.median_s * max(steps / max(fewer, 1), 1.0) / figure.median_s
        small_s = units.seconds(small.median_s, 2)
        whole = f"; a whole call on {small.cell.case} takes {small_s} for {units.count(fewer)}"
        basis, high = (basis + whole, high) if high < 1 else (basis, None)
    yield Bound("the interpreter", low, high, basis)


def _temporaries(summary: Summary, way: Way, figure: CellResult) -> Iterator[Bound]:
    """Temporary arrays, written once and read once at the bandwidth of arrays of their size."""
    total = reasons.scaled(way, "temporaries", figure.bytes)
    if total is None or way.kind == "interpreted":
        return
    if total < 4096:
        yield Bound("temporaries", 0.0, None, "less than 4 KiB a call")
        return
    each = (way.allocated or 0) / max(way.allocations or 0, 1)
    rate = bandwidth(summary.ceilings, figure.cell.threads, each)
    amount = ("" if way.whole else "at least ") + units.in_bytes(total, 2)
    if rate is None:
        yield Bound("temporaries", None, None, f"{amount} a call; no bandwidth was measured")
        return
    basis = (
        f"{amount} a call beyond what is returned and kept; each byte written once and read once at"
        f" {units.rounded(rate / 1e9, 2)} GB/s, the most measured for arrays of that size"
    )
    yield Bound("temporaries", min(2 * total / rate / figure.median_s, 1.0), None, basis)


def _roof(summary: Summary, figure: CellResult) -> Iterator[Bound]:
    """Arithmetic at the machine's best rate, inputs and outputs at its best bandwidth."""
    limit, best = summary.roof(figure), peak(summary.ceilings, figure.cell.dtype, figure.cell.threads)
    if limit is None or best is None:
        return
    rate, most = units.rounded(figure.gflops, 2), units.rounded(best / 1e9, 2)
    moved = f"{units.in_bytes(figure.bytes, 2)} moved at the best bandwidth of arrays of that size"
    for part, seconds, basis in (
        ("arithmetic", limit.arithmetic_s, f"{rate} GFLOP/s; the most that was measured here is {most}"),
        ("inputs and outputs", limit.memory_s, moved),
    ):
        yield Bound(part, min(seconds / figure.median_s, 1.0), None, basis)


def _together(bounds: list[Bound], way: Way) -> Iterator[str]:
    """The sum of the bounds. Arithmetic may overlap with inputs and outputs: the larger of the two counts."""
    low = {bound.what: bound.low or 0.0 for bound in bounds}
    if way.kind == "interpreted" or "arithmetic" not in low:
        return
    whole = max(low.pop("arithmetic"), low.pop("inputs and outputs")) + sum(low.values())
    account = f"Together these account for at least {percent(whole)}"
    if whole >= 1:
        yield "Together these are at least the whole call: they overlap."
    elif whole >= LITTLE:
        yield f"{account} of the call."
    else:
        yield f"{account} only: they explain little. The hottest lines show where the rest goes."


def _code(way: Way) -> Iterator[str]:
    if way.code is None:
        return
    hot, where = (way.code.hot, "hot loop") if way.code.hot.arithmetic else (way.code.whole, "assembly")
    if not hot.arithmetic:
        yield "Its assembly has no floating-point arithmetic."
        return
    width = f", {hot.widest} bits wide" if hot.widest and hot.packed else ""
    yield (
        f"Of the {hot.arithmetic} arithmetic instructions in its {where}, {hot.packed or 'none'} work"
        f" on more than one number{width}, {hot.fused or 'none'} multiply and add at once."
    )


def _of_profile(profile: Profile | None, way: Way, evidence: Evidence) -> Iterator[str]:
    if profile is None:
        if evidence.step_s and way.code is not None:
            yield "None of its lines runs in Python: all of it is compiled."
        return
    if profile.products >= 0.005:
        yield f"Lines with a matrix product take {profile.products:.0%} of the time in all its lines."
    if profile.tracer > ROUGH:
        taken = f"{profile.tracer:.0%} of the traced time"
        yield f"The shares of lines are rough: the tracer itself took {taken}; that is subtracted."


def percent(share: float) -> str:
    """A share in percent, with a digit after the point where it is below 1 %.

    >>> percent(0.256), percent(0.0031)
    ('26%', '0.3%')
    """
    return f"{share:.1%}" if share < 0.00995 else f"{share:.0%}"
