"""The inputs: drawn alike every time, and such that a mistake shows in them."""

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest

import perflab
from perflab import oracle
from perflab.catalog import inputs
from perflab.contract import DTYPES, Case

GRID = [
    pytest.param(op, case, id=f"{op}-{case.name}")
    for op in perflab.operations()
    for case in (*perflab.operation(op).checks.values(), *perflab.operation(op).cases.values())
]
every_case = pytest.mark.parametrize(("operation", "case"), GRID)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def cases_of(kind):
    """Every case whose inputs are of this kind."""
    return pytest.mark.parametrize(("operation", "case"), [p for p in GRID if p.values[1].inputs == kind])


def made(operation, case, dtype):
    described = perflab.operation(operation)
    return inputs.make(described, case, dtype), inputs.upstream(described, case, dtype)


def floats(operation, args):
    return {k: v for k, v in args.items() if perflab.operation(operation).arguments[k].kind == "array"}


# ------------------------------------------------------------------------------------------- the digits


def digest(array):
    return hashlib.blake2b(array.tobytes(), digest_size=12).hexdigest()


def test_the_digits_are_the_1797_of_optdigits():
    images, labels = inputs.digits()
    assert images.shape == (1797, 8, 8)
    assert images.dtype == labels.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 16)
    assert labels.shape == (1797,)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_digits_are_byte_for_byte_what_was_stored():
    images, labels = inputs.digits()
    assert digest(images) == "b3cc09b13cf2700efec4fd4f"
    assert digest(labels) == "6e7aa475f95c886894ea845c"


def test_the_first_digits_look_like_themselves():
    images, labels = inputs.digits()
    assert labels[:10].tolist() == list(range(10)), "the file begins 0, 1, 2, …"
    assert images[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0], "the top of the first 0"
    assert images[0, 3:5, 3:5].max() < images[0].max() / 2, "a 0 is hollow"


@cases_of("digits")
@every_dtype
def test_a_digits_case_holds_the_real_images_and_their_labels(operation, case, dtype):
    args, _ = made(operation, case, dtype)
    images, labels = inputs.digits()
    N = case.sizes["N"]
    first, *others = floats(operation, args).values()
    assert np.array_equal(first.reshape(N, 8, 8), (images[:N] / 16).astype(dtype)), "grey levels from 0 to 1"
    assert all(np.ptp(other) > 0 for other in others), "weights and biases are drawn"
    if "y" in args:
        assert np.array_equal(args["y"], labels[:N])
    if "t" in args:
        assert args["t"].shape == (N, 10)
        assert np.array_equal(args["t"].argmax(axis=1), labels[:N])
        assert ((args["t"] == 1).sum(axis=1) == 1).all()
        assert args["t"].sum() == N, "one one in a row, and zeros"


def test_every_operation_has_a_case_of_digits():
    assert {p.values[0] for p in GRID if p.values[1].inputs == "digits"} == set(perflab.operations())


# --------------------------------------------------------------------------------------- what is drawn


@every_case
@every_dtype
def test_arguments_have_the_names_shapes_and_dtypes_of_the_contract(operation, case, dtype):
    described = perflab.operation(operation)
    args, dout = made(operation, case, dtype)
    assert tuple(args) == tuple(described.arguments)
    for name, argument in described.arguments.items():
        value = args[name]
        if argument.kind == "array":
            assert value.dtype == dtype
            assert value.shape == tuple(case.sizes[axis] for axis in argument.shape)
            assert value.flags.c_contiguous
        elif argument.kind == "labels":
            assert value.dtype == np.int64
            assert value.shape == tuple(case.sizes[axis] for axis in argument.shape)
            assert ((value >= 0) & (value < case.sizes[argument.upper])).all()
        elif argument.kind == "pair":
            assert [type(v) for v in value] == [int, int]
        else:
            assert type(value) is np.dtype(dtype).type
    sizes = inputs.output_sizes(described, case)
    assert dout.dtype == dtype
    assert dout.shape == tuple(sizes[axis] for axis in described.out_shape)


