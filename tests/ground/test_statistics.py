"""The statistics of contests, against simulation."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perflab.statistics import (
    FEWEST,
    Crossing,
    Ratio,
    Scaling,
    break_even_calls,
    crossover,
    known_to,
    median_interval,
    paired_ratio,
    passings,
    scaling,
    significant,
    student,
)

NOISE = 0.02  # of a block, as a share of its time
PAIRS = 12


def say(capsys, words):
    with capsys.disabled():
        sys.stdout.write(f" {words} ")


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
    say(capsys, f"coverage, {shape}, n = {n}: {coverage:.3f}")
    # binomial steps make small samples conservative, never short; three standard errors of the simulation
    assert coverage >= 0.95 - 3 * (0.95 * 0.05 / trials) ** 0.5
    assert coverage <= 0.99


@pytest.mark.parametrize(("alike", "least"), [(0.25, 0.94), (0.5, 0.92)])
def test_pairs_of_one_process_resemble_one_another_and_cost_coverage(alike, least, capsys):
    """`alike` is the share of a ratio's variance that lies between processes: 2 pairs in each of 3, or of 10.

    An interval of the median takes its values as independent. The more passes share a process, the less
    they are; more processes cure it, more passes do not.
    """
    rng = np.random.default_rng(7)
    coverage = {}
    for processes, passes in ((3, 2), (10, 2), (6, 1)):
        hits = 0
        for _ in range(4000):
            own = rng.normal(0, alike**0.5, (processes, 1))
            ratios = own + rng.normal(0, (1 - alike) ** 0.5, (processes, passes))
            low, high = median_interval(ratios.ravel().tolist())
            hits += low <= 0 <= high
        coverage[processes, passes] = hits / 4000
    told = ", ".join(f"{p} x {n}: {share:.3f}" for (p, n), share in coverage.items())
    say(capsys, f"coverage, {alike:.0%} of the variance between processes, {told}")
    assert coverage[6, 1] >= 0.95
    assert coverage[3, 2] >= least


@pytest.mark.parametrize(("n", "low"), [(6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (20, 6), (30, 10)])
def test_the_median_lies_between_the_tabulated_order_statistics(n, low):
    """The 95 % ranks of the sign test's table, for instance Conover's A3."""
    assert median_interval(range(1, n + 1)) == (low, n + 1 - low)


def test_fewer_than_six_values_give_no_interval():
    for n in range(FEWEST):
        assert median_interval([1.0] * n) is None
    assert median_interval([1.0] * FEWEST) == (1.0, 1.0)


def test_a_baseline_against_itself_reads_one():
    times = [1.0, 1.1, 0.9, 1.2, 1.0, 1.05]
    assert paired_ratio(times, times) == Ratio(1.0, 1.0, 1.0, 6)
    assert paired_ratio(times, times).verdict == "SAME"


def test_a_drift_during_the_run_does_not_bias_a_paired_ratio(capsys):
    """Four contenders take turns in rotated order, 12 passes, while the machine slows down by 10 %."""
    rng = np.random.default_rng(4)
    contenders, true_s, runs = 4, np.array([2.0, 1.0, 1.0, 1.0]), 400
    slower = np.linspace(1.0, 1.1, PAIRS * contenders).reshape(PAIRS, contenders)
    order = (np.arange(PAIRS)[:, None] + np.arange(contenders)) % contenders
    interleaved, one_after_another = [], []
    for _ in range(runs):
        noise = rng.lognormal(0, NOISE, (PAIRS, contenders))
        turns = np.empty((PAIRS, contenders))
        np.put_along_axis(turns, order, slower, axis=1)
        turns *= true_s * noise
        interleaved.append(paired_ratio(turns[:, 0].tolist(), turns[:, 1].tolist()).value / 2)
        queued = (slower.reshape(contenders, PAIRS) * true_s[:, None]).T * noise
        one_after_another.append(np.median(queued[:, 0]) / np.median(queued[:, 1]) / 2)
    bias, queued_bias = np.mean(interleaved) - 1, np.mean(one_after_another) - 1
    say(capsys, f"drift of +10 %: bias {bias:+.2%} interleaved, {queued_bias:+.2%} one after the other")
    assert abs(bias) < 0.01
    assert abs(queued_bias) > 0.01, "a simulation in which nothing drifts shows nothing"


def contests(rng, slowdown, count):
    """Verdicts on a contender that takes `slowdown` times as long, both under the noise of a block."""
    for _ in range(count):
        base, mine = rng.lognormal(0, NOISE, (2, PAIRS))
        yield paired_ratio(base.tolist(), (mine * slowdown).tolist())


def test_a_copy_of_itself_is_rarely_told_apart(capsys):
    rng = np.random.default_rng(1)
    forty = [ratio.verdict for ratio in contests(rng, 1.0, 40)]
    flagged = sum(verdict in ("FASTER", "SLOWER") for verdict in forty)
    many = list(contests(rng, 1.0, 4000))
    missed = sum(not ratio.low <= 1 <= ratio.high for ratio in many) / len(many)
    called = sum(ratio.verdict in ("FASTER", "SLOWER") for ratio in many) / len(many)
    say(capsys, f"A/A: {flagged} of 40 flagged; of 4000, {missed:.2%} intervals miss 1, {called:.2%} flagged")
    assert flagged <= 5
    assert missed <= 0.05
    assert called < 0.02


def test_a_slow_down_of_five_percent_is_found_and_one_of_half_a_percent_is_not_called(capsys):
    rng = np.random.default_rng(2)
    five = list(contests(rng, 1.05, 20))
    found = sum(ratio.verdict == "SLOWER" for ratio in five)
    half = list(contests(rng, 1.005, 20))
    called = sum(ratio.verdict in ("FASTER", "SLOWER") for ratio in half)
    many = sum(ratio.verdict == "SLOWER" for ratio in contests(rng, 1.05, 2000)) / 2000
    false = sum(ratio.verdict in ("FASTER", "SLOWER") for ratio in contests(rng, 1.005, 2000)) / 2000
    say(
        capsys,
        f"power, {NOISE:.0%} noise, {PAIRS} pairs: 5 % found in {found} of 20 ({many:.1%} of 2000), "
        f"0.5 % called in {called} of 20 ({false:.2%} of 2000)",
    )
    assert found >= 15
    assert all(ratio.value < 1 for ratio in five)
    assert called == 0
    assert false < 0.02


def test_stopping_when_it_is_precise_costs_little_of_the_coverage(capsys):
    """The rule looks at the width alone; the interval of a sample that it stopped still holds."""
    rng = np.random.default_rng(5)
    hits, lengths = 0, []
    for _ in range(2000):
        ratios = rng.lognormal(0, NOISE * 2**0.5, 60).tolist()
        n = next((n for n in range(FEWEST, 60) if precise_enough(ratios[:n], 0.015)), 60)
        low, high = median_interval(ratios[:n])
        hits += low <= 1 <= high
        lengths.append(n)
    say(capsys, f"stopped at ±1.5 %: {np.median(lengths):.0f} pairs, coverage {hits / 2000:.3f}")
    assert hits / 2000 >= 0.92


def precise_enough(ratios, target):
    return known_to(paired_ratio(ratios, [1.0] * len(ratios)), target)


def test_precise_enough_needs_six_and_is_relative():
    assert not precise_enough([1.0] * (FEWEST - 1), 0.5)
    ratios = [1.0, 1.02, 0.98, 1.01, 0.99, 1.0]
    assert precise_enough(ratios, 0.0201)
    assert not precise_enough(ratios, 0.0199)
    assert precise_enough([300 * ratio for ratio in ratios], 0.0201)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(1.02, 1.1, "FASTER"), (0.8, 0.97, "SLOWER"), (0.995, 1.004, "SAME"), (0.9, 1.2, "AMBIGUOUS"),
     (None, None, "not enough"), (1.001, 1.005, "SAME"), (1.005, 1.08, "AMBIGUOUS"),
     (0.9, 0.995, "AMBIGUOUS"), (1.01, 1.02, "AMBIGUOUS"), (1 / 1.01, 1.01, "SAME")],
)  # fmt: skip
def test_verdicts(low, high, verdict):
    assert Ratio(1.0, low, high, 6).verdict == verdict
    assert Ratio(1.0, low, high, 6, fit=False).verdict == "UNMEASURABLE"
    assert replace(Ratio(1.0, low, high, 6), fit=False).verdict == "UNMEASURABLE"


TIMES = st.lists(st.tuples(*[st.floats(0.9, 1.1)] * 2), min_size=FEWEST, max_size=20)


@given(TIMES)
def test_a_contest_turned_round_has_the_opposite_verdict(times):
    mine, other = zip(*times, strict=True)
    opposite = {"FASTER": "SLOWER", "SLOWER": "FASTER", "SAME": "SAME", "AMBIGUOUS": "AMBIGUOUS"}
    there, back = paired_ratio(mine, other), paired_ratio(other, mine)
    assert there.low == pytest.approx(1 / back.high)
    near = any(abs(end - at) < 1e-12 for end in (there.low, there.high) for at in (1.01, 1 / 1.01))
    assert near or back.verdict == opposite[there.verdict]


def test_the_exponent_of_a_power_law_is_found(capsys):
    """Against scipy, and by simulation: how often the interval holds the exponent."""
    from scipy.stats import linregress

    rng = np.random.default_rng(6)
    work = np.array([1e5, 4e5, 3e6, 2e7, 1e8])
    hits = 0
    for _ in range(2000):
        seconds = 1e-9 * work**0.9 * rng.lognormal(0, 0.2, len(work))
        found = scaling(work.tolist(), seconds.tolist())
        hits += found.low <= 0.9 <= found.high
    theirs = linregress(np.log(work), np.log(seconds))
    assert found.exponent == pytest.approx(theirs.slope)
    assert (found.high - found.low) / 2 == pytest.approx(theirs.stderr * student(3))
    say(capsys, f"exponent of 5 sizes: coverage {hits / 2000:.3f}")
    assert 0.935 <= hits / 2000 <= 0.965


def test_an_exponent_needs_two_sizes_and_its_interval_three():
    assert scaling([], []) is None
    assert scaling([10.0], [1.0]) is None
    assert scaling([10.0, 10.0], [1.0, 2.0]) is None
    assert scaling([10.0, 1000.0], [1.0, 100.0]) == Scaling(pytest.approx(1.0), None, None, 2)


def test_students_quantiles_are_scipys():
    from scipy.stats import t

    for freedom in range(1, 40):
        assert student(freedom) == pytest.approx(t.ppf(0.975, freedom), rel=1e-12)
        assert student(freedom, 0.99) == pytest.approx(t.ppf(0.995, freedom), rel=1e-12)


def test_techniques_cross_where_their_lines_do():
    work = [1e3, 1e4, 1e5, 1e6]
    loops = [1e-9 * w for w in work]
    calls = [2e-5 + 1e-11 * w for w in work]
    assert crossover(work, loops, calls) == (Crossing(pytest.approx(2.02e4, rel=0.01), 1e4, 1e5, False),)
    assert crossover(work, calls, loops)[0].first_above


def test_no_crossing_is_guessed_beyond_what_was_measured():
    assert crossover([1e3, 1e4], [1.0, 9.0], [10.0, 11.0]) is None
    assert crossover([], [], []) is None
    assert crossover([1e3], [1.0], [2.0]) is None


def test_touching_is_not_crossing_and_a_tie_can_be_the_crossing():
    assert crossover([1, 10, 100], [1, 5, 10], [2, 5, 20]) is None
    assert crossover([1, 10, 100], [1, 5, 30], [2, 5, 20]) == (Crossing(pytest.approx(10), 1, 100, False),)
    assert crossover([1, 10], [5, 5], [5, 5]) is None


def test_techniques_may_cross_twice():
    found = crossover([1, 10, 100], [1, 3, 1], [2, 2, 2])
    assert [c.first_above for c in found] == [False, True]
    assert 1 < found[0].work < 10 < found[1].work < 100


def test_a_compilation_pays_for_itself():
    assert break_even_calls(2.0, 1.0, 0.5) == 4
    assert break_even_calls(0.5, 10.0, 0.1) == 1
    assert break_even_calls(1.0, 0.1, 0.2) is None


@given(st.floats(1e-3, 10), st.floats(1e-6, 10), st.floats(1e-6, 10))
def test_after_as_many_calls_the_compiled_one_is_ahead(compile_s, slow_s, fast_s):
    calls = break_even_calls(compile_s, slow_s, fast_s)
    if calls is not None:
        assert compile_s + calls * fast_s <= calls * slow_s * (1 + 1e-9)
        assert compile_s + (calls - 1) * fast_s >= (calls - 1) * slow_s * (1 - 1e-9)


def test_statistics_needs_nothing_but_python():
    code = "import sys, perflab.statistics; sys.exit('numpy' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_digits_follow_the_noise():
    assert significant(100.0, 99.5, 100.4) == 3
    assert significant(100.0, 90.0, 110.0) == 2
    assert significant(100.0, 50.0, 150.0) == 1
    assert significant(100.0, None, None) == 2


def test_a_ratio_passes_one_within_its_interval_and_between_clear_sizes():
    def ratio(value, width=0.1):
        return Ratio(value, value / (1 + width), value * (1 + width), 12)

    sizes = [2, 4, 8, 16, 32]
    (rising,) = passings(sizes, [ratio(r) for r in (0.25, 0.5, 1.02, 2.0, 4.0)])
    assert rising.rises
    assert (rising.low, rising.high) == pytest.approx((4, 16))
    assert rising.earliest < rising.size < rising.latest
    assert rising.size == pytest.approx(8, rel=0.05)
    (falling,) = passings(sizes, [ratio(r) for r in (4.0, 2.0, 1.0, 0.5, 0.25)])
    assert not falling.rises
    assert falling.size == pytest.approx(8)
    assert falling.size / falling.earliest == pytest.approx(falling.latest / falling.size)
    assert passings(sizes, [ratio(r) for r in (2.0, 1.5, 1.0, 1.5, 2.0)]) == ()
    assert passings(sizes, [Ratio(r, None, None, 3) for r in (0.5, 0.7, 1.0, 1.5, 2.0)]) == ()
    assert passings([], []) == ()
    two = passings(sizes, [ratio(r) for r in (0.5, 2.0, 4.0, 0.5, 0.25)])
    assert [each.rises for each in two] == [True, False]


def test_the_interval_of_a_passing_covers_it():
    """Times with noise, 12 turns each: the size is in its interval in about 95 % of many sweeps."""
    rng = np.random.default_rng(5)
    sizes = np.array([2.0, 4, 8, 16, 32, 64])
    covered = tried = 0
    for _ in range(400):
        turns = (sizes / 11.0)[:, np.newaxis] ** 0.5 * np.exp(rng.normal(0, 0.2, (6, 12)))
        ratios = [paired_ratio(list(row), [1.0] * 12) for row in turns]
        found = passings([*sizes], ratios)
        tried += len(found) == 1
        covered += len(found) == 1 and found[0].earliest <= 11 <= found[0].latest
    assert tried > 350
    assert 0.93 < covered / tried <= 1
