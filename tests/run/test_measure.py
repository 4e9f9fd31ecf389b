"""A cell becomes a warmed, checked callable; predictions are laid through what was measured."""

from dataclasses import replace

import numpy as np
import pytest

import perflab
from perflab import catalog
from perflab.contract import Implementation
from perflab.learn.climb import exercises
from perflab.run.compilation import compilations, compiles
from perflab.run.contender import MOST_ROUNDS
from perflab.run.forecast import forecast, memory_needed
from perflab.run.referee.findings import Rejected
from perflab.run.stage import Stage


@pytest.fixture
def stage():
    described = catalog.operation("fully_connected")
    return Stage(described, described.cases["tiny"], "float64")


def admitted(stage, technique="vectorized"):
    return stage.admit(catalog.raw("fully_connected", technique))


DIRECTIONS = ("forward", "backward", "step")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_every_round_of_a_block_is_on_what_was_verified(stage, direction):
    turn = admitted(stage).turn(direction, 0.003)
    for _ in range(turn.rounds):
        turn.between()
        (held,) = turn.play()
        assert stage.untouched()
    assert turn.check([held]) == "same bits"


def test_rounds_that_are_compared_with_requests_are_as_long_as_those(stage):
    contender = admitted(stage)
    contender.far, contender.warm_s = True, {"forward": 1e-6, "backward": 0.02}
    assert contender.rounds("forward", 0.03) == (6, 5000)
    assert contender.rounds("forward", 0.003) == (3, 5000)
    assert contender.rounds("backward", 0.003) == (1, 1)


def test_a_result_that_differs_within_the_bound_is_told_from_one_beyond_it(stage):
    contender = admitted(stage)
    turn = contender.turn("backward", 0.0, alone=True)
    turn.between()
    ((dx, dw, db), *_) = turn.play()
    assert contender.check_after("backward", (np.nextafter(dx, np.inf), dw, db)) == "within bound"
    dx[3, 5] += 1e-9
    with pytest.raises(Rejected, match=r"wrong: dx\[3, 5\]"):
        contender.check_after("backward", (dx, dw, db))


def test_an_input_that_was_written_to_is_noticed_and_healed(stage):
    def forward(x, w, b):
        b += 1.0
        return x @ w + b, (x, w)

    spoiler = Implementation(
        "fully_connected", "spoiler", forward, catalog.raw("fully_connected", "naive").backward
    )
    with pytest.raises(Rejected, match="wrote to its inputs"):
        stage.admit(spoiler)
    assert stage.untouched()
    assert admitted(stage).share <= 1, "the next contender meets clean inputs"


def test_blocks_fill_their_time_with_rounds_above_the_timer_noise(stage):
    contender = admitted(stage)
    contender.warm_s = {"forward": 1e-6, "backward": 0.02}
    rounds, iterations = contender.rounds("forward", 0.03)
    assert iterations == 1000
    assert rounds == MOST_ROUNDS
    assert contender.rounds("backward", 0.03) == (1, 1)
    assert contender.rounds("step", 0.001) == (1, 1)


def test_the_stage_holds_its_own_reference_to_the_definition(stage):
    from dataclasses import replace

    right = stage.operation.gradient
    wrong = replace(
        stage.operation, gradient=lambda dout, x, w, b: tuple(1.01 * g for g in right(dout, x, w, b))
    )
    broken = Stage(wrong, wrong.cases["tiny"], "float64")
    with pytest.raises(AssertionError, match="not its definition's"):
        _ = broken.reference


def test_compilations_are_counted_and_loads_from_the_cache_are_not():
    from numba import njit

    @njit
    def inner(x):
        return x + 1

    @njit
    def outer(x):
        return inner(x) * 2

    with compilations() as first:
        outer(1.0)
    with compilations() as second:
        outer(1.0)
    assert first.count >= 1
    assert first.seconds > 0
    assert (second.count, second.seconds) == (0, 0.0)


def seconds(forward, backward):
    return {"forward": forward, "backward": backward}


def test_one_point_is_scaled_with_the_work():
    predicted, basis = forecast([("tiny", 1e3, seconds(1.0, 2.0))], 1e4)
    assert predicted == pytest.approx({"forward": 10.0, "backward": 20.0, "step": 30.0})
    assert "tiny" in basis


def test_several_points_give_their_slope_laid_through_the_largest():
    points = [("a", 1e3, seconds(1.0, 1.0)), ("b", 1e4, seconds(12.0, 12.0))]
    predicted, _ = forecast(points, 1e5)
    slope = np.log10(12.0)
    assert predicted["step"] == pytest.approx(24.0 * 10**slope)
    assert forecast(points[::-1], 1e5)[0] == pytest.approx(predicted)


def test_a_slope_stays_within_reason():
    points = [("a", 1e3, seconds(1.0, 1.0)), ("b", 2e3, seconds(64.0, 64.0))]
    assert forecast(points, 4e3)[0]["forward"] == pytest.approx(64.0 * 2**1.3)
    assert forecast([], 1e3) == ({}, "")


def test_the_memory_that_a_case_needs_grows_with_what_the_technique_says_it_needs():
    described = perflab.operation("conv2d")
    frugal, lavish = (catalog.raw("conv2d", name) for name in ("simd", "vectorized"))
    assert lavish.workspace_bytes is not None
    case = described.cases["large"]
    least = memory_needed(described, case, "float32", frugal)
    x, w, out = 40 * 3 * 31 * 31, 25 * 27, 40 * 25 * 16 * 16
    assert least == 2 * 4 * (2 * (x + w + 25) + out) + 3 * 8 * (x + w + 25 + out)
    more = memory_needed(described, case, "float32", lavish)
    assert more - least == 4 * 2 * 40 * 27 * 16 * 16
    assert memory_needed(described, case, "float64", lavish) > more


def test_the_same_bits_are_right_again_without_the_reference():
    described = perflab.operation("fully_connected")
    first = Stage(described, described.cases["tiny"], "float32").admit(catalog.raw("fully_connected", "jit"))
    stage = Stage(described, described.cases["tiny"], "float32")
    again = stage.admit(catalog.raw("fully_connected", "jit"), first)
    assert "reference" not in vars(stage), "it was not computed"
    assert (again.share, again.where, again.precision) == (first.share, first.where, first.precision)


def test_other_bits_are_held_to_the_reference_whatever_is_known():
    described = perflab.operation("fully_connected")
    raw = catalog.raw("fully_connected", "vectorized")
    first = Stage(described, described.cases["tiny"], "float32").admit(raw)

    def forward(x, w, b):
        out, cache = raw.forward(x, w, b)
        return out + np.float32(1e-2), cache

    with pytest.raises(Rejected, match=r"wrong: out\["):
        Stage(described, described.cases["tiny"], "float32").admit(replace(raw, forward=forward), first)
    other = Stage(described, described.cases["tiny"], "float64")
    assert other.admit(raw, first).digest != first.digest


@pytest.mark.parametrize(("technique", "expected"), [("cores", True), ("packed", True), ("in_place", False)])
def test_a_first_call_may_load_kernels_that_stand_in_other_files(technique, expected, tmp_path):
    """Also of a student's file with the same code, and of the same files of another commit."""
    own = catalog.raw("fully_connected", technique)
    assert compiles(own) is expected
    assert compiles(replace(own, source="elsewhere.py")) is expected
    file = tmp_path / "mine.py"
    file.write_text(exercises.written("fully_connected", technique), "utf-8")
    assert compiles(catalog.load_raw(file, "fully_connected")) is expected
