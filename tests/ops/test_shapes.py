"""Every rung on shapes no kernel was written for: odd sizes and strides, axes of length 1, tile edges."""

import importlib

import numpy as np
import pytest

import perflab
from perflab import catalog, oracle
from perflab.catalog import inputs
from perflab.contract import DTYPES, Case
from perflab.ops import _spread

CONV = [  # (N, C, H, W), (F, HH, WW), stride, pad
    ((1, 1, 1, 1), (1, 1, 1), 1, 0),
    ((1, 1, 5, 70), (1, 3, 3), 1, 1),
    ((2, 3, 9, 37), (13, 3, 3), 1, 1),
    ((1, 5, 17, 33), (7, 3, 3), 1, (1, 0)),
    ((3, 4, 8, 8), (17, 3, 3), 1, 1),
    ((1, 17, 6, 7), (5, 3, 3), 1, 2),
    ((2, 3, 19, 23), (6, 7, 7), 2, 3),
    ((2, 8, 13, 67), (9, 3, 3), 2, 1),
    ((2, 33, 7, 5), (18, 1, 1), 1, 0),
    ((2, 20, 9, 12), (18, 5, 5), 1, 2),
    ((1, 3, 7, 5), (5, 5, 5), 1, (5, 0)),
    ((1, 20, 12, 11), (3, 1, 1), (2, 3), 0),
    ((2, 2, 11, 35), (4, 2, 5), (3, 2), (0, 4)),
    ((1, 3, 40, 4), (25, 5, 2), (1, 4), (2, 0)),
    ((2, 16, 20, 18), (33, 3, 3), 1, 1),
    ((1, 2, 3, 129), (8, 3, 3), (2, 1), 1),
    ((1, 34, 14, 14), (65, 3, 3), 1, 1),
    ((1, 3, 4, 4), (2, 2, 2), (5, 7), (3, 2)),
    ((1, 2, 40, 150), (9, 5, 11), 4, 2),
]
POOL = [  # (N, C, H, W), size, stride
    ((1, 1, 2, 2), 2, 2),
    ((2, 3, 33, 35), 2, 2),
    ((1, 2, 57, 57), 3, 2),
    ((2, 1, 9, 131), (2, 3), (2, 1)),
    ((1, 5, 34, 66), (3, 2), (1, 3)),
    ((1, 1, 40, 3), (7, 3), (5, 1)),
    ((3, 2, 17, 18), 1, 2),
    ((1, 2, 20, 300), (17, 18), (2, 2)),
    ((2, 2, 65, 64), 2, (3, 2)),
    ((1, 3, 7, 15), 3, 2),
    ((3, 1, 5, 8), 2, 2),
    ((3, 2, 7, 9), (1, 2), (3, 2)),
]
SOFTMAX = [(1, 1, 1), (3, 5, 17), (17, 33, 10), (65, 31, 129), (40, 300, 67), (2, 3, 1031), (130, 17, 16)]
FULLY = [
    (1, 1, 1),
    (1, 257, 129),
    (2, 33, 515),
    (3, 70, 1),
    (7, 1, 65),
    (13, 17, 19),
    (31, 300, 33),
    (65, 130, 67),
    (150, 521, 95),
    (8, 64, 256),
    (64, 400, 64),
    (29, 800, 97),
    (150, 33, 800),
]

RNN = [  # N, T, D, H
    (1, 1, 1, 1),
    (1, 9, 5, 33),
    (2, 3, 17, 65),
    (3, 2, 70, 31),
    (5, 4, 3, 129),
    (7, 6, 33, 16),
    (8, 2, 9, 64),
    (9, 5, 1, 47),
    (17, 3, 40, 66),
    (19, 1, 130, 8),
    (33, 2, 21, 97),
]
MLP = [  # N, n, h, k
    (1, 1, 1, 1),
    (1, 33, 70, 5),
    (3, 1, 17, 1),
    (5, 300, 3, 129),
    (17, 19, 33, 2),
    (40, 64, 130, 10),
    (70, 31, 1, 65),
    (130, 67, 100, 33),
    (300, 130, 64, 47),
    (67, 600, 29, 16),
    (9, 16, 520, 530),
]


