"""One sentence on why one rung is faster than another, made from the figures of both.

A figure is a cause where it changed in the right direction and can explain the time that was saved. The
causes that changed most are named first. Where none changed, the sentence says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log, prod

from perflab.records.evidence import Code, Way
from perflab.units import count, in_bytes, rounded

CHANGED = 1.15  # a figure has changed where it differs by so much
ALIKE = 1.03  # times nearer than this are taken as the same
STEP_S = (2e-9, 5e-6)  # seconds that one saved step of the interpreter may take, with the call that it makes
TRAFFIC_S = 0.3e9  # bytes saved for each second saved; fewer bytes cannot explain the time
KINDS = {"compiled": "is compiled", "numpy": "runs its loops in NumPy", "interpreted": "is interpreted"}
Cause = tuple[float, str]  # by what factor it is better, and in words
UNEXPLAINED = "the figures here do not explain it"
PARTLY = 0.5  # on a log scale, the share of the speed-up that the causes must come to


@dataclass(frozen=True)
class Side:
    """One rung in one direction as it was measured, with the evidence on it where there is any."""

    technique: str
    seconds: float
    way: Way | None = None
    threads: int = 1


def because(
    lower: Side, upper: Side, *, flops: int, bytes: int, speedup: float | None = None, same: bool = False
) -> str:
    """Why `upper` is faster than `lower`, or why it is not, on a case of so many flops and bytes.

    `speedup` is the measured ratio, of the two times by default; `same` says that it was shown to be 1.
    """
    ratio = lower.seconds / upper.seconds if speedup is None else speedup
    equal = same or 1 / ALIKE < ratio < ALIKE
    if equal:
        verb, pairs = "is as fast as", [(upper, lower), (lower, upper)]
    elif ratio > 1:
        verb, pairs = f"is {rounded(ratio, 2)} times as fast as", [(upper, lower)]
    else:
        verb, pairs = f"takes {rounded(1 / ratio, 2)} times as long as", [(lower, upper)]
    causes = [cause for fast, slow in pairs for cause in _causes(fast, slow, flops, bytes)]
    causes.sort(key=lambda cause: -cause[0])
    rates = f"{_rate(upper, flops, bytes)} against {_rate(lower, flops, bytes)}"
    sentence = f"{upper.technique} {verb} {lower.technique} ({rates})"
    if equal and causes:
        return f"{sentence}, although {causes[0][1]}."
    if equal:
        return f"{sentence}: no figure here changed between them."
    return f"{sentence}: {_in_words(causes, max(ratio, 1 / ratio))}."


def causes(slow: Side, fast: Side, *, flops: int, bytes: int, speedup: float) -> str:
    """Why `fast` is `speedup` times as fast as `slow`: the causes alone, those that changed most first."""
    found = sorted(_causes(fast, slow, flops, bytes), key=lambda cause: -cause[0])
    return _in_words(found, speedup, most=2)


def _in_words(causes: Sequence[Cause], speedup: float, most: int = 3) -> str:
    """At most so many causes, and whether they explain a speed-up."""
    if not causes:
        return UNEXPLAINED
    words = "; ".join(text for _, text in causes[:most])
    if prod(factor for factor, _ in causes) < speedup**PARTLY:
        words += "; this explains only a part of it"
    return words


def _causes(fast: Side, slow: Side, flops: int, bytes: int) -> Iterator[Cause]:
    """Every figure that is better for the faster of the two."""
    name, way, slow_way = fast.technique, fast.way, slow.way
    if fast.threads > slow.threads:
        words = f"{name} has {fast.threads} threads instead of {slow.threads}"
        yield fast.threads / slow.threads, words
    if way is None or slow_way is None:
        return
    saved_s = max(slow.seconds - fast.seconds, 0.0)
    few, many = number_of_steps(way, flops), number_of_steps(slow_way, flops)
    if many >= CHANGED * max(few, 1) and (not saved_s or STEP_S[0] <= saved_s / (many - few) <= STEP_S[1]):
        kind, slow_kind = KINDS[way.kind], KINDS[slow_way.kind]
        contrast = "" if kind == slow_kind else f" {kind} where {slow.technique} {slow_kind}, and"
        steps = f"takes {count(few)} steps of Python's interpreter a call instead of {count(many)}"
        yield many / max(few, 1), f"{name}{contrast} {steps}"
    yield from _memory(name, way, slow_way, bytes, saved_s)
    if way.code and slow_way.code:
        yield from _instructions(name, way.code, slow_way.code)
    elif slow_way.code and way.kind == "numpy":
        loops = slow_way.code.innermost
        if 2 * loops.packed < loops.arithmetic:
            words = (
                f"of the {loops.arithmetic} arithmetic instructions in {slow.technique}'s innermost loops"
                f" {loops.packed or 'none'} work on more than one number ({name}'s loops are in NumPy or a"
                " BLAS, whose assembly is not read)"
            )
            yield CHANGED, words


def _memory(technique: str, way: Way, slow_way: Way, bytes: int, saved_s: float) -> Iterator[Cause]:
    """Temporaries are written once and read once; a larger peak may not fit into a cache."""
    for name, passes, words in (
        ("temporaries", 2, f"makes {{}} a call instead of {{}}; inputs and outputs are {in_bytes(bytes, 2)}"),
        ("peak", 1, "needs at most {} beyond its outputs instead of {}"),
    ):
        less, more = (scaled(each, name, bytes) for each in (way, slow_way))
        if less is None or more is None or passes * (more - less) < TRAFFIC_S * saved_s:
            continue
        factor = (bytes + passes * more) / (bytes + passes * less)
        if factor >= CHANGED:
            amount = in_bytes(less, 2)
            if name == "temporaries":  # below 4 KiB they are Python's own objects
                amount = f"{amount} of temporaries" if less >= 4096 else "no temporaries"
            yield factor, f"{technique} {words.format(amount, in_bytes(more, 2))}"
            return


def _instructions(technique: str, code: Code, other: Code) -> Iterator[Cause]:
    hot, other_hot = code.hot, other.hot
    if not hot.arithmetic or not other_hot.arithmetic:
        return
    packed = []
    for loop, other_loop, subject in (
        (hot, other_hot, "hot loop works"),
        (code.innermost, other.innermost, "innermost loops work"),
    ):
        lanes, fewer = (each.numbers / max(each.arithmetic, 1) for each in (loop, other_loop))
        width = f"{loop.widest} bits" if loop.widest else "registers of no fixed width"
        words = (
            f"{technique}'s {subject} on {lanes:.2g} numbers an instruction ({width}) instead of {fewer:.2g}"
        )
        packed.append((lanes / max(fewer, 1), words))
    share, less = (loop.fused / loop.arithmetic for loop in (hot, other_hot))
    words = f"{share:.0%} of the arithmetic in {technique}'s hot loop multiplies and adds in one instruction"
    fused = ((1 + share) / (1 + less), f"{words} instead of {less:.0%}")
    few, many = (loop.gathers / loop.arithmetic for loop in (hot, other_hot))
    words = f"{technique}'s hot loop gathers {rounded(few, 2)} times an arithmetic instruction"
    gathers = ((1 + many) / (1 + few), f"{words} instead of {rounded(many, 2)}")
    most = max(packed, key=lambda cause: cause[0])
    yield from (cause for cause in (most, fused, gathers) if cause[0] >= CHANGED)
    called = sorted({*other.calls} - {*code.calls, "?"})
    if called and "?" not in code.calls:
        words = f"{technique}'s loops do not call {' and '.join(called)} number by number"
        yield CHANGED, words


def number_of_steps(way: Way, flops: int) -> float:
    """Steps a call, on a straight line through the two counts on log axes."""
    steps, few, span = way.steps, way.few, log(max(way.flops, 1) / max(way.few_flops, 1))
    slope = log(steps / few) / span if span and steps > 0 and few > 0 else float(way.kind == "interpreted")
    return float(steps * (flops / max(way.flops, 1)) ** min(max(slope, 0.0), 1.0))


def scaled(way: Way, name: str, bytes: int) -> float | None:
    """The `temporaries` or the `peak` in bytes, in proportion to what the operation must move."""
    amount: int | None = getattr(way, name)
    return None if amount is None else amount / max(way.bytes, 1) * bytes


def _rate(side: Side, flops: int, bytes: int) -> str:
    if side.seconds <= 0:
        return "–"
    return f"{rounded(flops / side.seconds / 1e9, 2)} GFLOP/s, {rounded(bytes / side.seconds / 1e9, 2)} GB/s"
