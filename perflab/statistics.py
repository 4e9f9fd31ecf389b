"""The statistics of contests: medians of paired ratios, intervals that assume no distribution, verdicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

CONFIDENCE = 0.95
FEWEST = 6  # the fewest values whose range covers the median with 95 %
SAME_WITHIN = 0.01


@dataclass(frozen=True)
class Ratio:
    """A median of paired ratios; `low` and `high` are None where there are too few pairs for an interval."""

    value: float
    low: float | None
    high: float | None
    pairs: int

    @property
    def verdict(self) -> str:
        """FASTER or SLOWER where the interval lies on one side of 1, SAME where it lies within ±1 %.

        AMBIGUOUS needs more data; "not enough" has fewer than six pairs.
        """
        if self.low is None or self.high is None:
            return "not enough"
        if self.low >= 1 - SAME_WITHIN and self.high <= 1 + SAME_WITHIN:
            return "SAME"
        if self.low > 1:
            return "FASTER"
        if self.high < 1:
            return "SLOWER"
        return "AMBIGUOUS"


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """The narrowest pair of order statistics that covers the median with at least this confidence.

    Distribution-free: the number of values below the median is binomial (Conover, *Practical Nonparametric
    Statistics*, 3rd ed., §3.2). None where even the whole range does not reach the confidence.

    >>> median_interval([5, 1, 4, 2, 3, 6])
    (1, 6)
    >>> median_interval([1, 2, 3, 4, 5]) is None
    True
    """
    n = len(values)
    tail, cut = 0.0, -1
    for k in range(n // 2):
        tail += math.comb(n, k) / 2**n
        if 2 * tail > 1 - confidence:
            break
        cut = k
    if cut < 0:
        return None
    ordered = sorted(values)
    return ordered[cut], ordered[n - 1 - cut]


def paired_ratio(baseline: Sequence[float], contender: Sequence[float]) -> Ratio:
    """How many times faster the contender is: baseline time over contender time, pair by pair.

    The two sequences hold the same passes in the same order; drift between passes cancels in each ratio.
    """
    ratios = [b / c for b, c in zip(baseline, contender, strict=True)]
    interval = median_interval(ratios)
    low, high = interval if interval else (None, None)
    return Ratio(median(ratios), low, high, len(ratios))


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