@every_case
@every_dtype
def test_the_same_case_gives_the_same_bytes_in_fresh_arrays(operation, case, dtype):
    first, again = (made(operation, case, dtype) for _ in range(2))
    flat = [[*args.values(), dout] for args, dout in (first, again)]
    assert oracle.fingerprint(flat[0]) == oracle.fingerprint(flat[1])
    for one, other in zip(*flat, strict=True):
        assert not isinstance(one, np.ndarray) or one.size == 0 or not np.may_share_memory(one, other)


@every_case
def test_float32_inputs_are_the_float64_inputs_rounded(operation, case):
    (single, dout32), (double, dout64) = (made(operation, case, dtype) for dtype in DTYPES)
    for name, array in floats(operation, double).items():
        assert np.array_equal(single[name], array.astype(np.float32), equal_nan=True)
    assert np.array_equal(dout32, np.asarray(dout64).astype(np.float32))


@pytest.mark.parametrize("operation", perflab.operations())
def test_another_seed_and_another_operation_draw_other_numbers(operation):
    case = perflab.operation(operation).checks["odd"]
    (args, dout), (others, other_dout) = (
        made(operation, replace(case, seed=seed), "float64") for seed in (0, 1)
    )
    assert not np.array_equal(dout, other_dout)
    for name, array in floats(operation, args).items():
        assert not np.array_equal(array, others[name])


def test_two_operations_do_not_draw_alike():
    (x, _), (X, _) = (
        made(op, Case("alike", {"N": 4, "D": 5, "M": 3, "C": 3}), "float64")
        for op in ("fully_connected", "softmax_loss")
    )
    assert not np.array_equal(x["x"], X["X"])


@every_case
@every_dtype
def test_the_upstream_gradient_is_never_ones_nor_zeros(operation, case, dtype):
    _, dout = made(operation, case, dtype)
    if np.size(dout) == 0:
        assert case.sizes["N"] == 0
    else:
        assert (dout != 1).any()
        assert (dout != 0).any()
        assert np.isfinite(dout).all()


# -------------------------------------------------------------------------------------- kind after kind


@pytest.mark.parametrize("operation", ["softmax_loss", "fully_connected", "conv2d", "rnn"])
def test_normal_inputs_hold_outliers(operation):
    described = perflab.operation(operation)
    args, _ = made(operation, described.cases["large"], "float64")
    for name, array in floats(operation, args).items():
        if array.size < 100 * inputs.OUTLIER_EVERY:
            continue
        values = np.abs(array) / described.arguments[name].scale
        # Beyond five deviations a normal variable lies once in 1.7 million; scaled by 8, once in 1.9.
        far = (values > 5).mean()
        assert 0.25 < far * inputs.OUTLIER_EVERY < 1, (
            f"{name}: about one value in {inputs.OUTLIER_EVERY} is large"
        )
        assert 0.5 < np.median(values) < 0.9, f"{name}: the others are normal (0.67)"


KINKED = [
    pytest.param("max_pool2d", case, id=case.name)
    for _, case in (p.values for p in GRID if p.values[0] == "max_pool2d")
    if case.inputs == "normal" and math.prod(case.sizes.values()) > 1
]


@pytest.mark.parametrize(("operation", "case"), KINKED)
@every_dtype
def test_pooling_inputs_keep_their_distance_from_every_kink(operation, case, dtype):
    args, _ = made(operation, case, dtype)
    x = args["x"]
    gaps = np.diff(np.sort(x, axis=None).astype(np.float64))
    # along_a_direction moves every element by at most half of 1/size, the differences one element by STEP.
    assert gaps.min() > 1 / x.size, "no two values meet when both are moved"
    if case.name in perflab.operation(operation).checks:
        assert gaps.min() > oracle.STEP, "no value meets another when it alone is moved"


@cases_of("integers")
@every_dtype
def test_integer_inputs_are_small_whole_numbers_with_room_to_sum(operation, case, dtype):
    args, dout = made(operation, case, dtype)
    largest = 0
    for array in (*floats(operation, args).values(), dout):
        assert np.array_equal(array, np.rint(array))
        assert len(np.unique(array)) > 2
        largest = max(largest, np.abs(array).max())
    terms = max(array.size for array in (*floats(operation, args).values(), dout))
    assert (terms + 1) * largest**2 < 1 / np.finfo(dtype).eps, "every sum of products is exact"


