"""The statistics of contests, against simulation."""

import sys

import numpy as np
import pytest

from perflab.statistics import FEWEST, Ratio, median_interval, paired_ratio, significant

SHAPES = {
    "normal": (lambda rng, n: rng.normal(1.0, 0.05, n), 1.0),
    "lognormal": (lambda rng, n: rng.lognormal(0.0, 0.5, n), 1.0),
    "bimodal": (
        lambda rng, n: np.where(rng.random(n) < 0.5, rng.normal(1.0, 0.02, n), rng.normal(1.2, 0.02, n)),
        1.1,
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [6, 10, 30])
def test_the_interval_covers_the_median_as_often_as_it_says(shape, n, capsys):
    draw, true_median = SHAPES[shape]
    rng = np.random.default_rng(20260101)
    hits = 0
    trials = 4000
    for _ in range(trials):
        low, high = median_interval(draw(rng, n).tolist())
        hits += low <= true_median <= high
    coverage = hits / trials
    with capsys.disabled():
        sys.stdout.write(f" coverage, {shape}, n = {n}: {coverage:.3f} ")
    # binomial steps make small samples conservative, never short; three standard errors of the simulation
    assert coverage >= 0.95 - 3 * (0.95 * 0.05 / trials) ** 0.5
    assert coverage <= 0.99


def test_fewer_than_six_values_give_no_interval():
    for n in range(FEWEST):
        assert median_interval([1.0] * n) is None
    assert median_interval([1.0] * FEWEST) == (1.0, 1.0)


def test_a_baseline_against_itself_reads_one():
    times = [1.0, 1.1, 0.9, 1.2, 1.0, 1.05]
    assert paired_ratio(times, times) == Ratio(1.0, 1.0, 1.0, 6)
    assert paired_ratio(times, times).verdict == "SAME"


def test_drift_between_passes_cancels_in_paired_ratios():
    rng = np.random.default_rng(3)
    drift = np.linspace(1.0, 1.1, 12)
    base = 2.0 * drift * rng.normal(1, 0.002, 12)
    mine = 1.0 * drift * rng.normal(1, 0.002, 12)
    assert abs(paired_ratio(base, mine).value / 2.0 - 1) < 0.01


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(1.02, 1.1, "FASTER"), (0.8, 0.97, "SLOWER"), (0.995, 1.004, "SAME"), (0.9, 1.2, "AMBIGUOUS"),
     (None, None, "not enough"), (1.001, 1.005, "SAME")],
)  # fmt: skip
def test_verdicts(low, high, verdict):
    assert Ratio(1.0, low, high, 6).verdict == verdict


def test_digits_follow_the_noise():
    assert significant(100.0, 99.5, 100.4) == 3
    assert significant(100.0, 90.0, 110.0) == 2
    assert significant(100.0, 50.0, 150.0) == 1
    assert significant(100.0, None, None) == 2
