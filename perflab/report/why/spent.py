"""Where a call's time goes: bounds from the figures of a run, and the hottest lines of the user's own file.

A share is a bound: what the interpreter, the temporaries and the arithmetic must take at the rates that this
machine was measured to reach. What the bounds leave open is said to be open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perflab import units
from perflab.contract import Cell
from perflab.records.evidence import Evidence, Line, Profile, Step, Way
from perflab.records.roof import bandwidth, peak
from perflab.report import words
from perflab.report.summary import CellResult, Summary
from perflab.report.why import reasons

SHOWN_LINES, LEAST = 3, 0.01  # of lines, and of the share of a call that one must take to be shown
LITTLE = 0.5  # bounds that together come to less explain little
NOTHING = 0.0005  # a lower bound below it says nothing
ROUGH = 0.3  # a tracer that took more of what it saw leaves rough shares


@dataclass(frozen=True)
class Bound:
    """What one thing takes of a call: at least `low`, at most `high`, or `about` so much, where known."""

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
    """A statement of the user's own: where it stands, how often it runs in a call, its share of the time."""

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
    """Where the time of one direction goes on a case. `remarks` are whole sentences."""

    direction: str
    case: str
    time: str
    bounds: tuple[Bound, ...]
    lines: tuple[HotLine, ...]
    lines_case: str
    remarks: tuple[str, ...]


def spent(summary: Summary, evidence: Evidence, threads: int, direction: Step, telling: str) -> Spent | None:
    """Bounds, code and lines of one direction; None where neither case was measured.

    On the case that the evidence is of; on the `telling` one where that was not measured, or where Python
    interprets every operation, so that steps grow in proportion to work.
    """
    operation, technique, dtype = evidence.operation, evidence.technique, evidence.dtype
    way = evidence.ways[direction]
    names = [telling, evidence.case] if way.kind == "interpreted" else [evidence.case, telling]
    cells = [Cell(operation, case, dtype, threads, direction, technique) for case in names]
    found = [figure for cell in cells if (figure := summary.figures.get(cell)) and not figure.predicted]
    if not found:
        return None
    figure = found[0]
    side = reasons.Side(technique, figure.median_s, way, threads)
    bounds = [
        *_interpreter(summary, evidence, way, side, figure),
        *_temporaries(summary, way, side, figure),
        *_roof(summary, figure),
    ]
    profile = evidence.profile.get(direction)
    hottest = profile.lines[:SHOWN_LINES] if profile else ()
    lines = tuple(_line(line) for at, line in enumerate(hottest) if not at or line.share >= LEAST)
    remarks = [*_together(bounds, way), *_code(way), *_of_profile(profile, way, evidence)]
    return Spent(
        direction, figure.cell.case, words.time(figure), tuple(bounds), lines,
        profile.case if profile else "", tuple(remarks),
    )  # fmt: skip


def _interpreter(
    summary: Summary, evidence: Evidence, way: Way, side: reasons.Side, figure: CellResult
) -> Iterator[Bound]:
    """Steps a call, each at least as long as the cheapest; a whole call on a small case bounds them above."""
    step_s = evidence.step_s
    if not step_s:
        return
    steps = reasons.number_of_steps(side, figure.flops)
    if way.kind == "interpreted":
        basis = (
            f"about {units.count(steps)} steps a call of {units.seconds(step_s['element'], 2)} each,"
            " as in a plain loop over an array's numbers"
        )
        about = steps * step_s["element"] / side.seconds
        yield Bound("the interpreter", min(steps * step_s["plain"] / side.seconds, 1.0), None, basis, about)
        return
    low = steps * step_s["plain"] / side.seconds
    basis = (
        f"{units.count(steps)} steps a call of at least {units.seconds(step_s['plain'], 2)} each,"
        " what they call not counted"
    )
    small = _smallest(summary, figure)
    high = None
    if small is not None:
        fewer = reasons.number_of_steps(side, small.flops)
        most = small.median_s * max(steps / max(fewer, 1), 1.0) / side.seconds
        if most < 1:
            high = most
            basis += (
                f"; a whole call on {small.cell.case} takes {units.seconds(small.median_s, 2)} for"
                f" {units.count(fewer)}"
            )
    yield Bound("the interpreter", min(low, 1.0), high, basis)


def _smallest(summary: Summary, figure: CellResult) -> CellResult | None:
    """The same column on the case with the least work, where that is another case."""
    c = figure.cell
    line = summary.growing(c.operation, c.dtype, c.threads, c.direction, c.technique)
    return line[0] if line and line[0].flops < figure.flops else None


