"""The statistics of contests: medians of paired ratios, intervals that assume no distribution, verdicts.

And from times at several sizes: how they grow, where two techniques cross, and after how many calls a
compilation is worth its time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import fmean, median

CONFIDENCE = 0.95
FEWEST = 6  # the fewest values whose range covers the median with 95 %
SAME_WITHIN = 0.01
Turn = tuple[int, int]  # process and pass


@dataclass(frozen=True)
class Ratio:
    """A median of paired ratios; `low` and `high` are None where there are too few pairs for an interval.

    `fit` is false where the machine was unfit to measure while the pairs were taken.
    """

    value: float
    low: float | None
    high: float | None
    pairs: int
    fit: bool = True

    @property
    def verdict(self) -> str:
        """What the interval says, with ±1 % taken as no difference.

        FASTER where the whole interval lies above 1.01, SLOWER where it lies below 1/1.01, SAME where it
        lies between the two; AMBIGUOUS needs more data; "not enough" has fewer than six pairs;
        UNMEASURABLE comes from an unfit machine. Turned round, a contest has the opposite verdict.

        >>> Ratio(1.05, 1.02, 1.08, 12).verdict, Ratio(1.05, 1.005, 1.08, 12).verdict
        ('FASTER', 'AMBIGUOUS')
        """
        if not self.fit:
            return "UNMEASURABLE"
        if self.low is None or self.high is None:
            return "not enough"
        most, least = 1 + SAME_WITHIN, 1 / (1 + SAME_WITHIN)
        if self.low > most:
            return "FASTER"
        if self.high < least:
            return "SLOWER"
        return "SAME" if self.low >= least and self.high <= most else "AMBIGUOUS"


@dataclass(frozen=True)
class Scaling:
    """Time grows as work to the power `exponent`; `low` and `high` are None where two points fit any line."""

    exponent: float
    low: float | None
    high: float | None
    points: int


@dataclass(frozen=True)
class Crossing:
    """The size at which two techniques take the same time, between the measured sizes `low` and `high`.

    Above it the first of the two is the faster where `first_above`, else the second.
    """

    work: float
    low: float
    high: float
    first_above: bool


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """The narrowest pair of order statistics that covers the median with at least this confidence.

    Distribution-free: the number of values below the median is binomial (Conover, *Practical Nonparametric
    Statistics*, 3rd ed., §3.2). None where even the whole range does not reach the confidence.

    >>> median_interval([5, 1, 4, 2, 3, 6])
    (1, 6)
    >>> median_interval([1, 2, 3, 4, 5]) is None
    True
    """
    cut = _cut(len(values), confidence)
    if cut < 0:
        return None
    ordered = sorted(values)
    return ordered[cut], ordered[len(values) - 1 - cut]


@lru_cache(maxsize=1024)  # a report has thousands of intervals, of few sizes
def _cut(n: int, confidence: float) -> int:
    """How many of n values the interval leaves out on either side; -1 if even all of them are too few."""
    tail, cut = 0.0, -1
    for k in range(n // 2):
        tail += math.comb(n, k) / 2**n
        if 2 * tail > 1 - confidence:
            break
        cut = k
    return cut


def paired_ratio(baseline: Sequence[float], contender: Sequence[float], fit: bool = True) -> Ratio:
    """How many times faster the contender is: baseline time over contender time, pair by pair.

    The two sequences have the same passes in the same order; drift between passes cancels in each ratio.
    """
    ratios = [b / c for b, c in zip(baseline, contender, strict=True)]
    interval = median_interval(ratios)
    low, high = interval if interval else (None, None)
    return Ratio(median(ratios), low, high, len(ratios), fit)


def ratio_of_turns(
    baseline: Mapping[Turn, float], contender: Mapping[Turn, float], fit: bool = True
) -> Ratio | None:
    """The paired ratio over the turns that both have; None without any."""
    both = [turn for turn in contender if turn in baseline]
    return paired_ratio([baseline[t] for t in both], [contender[t] for t in both], fit) if both else None


def known_to(ratio: Ratio, target: float) -> bool:
    """Whether half the width of a ratio's interval is at most `target` of it; False without an interval.

    This rule to stop sampling uses only the width, never which side is faster.

    >>> known_to(Ratio(2.0, 1.98, 2.02, 6), 0.02)
    True
    """
    if ratio.low is None or ratio.high is None:
        return False
    return (ratio.high - ratio.low) / 2 <= target * ratio.value


def scaling(work: Sequence[float], seconds: Sequence[float]) -> Scaling | None:
    """The exponent with which time grows in work: the least-squares slope on log axes, with its interval.

    The 95 % interval is Student's with n − 2 degrees of freedom (Montgomery & Runger, *Applied Statistics
    and Probability for Engineers*, 5th ed., §11-5.1). It takes the scatter about one straight line as
    chance: where a fixed cost bends the line, the interval gets wider. None with fewer than two
    sizes.

    >>> round(scaling([1e3, 1e4, 1e5], [2e-6, 2e-5, 2e-4]).exponent, 6)
    1.0
    """
    x = [math.log(w) for w in work]
    y = [math.log(s) for s in seconds]
    if len(set(x)) < 2:
        return None
    middle_x, middle_y = fmean(x), fmean(y)
    spread = math.fsum((a - middle_x) ** 2 for a in x)
    slope = math.fsum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True)) / spread
    n = len(x)
    if n < 3:
        return Scaling(slope, None, None, n)
    rest = math.fsum((b - middle_y - slope * (a - middle_x)) ** 2 for a, b in zip(x, y, strict=True))
    half = student(n - 2) * math.sqrt(rest / (n - 2) / spread)
    return Scaling(slope, slope - half, slope + half, n)


def crossover(
    work: Sequence[float], first_s: Sequence[float], second_s: Sequence[float]
) -> tuple[Crossing, ...] | None:
    """The sizes at which two techniques cross; None where they do not cross within what was measured.

    Straight lines on log axes between neighbouring sizes that both were measured on; nothing is
    extrapolated. Only the ratio of the two times at each size matters.

    >>> [round(c.work) for c in crossover([10, 1000], [1.0, 100.0], [10.0, 10.0])]
    [100]
    """
    points = sorted((w, math.log(a / b)) for w, a, b in zip(work, first_s, second_s, strict=True))
    different = [(w, gap) for w, gap in points if gap]
    crossings = []
    for (low, before), (high, after) in pairwise(different):
        if (before < 0) != (after < 0):
            level = [math.log(w) for w, _ in points if low < w < high]  # sizes at which they tie
            share = before / (before - after)
            at = fmean(level) if level else (1 - share) * math.log(low) + share * math.log(high)
            crossings.append(Crossing(math.exp(at), low, high, after < 0))
    return tuple(crossings) or None


@dataclass(frozen=True)
class Passing:
    """The size at which a ratio of times passes 1, with its interval from `earliest` to `latest`.

    It lies between the sizes `low` and `high`, at which one of the two techniques is clearly faster; above it
    the ratio is over 1 where `rises`.
    """

    size: float
    earliest: float
    latest: float
    low: float
    high: float
    rises: bool


def on_log_axes(points: Sequence[tuple[float, float]], x: float) -> float | None:
    """The y at an x, on straight lines on log axes between neighbouring points (x, y); None outside them.

    >>> on_log_axes([(1, 10.0), (100, 1000.0)], 10), on_log_axes([(1, 10.0), (100, 1000.0)], 200)
    (100.0, None)
    """
    for (low, first), (high, second) in pairwise(points):
        if low <= x <= high and low < high:
            share = math.log(x / low) / math.log(high / low)
            return float(first * (second / first) ** share)
    return None


def passings(sizes: Sequence[float], ratios: Sequence[Ratio]) -> tuple[Passing, ...]:
    """Where the ratio of two techniques' times passes 1, over growing sizes.

    Between neighbours among the sizes at which the verdicts are FASTER and SLOWER. The medians and both ends
    of the ratios' intervals are joined by straight lines on log axes: where the medians pass 1 is the place,
    where the first and the last of the three do is the interval. That is the set of sizes whose interval of
    the ratio holds 1, the inverse of a test at each size (Casella & Berger, *Statistical Inference*, 2nd ed.,
    §9.2.1); between two measured sizes it is as good as the straight line.

    >>> first, then = Ratio(0.5, 0.4, 0.6, 12), Ratio(2.0, 1.8, 2.2, 12)
    >>> [(round(p.size), round(p.earliest), round(p.latest)) for p in passings([10, 1000], [first, then])]
    [(100, 61, 165)]
    """
    points = sorted(zip(sizes, ratios, strict=True), key=lambda point: point[0])
    known = [(math.log(size), r) for size, r in points if r.low is not None and r.high is not None]
    clear = [at for at, (_, ratio) in enumerate(known) if ratio.verdict in ("FASTER", "SLOWER")]
    found = []
    for first, last in pairwise(clear):
        (low, before), (high, after) = known[first], known[last]
        if before.verdict != after.verdict:
            part = known[first : last + 1]
            at = [place for place, _ in part]
            middle, *ends = (
                _ones(at, [getattr(ratio, end) for _, ratio in part]) for end in ("value", "low", "high")
            )
            earliest, latest = min(map(min, [middle, *ends])), max(map(max, [middle, *ends]))
            place = (middle[0] + middle[-1]) / 2
            a, b, c, d, e = map(math.exp, (place, earliest, latest, low, high))
            found.append(Passing(a, b, c, d, e, after.verdict == "FASTER"))
    return tuple(found)


def _ones(at: Sequence[float], values: Sequence[float]) -> list[float]:
    """The places at which straight lines through the logarithms of these values pass 0."""
    points = [(x, math.log(value)) for x, value in zip(at, values, strict=True)]
    return [
        x + (after - x) * y / (y - later)
        for (x, y), (after, later) in pairwise(points)
        if (y < 0) != (later < 0)
    ]


def break_even_calls(compile_s: float, slow_s: float, fast_s: float) -> int | None:
    """The calls after which a compilation has saved its own time; None where the compiled one is no faster.

    >>> break_even_calls(1.0, 0.5, 0.1), break_even_calls(1.0, 0.1, 0.1)
    (3, None)
    """
    return math.ceil(compile_s / (slow_s - fast_s)) if fast_s < slow_s else None


def student(freedom: float, confidence: float = CONFIDENCE) -> float:
    """How many standard errors a two-sided interval reaches: the quantile of Student's t.

    >>> [round(student(freedom), 3) for freedom in (1, 2, 3, 4, 10)]
    [12.706, 4.303, 3.182, 2.776, 2.228]
    """
    from scipy.special import stdtrit  # on first use: reports that need no quantile load faster

    return float(stdtrit(freedom, (1 + confidence) / 2))


def significant(value: float, low: float | None, high: float | None) -> int:
    """The digits of a figure that its interval supports: from 1 to 3; 2 where there is no interval.

    >>> significant(123.4, 123.1, 123.6)
    3
    >>> significant(123.4, 80, 170)
    1
    """
    if low is None or high is None or value <= 0:
        return 2
    width = (high - low) / value
    return 3 if width < 0.02 else 2 if width < 0.3 else 1
