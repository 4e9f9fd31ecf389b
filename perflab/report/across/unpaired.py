"""The ratio of two samples of times that were not taken in turns, with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist, fmean

import numpy as np

from perflab.report.across.timings import Timing
from perflab.statistics import CONFIDENCE, FEWEST, Ratio

EXACT = 900  # products of sample sizes up to which the interval's ends are counted out exactly


def ratio(base: Timing, new: Timing, fit: bool = True) -> Ratio:
    """Base time over new time, from two samples that are not paired.

    The median of all differences of logarithms, and the interval that goes with the test of Mann and Whitney
    (Hodges and Lehmann; Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods*, 3rd ed., §4.2-4.3;
    Conover, *Practical Nonparametric Statistics*, 3rd ed., §5.4). Blocks of one process are alike, so the
    interval is widened by the root of the design effect (Kish, *Survey Sampling*, §5.4).
    Where a clock is coarse, half its step on either side comes on top; times that are all equal are of the
    other side's clock. Fewer than six times on a side give no interval.
    """
    base_s, new_s = base.values, new.values
    fewest = min(len(base_s), len(new_s))
    if fewest < FEWEST:
        return Ratio(base.median_s / new.median_s, None, None, fewest, fit)
    shifts = np.sort(np.subtract.outer(np.log(base_s), np.log(new_s)), axis=None)
    cut = _cut(len(base_s), len(new_s))
    middle, low, high = map(float, (np.median(shifts), shifts[cut], shifts[-1 - cut]))
    wider = math.sqrt(_design_effect(base.groups, new.groups))
    step_s = max(base.step_s, new.step_s)
    coarse = math.log1p(step_s / 2 / base.median_s) + math.log1p(step_s / 2 / new.median_s)
    low, high = middle - wider * (middle - low) - coarse, middle + wider * (high - middle) + coarse
    return Ratio(math.exp(middle), math.exp(low), math.exp(high), fewest, fit)


@lru_cache
def _cut(m: int, n: int) -> int:
    """How many of the m·n sorted shifts are outside the interval on either side.

    From the exact distribution of Mann and Whitney's U for small samples (its generating function is a
    Gaussian binomial coefficient), from the normal distribution for large ones.

    >>> _cut(6, 6), _cut(10, 10)  # the tables' lower critical values
    (5, 23)
    """
    if m * n > EXACT:
        spread = math.sqrt(m * n * (m + n + 1) / 12)
        return max(0, math.floor(m * n / 2 - NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * spread) - 1)
    counts = [1] + [0] * (m * n)
    for i in range(1, m + 1):
        for u in range(m * n, n + i - 1, -1):
            counts[u] -= counts[u - n - i]
        for u in range(i, m * n + 1):
            counts[u] += counts[u - i]
    tail = 0
    for u, count in enumerate(counts):
        tail += count
        if 2 * tail > (1 - CONFIDENCE) * math.comb(m + n, m):
            return u - 1
    return 0


def _design_effect(*sides: Sequence[Sequence[float]]) -> float:
    """How many times larger the variance of a mean is than if all blocks were independent; at least 1.

    The mean square between processes over the whole mean square, of logarithms, both sides pooled.
    """
    between = whole = 0.0
    processes = blocks = 0
    for groups in sides:
        logs = [[math.log(value) for value in group] for group in groups]
        centre = fmean(value for group in logs for value in group)
        between += sum(len(group) * (fmean(group) - centre) ** 2 for group in logs)
        whole += sum((value - centre) ** 2 for group in logs for value in group)
        processes += len(logs) - 1
        blocks += sum(map(len, logs)) - 1
    if not processes or whole == 0:
        return 1.0
    return max(1.0, (between / processes) / (whole / blocks))