def _temporaries(summary: Summary, way: Way, side: reasons.Side, figure: CellResult) -> Iterator[Bound]:
    """Arrays made and thrown away, written once and read once at the bandwidth of arrays of their size."""
    made = reasons.scaled(side, "temporaries", figure.bytes)
    if made is None or way.kind == "interpreted":
        return
    if made < 4096:
        yield Bound("temporaries", 0.0, None, "less than 4 KiB a call")
        return
    each = (way.allocated or 0) / max(way.allocations or 0, 1)
    rate = bandwidth(summary.ceilings, side.threads, each)
    held = ("" if way.whole else "at least ") + units.in_bytes(made, 2)
    if rate is None:
        yield Bound("temporaries", None, None, f"{held} a call; no bandwidth was measured to hold them to")
        return
    basis = (
        f"{held} a call beyond what is returned and kept; each byte written once and read once at"
        f" {units.rounded(rate / 1e9, 2)} GB/s, the most measured for arrays of that size"
    )
    yield Bound("temporaries", min(2 * made / rate / side.seconds, 1.0), None, basis)


def _roof(summary: Summary, figure: CellResult) -> Iterator[Bound]:
    """Arithmetic at the machine's best rate, inputs and outputs at its best traffic."""
    limit, c = summary.roof(figure), figure.cell
    best = peak(summary.ceilings, c.dtype, c.threads)
    if limit is None or best is None:
        return
    basis = (
        f"{units.rounded(figure.gflops, 2)} GFLOP/s; the most that was measured here is"
        f" {units.rounded(best / 1e9, 2)}"
    )
    yield Bound("arithmetic", min(limit.arithmetic_s / figure.median_s, 1.0), None, basis)
    basis = f"{units.in_bytes(figure.bytes, 2)} moved at the best bandwidth of arrays of that size"
    yield Bound("inputs and outputs", min(limit.memory_s / figure.median_s, 1.0), None, basis)


def _together(bounds: list[Bound], way: Way) -> Iterator[str]:
    """What the bounds come to. Arithmetic and its own traffic may overlap: the larger of them counts."""
    low = {bound.what: bound.low or 0.0 for bound in bounds}
    if way.kind == "interpreted" or "arithmetic" not in low:
        return
    roof_ = max(low.pop("arithmetic"), low.pop("inputs and outputs"))
    whole = roof_ + sum(low.values())
    if whole >= 1:
        yield "Together these come to the whole call: they overlap."
    elif whole >= LITTLE:
        yield f"Together these account for at least {percent(whole)} of the call."
    else:
        yield (
            f"Together these account for at least {percent(whole)} only: they explain little. The hottest"
            " lines tell where the rest goes."
        )


def _code(way: Way) -> Iterator[str]:
    """What its compiled loops are made of."""
    code = way.code
    if code is None:
        return
    hot = code.hot if code.hot.arithmetic else code.whole
    if not hot.arithmetic:
        yield "Its assembly holds no arithmetic on floating-point numbers."
        return
    how = f", {hot.widest} bits wide" if hot.widest and hot.packed else ""
    where = "hot loop" if hot is code.hot else "assembly"
    yield (
        f"Of the {hot.arithmetic} arithmetic instructions in its {where}, {hot.packed or 'none'} work"
        f" on more than one number{how}, {hot.fused or 'none'} multiply and add at once."
    )


def _of_profile(profile: Profile | None, way: Way, evidence: Evidence) -> Iterator[str]:
    """What is to be known of the hottest lines."""
    if profile is None:
        if evidence.step_s and way.code is not None:
            yield "No line of its own runs in Python: it is compiled whole."
        return
    if profile.products >= 0.005:
        yield f"Lines that hold a matrix product take {profile.products:.0%} of the time in all its lines."
    if profile.tracer > ROUGH:
        yield (
            "The shares of lines are rough: the tracer itself took"
            f" {profile.tracer:.0%} of what it saw, which is subtracted."
        )


def _line(line: Line) -> HotLine:
    place = f"{line.file}:{line.number}" if line.file else f"line {line.number}"
    return HotLine(place, line.text, line.share, line.times)


def percent(share: float) -> str:
    """A share in percent, with a digit after the point where it is below 1 %.

    >>> percent(0.256), percent(0.0031)
    ('26%', '0.3%')
    """
    return f"{share:.1%}" if share < 0.00995 else f"{share:.0%}"