def windows_of(operation, args):
    rows, cols = args["stride"]
    windows = np.lib.stride_tricks.sliding_window_view(args["x"], args["size"], axis=(2, 3))
    windows = windows[:, :, ::rows, ::cols]
    return windows.reshape(-1, int(np.prod(args["size"])))


@cases_of("ties")
@every_dtype
def test_most_windows_of_ties_hold_several_maxima(operation, case, dtype):
    windows = windows_of(operation, made(operation, case, dtype)[0])
    several = (windows == windows.max(axis=1, keepdims=True)).sum(axis=1) > 1
    assert several.mean() > 0.5


@cases_of("nan")
@every_dtype
def test_nan_inputs_hold_windows_with_none_one_and_several(operation, case, dtype):
    windows = windows_of(operation, made(operation, case, dtype)[0])
    count = np.isnan(windows).sum(axis=1)
    assert (count == 0).any()
    assert (count == 1).any()
    assert (count > 1).any()


@pytest.mark.parametrize("operation", ["softmax_loss", "mlp"])
@every_dtype
def test_extreme_logits_straddle_the_overflow_of_exp(operation, dtype):
    (case,) = [c for c in perflab.operation(operation).checks.values() if c.inputs == "extreme"]
    args, _ = made(operation, case, dtype)
    logits = args["x"] @ args["W2"].T if operation == "mlp" else args["X"] @ args["W"]
    overflow = np.log(np.finfo(dtype).max)
    assert logits.max() > overflow, "exp of it is infinite"
    assert logits.min() < -overflow, "exp of it is zero"
    assert (np.abs(logits) < overflow).any(), "and of others it is neither"
    assert (logits.max(axis=1) > overflow).any(), "a row without a shift gives inf/inf"
    assert np.isfinite(logits).all()


@every_dtype
def test_extreme_sequences_drive_tanh_to_both_ends_and_leave_some_between(dtype):
    described = perflab.operation("rnn")
    args, _ = made("rnn", described.checks["extreme"], dtype)
    h = described.definition(*args.values())
    assert {-1.0, 1.0} <= set(h.ravel().tolist()), "as far as it goes, where the slope is zero"
    assert (np.abs(h) < 0.9).any()
    assert (np.abs(args["x"] @ args["Wx"]) > np.log(np.finfo(dtype).max)).any(), "exp of it is infinite"


@cases_of("normal")
def test_targets_lie_between_nought_and_one(operation, case):
    args, _ = made(operation, case, "float64")
    for name, argument in perflab.operation(operation).arguments.items():
        if argument.target and args[name].size > 100:
            assert 0 <= args[name].min() < 0.1
            assert 0.9 < args[name].max() <= 1


def test_each_kind_is_used_by_some_check():
    kinds = {case.inputs for op in perflab.operations() for case in perflab.operation(op).checks.values()}
    assert kinds == {"normal", "integers", "ties", "nan", "extreme"}


def test_the_checks_hold_odd_sizes_length_one_axes_and_strides_that_differ():
    for op in perflab.operations():
        checks = perflab.operation(op).checks.values()
        assert any(1 in case.sizes.values() for case in checks), f"{op}: no axis of length one"
        assert any(size % 2 and size > 1 for case in checks for size in case.sizes.values())
    for op, window in (("conv2d", ("HH", "WW")), ("max_pool2d", "size")):
        checks = [(case, made(op, case, "float32")[0]) for case in perflab.operation(op).checks.values()]
        sides = [
            (tuple(case.sizes[a] for a in window) if op == "conv2d" else args["size"], args["stride"])
            for case, args in checks
        ]
        assert any(size != stride for size, stride in sides), f"{op}: every stride is its window"
        assert any(stride[0] != stride[1] for _, stride in sides), f"{op}: every stride is square"
        assert any(size[0] != size[1] for size, _ in sides), f"{op}: every window is square"
        assert any(s < w for size, stride in sides for s, w in zip(stride, size, strict=True)), (
            "none overlaps"
        )
        assert any(s > w for size, stride in sides for s, w in zip(stride, size, strict=True)), (
            "none has gaps"
        )
