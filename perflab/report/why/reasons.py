"""One sentence on why one rung is faster than another, made from the figures of both.

A figure is taken as a cause where it changed in the right direction and could have cost the time that was
saved; causes are named in the order of how much they changed. Where none changed, the sentence says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import Literal

from perflab.records.evidence import Code, Counts, Way
from perflab.units import count, in_bytes, rounded

CHANGED = 1.15  # a figure has changed where it differs by so much
ALIKE = 1.03  # times nearer than this are taken as the same
STEP_S = (2e-9, 5e-6)  # what a saved step of the interpreter may stand for, the call that it makes included
TRAFFIC_S = 0.3e9  # fewer bytes saved for each second that was saved cannot have cost it
PARTLY = 0.5  # on a log scale, the share of the speed-up that the causes must come to


@dataclass(frozen=True)
class Side:
    """One rung in one direction as it was measured, with the evidence on it, where there is any."""

    technique: str
    seconds: float
    way: Way | None = None
    threads: int = 1


@dataclass(frozen=True)
class _Cause:
    factor: float
    words: str


def because(
    lower: Side, upper: Side, *, flops: int, bytes: int, speedup: float | None = None, same: bool = False
) -> str:
    """Why `upper` is faster than `lower`, or why it is not, on a case of so many flops and bytes.

    `speedup` is the measured ratio, of the two times by default; `same` says that it was shown to be 1.
    """
    ratio = lower.seconds / upper.seconds if speedup is None else speedup
    rates = f"{_rate(upper, flops, bytes)} against {_rate(lower, flops, bytes)}"
    if same or 1 / ALIKE < ratio < ALIKE:
        said = f"{upper.technique} is as fast as {lower.technique} ({rates})"
        causes = [*_causes(upper, lower, flops, bytes), *_causes(lower, upper, flops, bytes)]
        if not causes:
            return f"{said}: no figure here changed between them."
        return f"{said}, although {max(causes, key=lambda cause: cause.factor).words}."
    fast, slow = (upper, lower) if ratio > 1 else (lower, upper)
    how = (
        f"takes {rounded(1 / ratio, 2)} times as long as"
        if ratio < 1
        else f"is {rounded(ratio, 2)} times as fast as"
    )
    said = f"{upper.technique} {how} {lower.technique} ({rates})"
    causes = sorted(_causes(fast, slow, flops, bytes), key=lambda cause: -cause.factor)
    if not causes:
        return f"{said}: the figures here do not explain it."
    words = "; ".join(cause.words for cause in causes[:3])
    gain = max(ratio, 1 / ratio)
    product = 1.0
    for cause in causes:
        product *= cause.factor
    if product < gain**PARTLY:
        words += "; this explains only a part of it"
    return f"{said}: {words}."


def _causes(fast: Side, slow: Side, flops: int, bytes: int) -> Iterator[_Cause]:
    """Every figure that speaks for the faster of the two."""
    saved_s = max(slow.seconds - fast.seconds, 0.0)
    if fast.threads > slow.threads:
        words = f"{fast.technique} has {fast.threads} threads instead of {slow.threads}"
        yield _Cause(fast.threads / slow.threads, words)
    if fast.way is None or slow.way is None:
        return
    yield from _steps(fast, slow, flops, saved_s)
    yield from _memory(fast, slow, bytes, saved_s)
    if fast.way.code and slow.way.code:
        yield from _instructions(fast.technique, fast.way.code, slow.way.code)
    elif slow.way.code and fast.way.kind == "numpy":
        loops = slow.way.code.innermost
        if 2 * loops.packed < loops.arithmetic:
            yield _Cause(
                CHANGED,
                f"of the {loops.arithmetic} arithmetic instructions in {slow.technique}'s innermost loops"
                f" {loops.packed or 'none'} work on more than one number (of {fast.technique}'s, which are"
                " NumPy's or a BLAS's, there is no assembly here)",
            )


def _steps(fast: Side, slow: Side, flops: int, saved_s: float) -> Iterator[_Cause]:
    few, many = number_of_steps(fast, flops), number_of_steps(slow, flops)
    if many < CHANGED * max(few, 1):
        return
    if saved_s and not STEP_S[0] <= saved_s / (many - few) <= STEP_S[1]:
        return
    kinds = {"compiled": "is compiled", "numpy": "leaves its loops to NumPy", "interpreted": "is interpreted"}
    mine, theirs = (kinds[_way(side).kind] for side in (fast, slow))
    words = f"takes {count(few)} steps of Python's interpreter a call instead of {count(many)}"
    if mine != theirs:
        words = f"{mine} where {slow.technique} {theirs}, and {words}"
    words = f"{fast.technique} {words}"
    yield _Cause(many / max(few, 1), words)


def _memory(fast: Side, slow: Side, bytes: int, saved_s: float) -> Iterator[_Cause]:
    """Temporaries are written once and read once; what is held at once may outgrow a cache."""
    less, more = (scaled(side, "temporaries", bytes) for side in (fast, slow))
    if less is not None and more is not None:
        factor = (bytes + 2 * more) / (bytes + 2 * less)
        if factor >= CHANGED and 2 * (more - less) >= TRAFFIC_S * saved_s:
            words = (
                f"{fast.technique} makes {_made(less)} a call instead of {in_bytes(more, 2)},"
                f" beside the {in_bytes(bytes, 2)} that inputs and outputs are"
            )
            yield _Cause(factor, words)
            return
    less, more = (scaled(side, "peak", bytes) for side in (fast, slow))
    if less is not None and more is not None:
        factor = (bytes + more) / (bytes + less)
        if factor >= CHANGED and more - less >= TRAFFIC_S * saved_s:
            held, other = in_bytes(less, 2), in_bytes(more, 2)
            words = f"{fast.technique} holds {held} beyond its outputs at most instead of {other}"
            yield _Cause(factor, words)


def _instructions(technique: str, code: Code, other: Code) -> Iterator[_Cause]:
    if not code.hot.arithmetic or not other.hot.arithmetic:
        return
    packed = []
    for own, less_of, name in (
        (code.hot, other.hot, "hot loop works"),
        (code.innermost, other.innermost, "innermost loops work"),
    ):
        lanes, fewer = (loop.numbers / max(loop.arithmetic, 1) for loop in (own, less_of))
        words = (
            f"{technique}'s {name} on {lanes:.2g} numbers an instruction ({_bits(own)})"
            f" instead of {fewer:.2g}"
        )
        packed.append(_Cause(lanes / max(fewer, 1), words))
    most = max(packed, key=lambda cause: cause.factor)
    if most.factor >= CHANGED:
        yield most
    share, less = (hot.fused / hot.arithmetic for hot in (code.hot, other.hot))
    if 1 + share >= CHANGED * (1 + less):
        words = (
            f"{share:.0%} of the arithmetic in {technique}'s hot loop multiplies and adds in one"
            f" instruction instead of {less:.0%}"
        )
        yield _Cause((1 + share) / (1 + less), words)
    few, many = (hot.gathers / hot.arithmetic for hot in (code.hot, other.hot))
    if 1 + many >= CHANGED * (1 + few):
        words = (
            f"{technique}'s hot loop gathers {rounded(few, 2)} times an arithmetic instruction"
            f" instead of {rounded(many, 2)}"
        )
        yield _Cause((1 + many) / (1 + few), words)
    called = sorted({*other.calls} - {*code.calls, "?"})
    if called and "?" not in code.calls:
        words = f"{technique}'s loops do not call {' and '.join(called)} number by number"
        yield _Cause(CHANGED, words)


def _way(side: Side) -> Way:
    assert side.way is not None
    return side.way


def number_of_steps(side: Side, flops: int) -> float:
    """Steps a call, on a straight line through the two counts on log axes."""
    way = _way(side)
    steps, few, span = way.steps, way.few, log(max(way.flops, 1) / max(way.few_flops, 1))
    slope = log(steps / few) / span if span and steps > 0 and few > 0 else float(way.kind == "interpreted")
    return float(steps * (flops / max(way.flops, 1)) ** min(max(slope, 0.0), 1.0))


def scaled(side: Side, name: Literal["temporaries", "peak"], bytes: int) -> float | None:
    """A number of bytes, in proportion to what the operation must move."""
    way = _way(side)
    count: int | None = getattr(way, name)
    return None if count is None else count / max(way.bytes, 1) * bytes


def _bits(hot: Counts) -> str:
    return f"{hot.widest} bits" if hot.widest else "registers of no fixed width"


def _rate(side: Side, flops: int, bytes: int) -> str:
    if side.seconds <= 0:
        return "–"
    return f"{rounded(flops / side.seconds / 1e9, 2)} GFLOP/s, {rounded(bytes / side.seconds / 1e9, 2)} GB/s"


def _made(temporaries: float) -> str:
    """Some bytes of temporaries; none where they are Python's own objects."""
    return f"{in_bytes(temporaries, 2)} of temporaries" if temporaries >= 4096 else "no temporaries"