def cases():
    for image, kernel, stride, pad in CONV:
        sizes = dict(zip(("N", "C", "H", "W", "F", "HH", "WW"), image + kernel, strict=True))
        yield "conv2d", Case("shape", sizes, {"stride": stride, "pad": pad}, seed=3)
    for image, size, stride in POOL:
        sizes = dict(zip("NCHW", image, strict=True))
        for kind in ("normal", "ties"):
            yield "max_pool2d", Case("shape", sizes, {"size": size, "stride": stride}, kind, seed=3)
    for shape in SOFTMAX:
        yield "softmax_loss", Case("shape", dict(zip("NDC", shape, strict=True)), {"reg": 0.1}, seed=3)
    for shape in FULLY:
        yield "fully_connected", Case("shape", dict(zip("NDM", shape, strict=True)), seed=3)
    for shape in RNN:
        for kind in ("normal", "extreme"):
            yield "rnn", Case("shape", dict(zip("NTDH", shape, strict=True)), inputs=kind, seed=3)
    for shape in MLP:
        yield "mlp", Case("shape", dict(zip("Nnhk", shape, strict=True)), seed=3)


CASES = list(cases())
QUICK = [at for at in range(1, len(CASES), 8) if CASES[at][0] == "softmax_loss"]
BY_HAND = ("naive", "per_neuron")
# A window of max-pool is compiled for its size: in float64 every third is enough.
WINDOWS = [at for at in range(len(CASES)) if CASES[at][0] == "max_pool2d"]
LEFT_OUT = {at for at in WINDOWS if (at - WINDOWS[0]) // 2 % 3}
SHAPES = [
    pytest.param(
        at,
        dtype,
        id=f"{name}-{at}-{dtype}",
        marks=() if at in QUICK and dtype == "float32" else pytest.mark.slow,
    )
    for at, (name, _) in enumerate(CASES)
    for dtype in DTYPES
    if dtype == "float32" or at not in LEFT_OUT
]


@pytest.mark.parametrize(("at", "dtype"), SHAPES)
def test_every_rung_is_right_on_every_shape(at, dtype):
    name, case = CASES[at]
    techniques = [technique for technique in perflab.techniques(name) if technique not in BY_HAND]
    assert_right(name, case, dtype, techniques)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_winograds_workers_may_share_the_sums_of_dw(dtype, monkeypatch):
    from perflab.ops.conv2d import _winograd_dw

    monkeypatch.setattr(_winograd_dw, "LARGE", 0)
    sizes = dict(zip(("N", "C", "H", "W", "F", "HH", "WW"), (2, 18, 9, 11, 70, 3, 3), strict=True))
    case = Case("shape", sizes, {"stride": 1, "pad": 1}, seed=3)
    assert_right("conv2d", case, dtype, ("winograd2", "winograd4"))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", MLP)
def test_the_perceptrons_cores_may_take_any_number_of_rows(shape, dtype, monkeypatch):
    cores = importlib.import_module("perflab.ops.mlp.cores")
    monkeypatch.setattr(cores, "FEW", 1)
    monkeypatch.setattr(cores._few, "FEW", 0)
    monkeypatch.setattr(_spread, "SMALL", 0)
    assert_right("mlp", Case("shape", dict(zip("Nnhk", shape, strict=True)), seed=3), dtype, ("cores",))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_errors_of_a_block_of_several_tiles_are_kept_apart(dtype):
    case = Case("shape", {"N": 61, "n": 7, "h": 13, "k": 5}, seed=3)
    assert_right("mlp", case, dtype, ("cores",))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("stride", "room"), [(1, 2000), (2, 3400)])
