"""Where cells of a history changed: what all cells share is taken away first, then steps are tested for.

In a history all cells of a run are measured on one machine on one day. What they share is the machine's, and
a change of one cell stands out from it. The shared part is the median over cells of the differences from each
cell's own level (Tukey, *Exploratory Data Analysis*, 1977, ch. 11: median polish).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perflab.statistics import student

Array = npt.NDArray[np.float64]

FALSE_ALARMS = 0.02  # the chance of any change in a whole history without one
LEAST_RUNS = 3  # on either side of a change: fewer are an outlier
FEWEST_CELLS = 5  # of fewer the machine's part cannot be told from a change
FEWEST_RUNS = 2 * LEAST_RUNS
OUTLIER = 4.0  # standard deviations from the neighbours' median, to which a time is drawn in
NEIGHBOURS = 2  # runs on either side
PLACE = 7.35  # of twice the log likelihood: the 95 % set of places (Hansen, Econometrica 68, 2000, table 1)
POWER = 0.84  # the normal quantile of 80 %


@dataclass(frozen=True)
class Step:
    """A change of one cell: `at` is the first run after it, `first` and `last` the 95 % interval of that.

    `log` is the change of the logarithm of time, `half` half of its 95 % interval's width.
    """

    cell: int
    at: int
    first: int
    last: int
    log: float
    half: float


@dataclass(frozen=True)
class Found:
    """The steps of a history, sorted by place; what runs share; each cell's noise and smallest visible step.

    `shared` is the machine's part of the logarithm of time by run, 0 in the median; zeros where there were
    too few cells to tell it. `residuals` are the rest, by run and cell. `noise` is the standard deviation of
    a run and `visible` the step that is found with 80 % in the middle, both as logarithms.
    """

    steps: tuple[Step, ...]
    shared: Array
    residuals: Array
    noise: Array
    visible: Array


def find(logs: Array, false_alarms: float = FALSE_ALARMS) -> Found:
    """The steps in a history of logarithms of times, runs × cells; NaN where a run lacks a cell.

    A cell is searched by binary segmentation: the place with the largest difference of means on both sides,
    in standard errors, is a step if Student's t makes it less probable than `false_alarms`, divided by the
    number of places in all cells (Bonferroni). The noise of a cell is from the differences of neighbouring
    runs, and drawn towards that of the other cells (Smyth, *Stat. Appl. Genet. Mol. Biol.* 3, 2004), so that
    short histories need no larger steps. A single run that is far from its neighbours is drawn in.
    """
    runs, cells = logs.shape
    shared = np.zeros(runs)
    if cells >= FEWEST_CELLS:
        shared = _shared(logs)
    residuals = logs - shared[:, None]
    series = [_drawn_in(residuals[np.isfinite(residuals[:, at]), at]) for at in range(cells)]
    noise, freedom = _noise(series)
    places = sum(max(0, len(values) - 2 * LEAST_RUNS + 1) for values in series)
    visible = np.full(cells, np.nan)
    steps: list[Step] = []
    for cell, values in enumerate(series):
        if len(values) < FEWEST_RUNS or not noise[cell] > 0:
            continue
        limit = student_limit(freedom[cell], false_alarms / places)
        visible[cell] = (limit + POWER) * noise[cell] * math.sqrt(4 / len(values))
        at_run = np.flatnonzero(np.isfinite(residuals[:, cell]))
        for start, at, end in _segments(values, noise[cell], limit):
            steps.append(_step(cell, values, at_run, (start, at, end), noise[cell], freedom[cell]))
    return Found(tuple(sorted(steps, key=lambda s: (s.at, s.cell))), shared, residuals, noise, visible)


def student_limit(freedom: float, chance: float) -> float:
    """The quantile of Student's t that is exceeded on either side with this chance in all."""
    return student(freedom, 1 - chance)


def _shared(logs: Array) -> Array:
    """What all cells of a run share, by median polish; 0 in the median."""
    shared = np.zeros(len(logs))
    for _ in range(4):
        levels = np.nanmedian(logs - shared[:, None], axis=0)
        shared = np.nanmedian(logs - levels, axis=1)
        shared -= np.nanmedian(shared)
    return shared


def _drawn_in(values: Array) -> Array:
    """The values with outliers drawn in to `OUTLIER` deviations from the median of their neighbourhood."""
    if len(values) < FEWEST_RUNS:
        return values
    padded = np.pad(values, NEIGHBOURS, mode="reflect")
    near = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1), axis=1)
    width = OUTLIER * 1.4826 * float(np.median(np.abs(np.diff(values)))) / math.sqrt(2)
    return np.clip(values, near - width, near + width)