def test_images_that_share_a_band_may_be_cut_into_parts_of_different_height(stride, room, dtype, monkeypatch):
    from perflab.ops.conv2d import _bands, _plans

    size = np.dtype(dtype).itemsize
    monkeypatch.setattr(_bands, "BUDGET", room * size)  # less than the numbers of an image
    x, ways = (4, 40, 7 * stride, 9), ((stride, stride), (1, 1))
    cut = _bands.bands(x, (3, 3), *ways, (7, -(-9 // stride)), 0, size, 1, _plans.block(size))
    assert cut.images > 1
    assert cut.OH % cut.cuts > 0
    for plan in (_plans.output_plan, _plans.inputs_plan, _plans.filters_plan):
        plan.cache_clear()
    sizes = dict(zip(("N", "C", "H", "W", "F", "HH", "WW"), (*x, 21, 3, 3), strict=True))
    case = Case("shape", sizes, {"stride": stride, "pad": 1}, seed=3)
    assert_right("conv2d", case, dtype, ("simd", "implicit"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 3, 3, 5, 2), (6, 3, 1, 3, 9), (3, 2, 5, 7, 20), (1, 9, 4, 4, 3)])
def test_images_may_end_within_a_vector(shape, dtype):
    """Unpadded images are read where they are: nothing after the last one."""
    for taps in ((1, 1), (1, 3)):
        sizes = dict(zip(("N", "C", "H", "W", "F", "HH", "WW"), (*shape, *taps), strict=True))
        assert_right("conv2d", Case("shape", sizes, {"stride": 1, "pad": 0}, seed=3), dtype, ("simd",))


def test_images_that_are_read_where_they_are_need_no_memory_of_their_size():
    from perflab.ops.conv2d import _bands, _plans

    x, w = (1, 40, 504, 344), (1, 40, 1, 1)
    _, size, _ = _plans.direct_output_plan(x, w, (1, 1), (0, 0), x[2:], 4, 2)
    assert 4 * size < _bands.BUDGET


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("few", [0, 1 << 11])
def test_filters_of_several_tiles_have_their_own_numbers_packed_or_where_they_are(few, dtype, monkeypatch):
    from perflab.ops.conv2d import _columns, _plans

    monkeypatch.setattr(_columns, "FEW", few)
    _plans.output_plan.cache_clear()
    sizes = dict(zip(("N", "C", "H", "W", "F", "HH", "WW"), (1, 40, 7, 9, 21, 3, 3), strict=True))
    case = Case("shape", sizes, {"stride": 1, "pad": 1}, seed=3)
    assert_right("conv2d", case, dtype, ("simd", "implicit"))


@pytest.mark.parametrize("rows", [1, 3, 4])
@pytest.mark.parametrize("work", [0, 1 << 18])
def test_a_few_rows_read_wide_weights_in_chunks_on_one_thread_or_all(rows, work, monkeypatch):
    monkeypatch.setattr(_spread, "SMALL", work)
    for name, axes, shape, parameters in (
        ("fully_connected", "NDM", (rows, 19, 1103), {}),
        ("softmax_loss", "NDC", (rows, 21, 1103), {"reg": 0.1}),
        ("softmax_loss", "NDC", (rows, 84, 10), {"reg": 0.1}),
        ("mlp", "Nnhk", (rows, 19, 1103, 13), {}),
    ):
        case = Case("shape", dict(zip(axes, shape, strict=True)), parameters, seed=3)
        for dtype in DTYPES:
            assert_right(name, case, dtype, ("cores",))


def assert_right(name, case, dtype, techniques):
    described = catalog.operation(name)
    args = tuple(inputs.make(described, case, dtype).values())
    dout = inputs.upstream(described, case, dtype)
    right = oracle.reference(described, args, dout, dtype)
    for technique in techniques:
        implementation = catalog.raw(name, technique)
        out, cache = implementation.forward(*args)
        got = (out, *implementation.backward(dout, cache))
        assert not oracle.form(right, got), technique
        for worst in oracle.judge(oracle.held_to(right, implementation, args, dout), got):
            message = f"{technique}: {worst.where} = {worst.got}, wanted {worst.wanted}"
            assert worst.share <= 1, message