def _noise(series: Sequence[Array]) -> tuple[Array, Array]:
    """Each cell's standard deviation and its degrees of freedom, the deviations drawn towards one another.

    The variance from differences of neighbours has two thirds of the degrees of freedom of the usual one
    (von Neumann, *Ann. Math. Stat.* 12, 1941), and a step disturbs one difference only.
    """
    variances = np.array([float(np.mean(np.diff(v) ** 2)) / 2 if len(v) > 2 else np.nan for v in series])
    freedom = np.array([max(1.0, 2 * (len(v) - 1) / 3) for v in series])
    known = np.isfinite(variances) & (variances > 0)
    if known.sum() < 2:
        return np.sqrt(variances), freedom
    prior, prior_freedom = _prior(variances[known], freedom[known])
    drawn = (prior_freedom * prior + freedom * variances) / (prior_freedom + freedom)
    return np.sqrt(np.where(known, drawn, np.nan)), np.minimum(freedom + prior_freedom, 1e4)


def _prior(variances: Array, freedom: Array) -> tuple[float, float]:
    """The variance and the degrees of freedom that all cells' variances tell of one (Smyth, §6.2)."""
    from scipy.special import digamma, polygamma

    z = np.log(variances)
    e = z - digamma(freedom / 2) + np.log(freedom / 2)
    spread = float(np.var(e, ddof=1) - np.mean(polygamma(1, freedom / 2)))
    if spread <= 1e-4:
        return float(np.exp(np.mean(e))), 1e4
    prior = 2 * _inverse_trigamma(spread)
    return float(np.exp(np.mean(e) + digamma(prior / 2) - math.log(prior / 2))), prior


def _inverse_trigamma(x: float) -> float:
    """The y whose trigamma is x, by Newton's method (Smyth's appendix)."""
    from scipy.special import polygamma

    y = 0.5 + 1 / x
    for _ in range(50):
        value = float(polygamma(1, y))
        change = value * (1 - value / x) / float(polygamma(2, y))
        y += change
        if -change < 1e-8 * y:
            break
    return y


def _segments(values: Array, noise: float, limit: float) -> list[tuple[int, int, int]]:
    """The steps as (start, at, end): the run after the step, and the stretch in which it is the only one."""
    places: list[int] = []
    open_stretches = [(0, len(values))]
    while open_stretches:
        start, end = open_stretches.pop()
        at, size = _largest(values, start, end)
        if size > limit * noise:
            places.append(at)
            open_stretches += [(start, at), (at, end)]
    changed = True
    while changed and places:  # each step once more between its neighbours: a first cut may be off
        places.sort()
        bounds = [0, *places, len(values)]
        best = [_largest(values, bounds[i], bounds[i + 2]) for i in range(len(places))]
        kept = [at for at, size in best if size > limit * noise]
        changed = sorted(set(kept)) != places and len(kept) < len(places)
        places = sorted(set(kept))
    bounds = [0, *places, len(values)]
    return [(bounds[i], bounds[i + 1], bounds[i + 2]) for i in range(len(places))]


def _largest(values: Array, start: int, end: int) -> tuple[int, float]:
    """The place in a stretch with the largest difference of means in standard errors of unit noise."""
    sizes = _differences(values, start, end)
    if not len(sizes):
        return start, 0.0
    at = int(np.argmax(sizes))
    return start + LEAST_RUNS + at, float(sizes[at])


def _differences(values: Array, start: int, end: int) -> Array:
    n = end - start
    if n < 2 * LEAST_RUNS:
        return np.zeros(0)
    sums = np.cumsum(values[start:end] - np.mean(values[start:end]))
    before = np.arange(LEAST_RUNS, n - LEAST_RUNS + 1)
    sizes: Array = np.abs(sums[before - 1]) * np.sqrt(n / (before * (n - before)))
    return sizes


def _step(
    cell: int, values: Array, at_run: npt.NDArray[np.intp], where: tuple[int, int, int], noise: float,
    freedom: float,
) -> Step:  # fmt: skip
    """A step with the intervals of its place and its size."""
    start, at, end = where
    likely = (_differences(values, start, end) / noise) ** 2
    near = np.flatnonzero(likely >= likely[at - start - LEAST_RUNS] - PLACE) + start + LEAST_RUNS
    size = float(np.mean(values[at:end]) - np.mean(values[start:at]))
    half = student(freedom) * noise * math.sqrt(1 / (at - start) + 1 / (end - at))
    first, last = int(at_run[near[0]]), int(at_run[near[-1]])
    return Step(cell, int(at_run[at]), first, last, size, half)
