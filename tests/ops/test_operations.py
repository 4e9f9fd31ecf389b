"""The operations: every technique gives the same answer, and what differences cannot settle is settled."""

import importlib
import itertools
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from conftest import quick
from hypothesis import given, settings
from hypothesis import strategies as st

import perflab
from perflab import catalog, oracle
from perflab.catalog import inputs
from perflab.catalog.kernels import may_compile
from perflab.contract import DTYPES, Case

GRID = [(name, technique) for name in perflab.operations() for technique in perflab.techniques(name)]
MEANS = ("softmax_loss", "mlp")  # over no samples there is none: an empty batch is refused
EXACT = tuple(name for name in perflab.operations() if perflab.operation(name).exact_on_integers)

every_implementation = pytest.mark.parametrize(("operation", "technique"), GRID)


def every_technique(operation):
    """Parametrises a test of one operation with the whole of its ladder."""
    return pytest.mark.parametrize("technique", perflab.techniques(operation))


every_dtype = pytest.mark.parametrize("dtype", DTYPES)
FEW = 3
COMPILED_PER_SIZE = {"max_pool2d": 5}  # the most examples where every size of a window is compiled anew
few_or_many = pytest.mark.parametrize(
    ("dtype", "examples"),
    [("float32", FEW), *(pytest.param(dtype, 25, marks=pytest.mark.slow) for dtype in DTYPES)],
)


# ---------------------------------------------------------------------------- strategies, named by axes

batch = st.integers(0, 3)
samples = st.integers(1, 5)  # a mean needs one
features = st.integers(1, 6)
neurons = st.integers(1, 5)
channels = st.integers(1, 3)
filters = st.integers(1, 3)
pixels = st.integers(1, 7)
strides = st.tuples(st.integers(1, 3), st.integers(1, 3))
pads = st.tuples(st.integers(0, 2), st.integers(0, 2))
steps = st.integers(1, 6)
seeds = st.integers(0, 2**31 - 1)


@st.composite
def softmax_losses(draw):
    return {"N": draw(samples), "D": draw(features), "C": draw(neurons)}, {
        "reg": draw(st.floats(0, 4, width=32))
    }


@st.composite
def fully_connecteds(draw):
    return {"N": draw(batch), "D": draw(features), "M": draw(neurons)}, {}


@st.composite
def conv2ds(draw):
    H, W, pad = draw(pixels), draw(pixels), draw(pads)
    HH = draw(st.integers(1, min(4, H + 2 * pad[0])))
    WW = draw(st.integers(1, min(4, W + 2 * pad[1])))
    sizes = {"N": draw(batch), "C": draw(channels), "H": H, "W": W, "F": draw(filters), "HH": HH, "WW": WW}
    return sizes, {"stride": draw(strides), "pad": pad}


@st.composite
def max_pool2ds(draw):
    H, W = draw(pixels), draw(pixels)
    size = draw(st.integers(1, min(4, H))), draw(st.integers(1, min(4, W)))
    return {"N": draw(batch), "C": draw(channels), "H": H, "W": W}, {"size": size, "stride": draw(strides)}


@st.composite
def rnns(draw):
    return {"N": draw(batch), "T": draw(steps), "D": draw(features), "H": draw(neurons)}, {}


@st.composite
def mlps(draw):
    return {"N": draw(samples), "n": draw(features), "h": draw(neurons), "k": draw(neurons)}, {}


PROBLEMS = {
    "softmax_loss": softmax_losses(),
    "fully_connected": fully_connecteds(),
    "conv2d": conv2ds(),
    "max_pool2d": max_pool2ds(),
    "rnn": rnns(),
    "mlp": mlps(),
}


@dataclass
class Problem:
    """The arrays of a case, what is right for them, and what the techniques say."""

    operation: str
    case: Case
    dtype: str

    def __post_init__(self):
        self.described = perflab.operation(self.operation)
        self.args = tuple(inputs.make(self.described, self.case, self.dtype).values())
        self.dout = inputs.upstream(self.described, self.case, self.dtype)
        self.right = oracle.reference(self.described, self.args, self.dout, self.dtype)

    def answer(self, technique):
        raw = catalog.raw(self.operation, technique)
        out, cache = raw.forward(*self.args)
        return (out, *raw.backward(self.dout, cache))


# ------------------------------------------------------------------------------ every technique agrees


def for_drawn_problems(operation, dtype, examples, kind, check):
    """Call check(problem, technique, answer) for every technique on problems of this kind of inputs.

    With few examples, those of the quick tests, for the techniques that these compile.
    """
    techniques = perflab.techniques(operation)
    if examples == FEW:
        techniques = [technique for technique in techniques if quick(operation, technique, dtype)]

    @settings(max_examples=min(examples, COMPILED_PER_SIZE.get(operation, examples)))
    @given(axes=PROBLEMS[operation], seed=seeds)
    def holds(axes, seed):
        problem = Problem(operation, Case("drawn", *axes, inputs=kind, seed=seed), dtype)
        for technique in techniques:
            check(problem, technique, problem.answer(technique))

    holds()


def assert_within_the_rounding_bound(problem, technique, got):
    assert oracle.form(problem.right, got) == ""
    raw = catalog.raw(problem.operation, technique)
    for worst in oracle.judge(oracle.held_to(problem.right, raw, problem.args, problem.dout), got):
        assert worst.share <= 1, (
            f"{problem.operation}/{technique} on {problem.case}: {worst.where} is {worst.got},"
            f" wanted {worst.wanted}: {worst.share:.2f} of the bound"
        )


def assert_the_definitions_bits(problem, technique, got):
    if not catalog.raw(problem.operation, technique).exact_on_integers:
        return assert_within_the_rounding_bound(problem, technique, got)
    assert oracle.form(problem.right, got) == ""
    for name, result, right in zip(problem.right.names, got, problem.right.values, strict=True):
        assert np.array_equal(result, right), f"{problem.operation}/{technique}: {name} on {problem.case}"


@pytest.mark.parametrize("operation", EXACT)
@few_or_many
def test_on_integers_every_technique_gives_the_definitions_bits(operation, dtype, examples):
    for_drawn_problems(operation, dtype, examples, "integers", assert_the_definitions_bits)


@pytest.mark.parametrize("operation", perflab.operations())
@few_or_many
def test_on_real_numbers_every_technique_is_inside_the_rounding_bound(operation, dtype, examples):
    for_drawn_problems(operation, dtype, examples, "normal", assert_within_the_rounding_bound)


AWKWARD = [
    ("softmax_loss", "extreme"),
    ("max_pool2d", "ties"),
    ("max_pool2d", "nan"),
    ("mlp", "extreme"),
    ("rnn", "extreme"),
    ("rnn", "integers"),
]


@pytest.mark.parametrize(("operation", "kind"), AWKWARD)
@few_or_many
def test_on_awkward_numbers_every_technique_is_inside_the_rounding_bound(operation, kind, dtype, examples):
    for_drawn_problems(operation, dtype, examples, kind, assert_within_the_rounding_bound)


# ----------------------------------------------------------------------- what every implementation keeps

SHAPES = {
    "softmax_loss": ({"N": 4, "D": 3, "C": 5}, {"reg": 0.5}),
    "fully_connected": ({"N": 4, "D": 3, "M": 5}, {}),
    "conv2d": ({"N": 2, "C": 2, "H": 5, "W": 6, "F": 3, "HH": 3, "WW": 2}, {"stride": (2, 1), "pad": (1, 0)}),
    "max_pool2d": ({"N": 2, "C": 2, "H": 5, "W": 6}, {"size": (3, 2), "stride": (2, 1)}),
    "rnn": ({"N": 4, "T": 2, "D": 3, "H": 5}, {}),
    "mlp": ({"N": 4, "n": 3, "h": 5, "k": 2}, {}),
}

every_operation = pytest.mark.parametrize("operation", perflab.operations())


def bits(arrays):
    return [np.array(array).tobytes() for array in arrays]


@every_implementation
@every_dtype
def test_one_cache_serves_many_backwards(operation, technique, dtype):
    problem, raw = (
        Problem(operation, Case("kept", *SHAPES[operation]), dtype),
        catalog.raw(operation, technique),
    )
    _, cache = raw.forward(*problem.args)
    first = bits(raw.backward(problem.dout, cache))
    raw.backward(-2 * problem.dout, cache)
    assert bits(raw.backward(problem.dout, cache)) == first


@every_implementation
def test_a_cache_is_not_disturbed_by_another_forward(operation, technique):
    raw = catalog.raw(operation, technique)
    dtype = "float64" if quick(operation, technique, "float64") else "float32"
    first, second = (
        Problem(operation, Case("kept", *SHAPES[operation], seed=seed), dtype) for seed in (0, 1)
    )
    _, cache = raw.forward(*first.args)
    raw.forward(*second.args)
    assert_within_the_rounding_bound(
        first, technique, (first.right.values[0].astype(dtype), *raw.backward(first.dout, cache))
    )


@every_implementation
@every_dtype
def test_outputs_and_gradients_are_fresh(operation, technique, dtype):
    problem, raw = (
        Problem(operation, Case("kept", *SHAPES[operation]), dtype),
        catalog.raw(operation, technique),
    )
    out, cache = raw.forward(*problem.args)
    again, _ = raw.forward(*problem.args)
    results = [out, again, *raw.backward(problem.dout, cache), *raw.backward(problem.dout, cache)]
    given = [a for a in (*problem.args, problem.dout) if isinstance(a, np.ndarray)]
    for i, result in enumerate(results):
        for other in (*results[i + 1 :], *given):
            assert not np.may_share_memory(result, other)


@pytest.mark.parametrize(("operation", "technique"), [pair for pair in GRID if pair[0] not in MEANS])
@every_dtype
def test_an_empty_batch_gives_empty_outputs_and_zero_gradients_of_the_weights(operation, technique, dtype):
    sizes, parameters = SHAPES[operation]
    problem = Problem(operation, Case("empty", sizes | {"N": 0}, parameters), dtype)
    out, *grads = problem.answer(technique)
    assert oracle.form(problem.right, (out, *grads)) == ""
    assert out.shape == problem.dout.shape
    assert out.shape[0] == 0
    assert not any(gradient.any() for gradient in grads)


@every_operation
def test_jit_is_the_naive_loops_compiled(operation):
    jit, naive = (importlib.import_module(f"perflab.ops.{operation}.{name}") for name in ("jit", "naive"))
    assert jit.forward.py_func is naive.forward
    assert jit.backward.py_func is naive.backward


# ------------------------------------------------------- the files themselves, as pasted into a notebook


def module(operation, technique):
    return importlib.import_module(f"perflab.ops.{operation}.{technique}")


def step(pasted, *args, **parameters):
    out, cache = pasted.forward(*args, **parameters)
    return (out, *pasted.backward(out, cache))


FORMS = [
    ("conv2d", {"stride": 2, "pad": 1}, {"stride": (2, 2), "pad": (1, 1)}),
    ("conv2d", {"stride": 2, "pad": (1, 0)}, {"stride": (2, 2), "pad": (1, 0)}),
    ("conv2d", {"stride": (2, 1), "pad": 1}, {"stride": (2, 1), "pad": (1, 1)}),
    ("conv2d", {}, {"stride": (1, 1), "pad": (0, 0)}),
    ("max_pool2d", {"size": 3, "stride": 2}, {"size": (3, 3), "stride": (2, 2)}),
    ("max_pool2d", {"size": 3, "stride": (2, 1)}, {"size": (3, 3), "stride": (2, 1)}),
    ("max_pool2d", {"size": (2, 3), "stride": 2}, {"size": (2, 3), "stride": (2, 2)}),
    ("max_pool2d", {}, {"size": (2, 2), "stride": (2, 2)}),
]


def shown(case):
    return ",".join(f"{name}={value}" for name, value in case.items()) or "default"


@pytest.mark.parametrize(
    ("operation", "form", "pairs", "technique"),
    [
        pytest.param(
            *form,
            technique,
            id=f"{form[0]}-{shown(form[1])}-{technique}",
            marks=pytest.mark.slow if may_compile(form[0], technique) else (),
        )
        for form in FORMS
        for technique in perflab.techniques(form[0])
    ],
)
def test_a_file_pasted_into_a_notebook_takes_ints_and_pairs_alike(operation, form, pairs, technique):
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(shape, np.float32) for shape in ((2, 3, 7, 6), (4, 3, 3, 2), (4,)))
    pasted, args = module(operation, technique), (x, w, b) if operation == "conv2d" else (x,)
    got, wanted = step(pasted, *args, **form), step(pasted, *args, **pairs)
    for name, result, other in zip(("out", *perflab.operation(operation).wrt), got, wanted, strict=True):
        assert np.array_equal(result, other), f"{operation}/{technique} with {shown(form)}: {name}"


# --------------------------------------------------------------------------------- what pooling settles


def pooled(technique, rows, size, stride, dtype="float32", dout=None):
    """Pool one image; out, and dx for an upstream gradient of 1, 2, 3, … in row-major order."""
    raw = catalog.raw("max_pool2d", technique)
    x = np.array(rows, dtype)[np.newaxis, np.newaxis]
    out, cache = raw.forward(x, size, stride)
    counted = np.arange(1, out.size + 1, dtype=dtype).reshape(out.shape)
    (dx,) = raw.backward(counted, cache)
    return out[0, 0], dx[0, 0]


nan, inf = float("nan"), float("inf")

WINDOWS = {
    "all tied": ([[5, 5], [5, 5]], 5, (0, 0)),
    "tied in a row": ([[1, 5], [0, 5]], 5, (0, 1)),
    "tied in a column": ([[1, 2], [5, 5]], 5, (1, 0)),
    "tied on the diagonal": ([[1, 5], [5, 1]], 5, (0, 1)),
    "the two zeros are equal": ([[-0.0, 0.0], [0.0, -0.0]], 0, (0, 0)),
    "negative": ([[-4, -3], [-2, -9]], -2, (1, 0)),
    "NaN first": ([[nan, 9], [9, 9]], nan, (0, 0)),
    "NaN last": ([[9, 9], [9, nan]], nan, (1, 1)),
    "two NaNs": ([[9, nan], [nan, 9]], nan, (0, 1)),
    "all NaN": ([[nan, nan], [nan, nan]], nan, (0, 0)),
    "NaN and infinity": ([[inf, inf], [nan, inf]], nan, (1, 0)),
    "infinity": ([[1, inf], [inf, 1]], inf, (0, 1)),
    "all −infinity": ([[-inf, -inf], [-inf, -inf]], -inf, (0, 0)),
    "one above −infinity": ([[-inf, -inf], [-inf, -1e30]], -1e30, (1, 1)),
}


@every_technique("max_pool2d")
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, 1)])
@pytest.mark.parametrize("width", [41, 15, 6])
def test_a_nan_anywhere_in_a_row_is_met_by_its_windows_alone(width, size, stride, technique):
    for row, column in itertools.product(
        (1, 3, 5), {0, 2, 16, 31, 32, 40, width - 1}.intersection(range(width))
    ):
        rows = np.arange(7 * width, dtype=np.float32).reshape(7, width) % 11
        rows[row, column] = nan
        out, dx = pooled(technique, rows, size, stride)
        windows = np.lib.stride_tricks.sliding_window_view(rows, (size, size))[::stride, ::stride]
        assert np.array_equal(out, windows.max(axis=(2, 3)), equal_nan=True)
        wanted = np.zeros_like(rows)
        for number, (i, j) in enumerate(np.ndindex(out.shape), 1):  # NumPy's argmax takes the first NaN, too
            u, v = np.unravel_index(windows[i, j].argmax(), (size, size))
            wanted[i * stride + u, j * stride + v] += number
        assert np.array_equal(dx, wanted)


@every_technique("max_pool2d")
@pytest.mark.parametrize("width", [1, 3, 20])
def test_a_nan_in_any_row_of_a_window_as_wide_as_the_image_is_met(width, technique):
    for row in range(5):
        rows = np.ones((5, width), np.float32)
        rows[row, width - 1] = nan
        out, _ = pooled(technique, rows, (2, width), (1, 1))
        assert np.isnan(out[:, 0]).tolist() == [at <= row <= at + 1 for at in range(4)]


@every_technique("max_pool2d")
@every_dtype
@pytest.mark.parametrize("window", WINDOWS)
def test_one_element_of_a_window_takes_the_whole_gradient(window, dtype, technique):
    rows, largest, at = WINDOWS[window]
    out, dx = pooled(technique, rows, (2, 2), (2, 2), dtype)
    assert np.array_equal(out, np.array([[largest]], dtype), equal_nan=True)
    wanted = np.zeros((2, 2), dtype)
    wanted[at] = 1
    assert np.array_equal(dx, wanted), "the first maximum, or the first NaN, in row-major order"


@every_technique("max_pool2d")
@every_dtype
@pytest.mark.parametrize("size", [(1, 2), (2, 2), (3, 3), (2, 20)], ids=str)
def test_the_output_is_the_first_maximum_itself_with_the_sign_of_its_zero(size, dtype, technique):
    rng = np.random.default_rng(0)
    rows = rng.choice([-0.0, 0.0, -1.0], (8 * size[0], 4 * size[1]))
    out, _ = pooled(technique, rows, size, size, dtype)
    windows = rows.reshape(8, size[0], 4, size[1]).swapaxes(1, 2).reshape(8, 4, -1)
    firsts = np.take_along_axis(windows, windows.argmax(axis=2)[..., np.newaxis], axis=2)[..., 0]
    assert np.array_equal(out, firsts)
    assert np.array_equal(np.signbit(out), np.signbit(firsts))


@every_technique("max_pool2d")
def test_an_element_that_wins_several_windows_takes_the_sum_of_their_gradients(technique):
    out, dx = pooled(technique, [[0, 0, 0], [0, 7, 0], [0, 0, 0]], (2, 2), (1, 1))
    assert (out == 7).all()
    assert dx.tolist() == [[0, 0, 0], [0, 1 + 2 + 3 + 4, 0], [0, 0, 0]]


@every_technique("max_pool2d")
def test_rows_and_columns_that_no_window_covers_get_zero_gradient(technique):
    rows = np.arange(30.0).reshape(5, 6)  # the largest stand last, where no window reaches
    out, dx = pooled(technique, rows, (2, 2), (3, 3))
    assert out.tolist() == [[rows[1, 1], rows[1, 4]], [rows[4, 1], rows[4, 4]]]
    covered = {(1, 1): 1, (1, 4): 2, (4, 1): 3, (4, 4): 4}
    assert {tuple(map(int, at)): dx[tuple(at)] for at in np.argwhere(dx)} == covered


@every_technique("conv2d")
def test_trailing_rows_of_a_convolution_get_zero_gradient(technique):
    raw, rng = catalog.raw("conv2d", technique), np.random.default_rng(0)
    x, w, b = (rng.standard_normal(shape, np.float32) for shape in ((2, 2, 8, 9), (3, 2, 3, 2), (3,)))
    out, cache = raw.forward(x, w, b, (3, 4), (0, 0))
    dx, _, _ = raw.backward(np.ones_like(out), cache)
    touched = dx.any(axis=(0, 1))
    rows, cols = touched.any(axis=1), touched.any(axis=0)
    assert rows.tolist() == [True] * 6 + [False] * 2
    assert cols.tolist() == [True, True, False, False, True, True, False, False, False]


# --------------------------------------------------------------------------------- what softmax settles


def loss_and_gradients(technique, X, W, y, reg=0.0, dout=1.0):
    """The loss, dX and dW, with every warning an error; and the reference for the same inputs."""
    raw, kind = catalog.raw("softmax_loss", technique), X.dtype.type
    args = (X, W, np.asarray(y), kind(reg))
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        out, cache = raw.forward(*args)
        grads = raw.backward(kind(dout), cache)
    right = oracle.reference(perflab.operation("softmax_loss"), args, kind(dout), X.dtype.name)
    return (out, *grads), right


def assert_inside(got, wanted, bound, what):
    off = abs(np.longdouble(got) - wanted)
    assert off <= bound, f"{what}: {got}, wanted {wanted}: {float(off / bound):.2f} of the bound"


@every_technique("softmax_loss")
@every_dtype
@pytest.mark.parametrize(("label", "loss"), [(0, 0.0), (1, 2e4), (2, 1e4)])
def test_logits_of_ten_thousand_give_a_finite_loss_and_no_warning(label, loss, dtype, technique):
    X, W = np.array([[1e4]], dtype), np.array([[1, -1, 0]], dtype)  # logits 1e4, −1e4, 0
    got, right = loss_and_gradients(technique, X, W, [label])
    assert got[0] == loss
    assert all(np.isfinite(gradient).all() for gradient in got[1:])
    assert all(worst.share <= 1 for worst in oracle.judge(right, got))


@every_technique("softmax_loss")
@every_dtype
def test_the_loss_of_two_classes_is_the_sigmoids_of_the_logits_difference(technique, dtype):
    rng = np.random.default_rng(0)
    X, W = rng.standard_normal((7, 4)).astype(dtype), rng.standard_normal((4, 2)).astype(dtype)
    y = rng.integers(0, 2, 7)
    got, right = loss_and_gradients(technique, X, W, y)
    S = X.astype(np.longdouble) @ W.astype(np.longdouble)
    towards = np.where(y == 1, 1, -1) * (S[:, 1] - S[:, 0])
    assert_inside(got[0], np.log1p(np.exp(-towards)).mean(), right.bounds[0], "−log sigmoid")


@every_technique("softmax_loss")
@every_dtype
def test_with_the_identity_as_weights_the_inputs_are_the_scores(technique, dtype):
    rng = np.random.default_rng(1)
    scores, y = (3 * rng.standard_normal((6, 5))).astype(dtype), rng.integers(0, 5, 6)
    (loss, dscores, _), right = loss_and_gradients(technique, scores, np.eye(5, dtype=dtype), y)
    E = np.exp(scores.astype(np.longdouble))
    P = E / E.sum(axis=1, keepdims=True)
    assert_inside(loss, -np.log(P[np.arange(6), y]).mean(), right.bounds[0], "loss of given scores")
    wanted = (P - np.eye(5)[y]) / 6
    assert (np.abs(dscores - wanted) <= right.bounds[1]).all(), "dscores = (softmax − one-hot)/N"
    assert (np.abs(dscores.sum(axis=1)) <= right.bounds[1].sum(axis=1)).all(), "its rows sum to nothing"


@every_technique("softmax_loss")
@every_dtype
@pytest.mark.parametrize("constant", [-50.0, 3.0, 1000.0])
def test_the_loss_does_not_change_when_every_logit_of_a_sample_grows_alike(technique, dtype, constant):
    rng = np.random.default_rng(2)
    X, W = rng.standard_normal((6, 4)).astype(dtype), rng.standard_normal((4, 5)).astype(dtype)
    y = rng.integers(0, 5, 6)
    X1 = np.hstack([X, np.ones((6, 1), dtype)])  # a feature that is always one
    shifted = np.vstack([W, np.full((1, 5), constant, dtype)])  # and weighs the same for every class
    (before, *_), right = loss_and_gradients(technique, X, W, y)
    (after, *_), right_after = loss_and_gradients(technique, X1, shifted, y)
    assert_inside(after, np.longdouble(before), right.bounds[0] + right_after.bounds[0], "the shifted loss")
    exact, exact_after = right.values[0], right_after.values[0]
    assert_inside(exact_after, exact, right.bounds[0] + right_after.bounds[0], "the definition's own")


@every_technique("softmax_loss")
@every_dtype
def test_the_loss_of_equal_scores_is_the_logarithm_of_the_classes(technique, dtype):
    got, right = loss_and_gradients(technique, np.ones((3, 2), dtype), np.ones((2, 10), dtype), [0, 4, 9])
    assert_inside(got[0], np.log(np.longdouble(10)), right.bounds[0], "log C")


@every_technique("softmax_loss")
@every_dtype
def test_regularisation_adds_half_reg_times_the_squared_weights(technique, dtype):
    X, W = np.zeros((2, 3), dtype), np.arange(6, dtype=dtype).reshape(3, 2)  # no input: log 2 and decay
    got, right = loss_and_gradients(technique, X, W, [0, 1], reg=2.0, dout=3.0)
    squares = np.longdouble(0 + 1 + 4 + 9 + 16 + 25)
    assert_inside(got[0], np.log(np.longdouble(2)) + squares, right.bounds[0], "log 2 + ½·2·ΣW²")
    assert np.array_equal(got[2], 3 * 2 * W), "dW = dout·reg·W"


# ------------------------------------------------------------------------ what a recurrent layer settles


@every_technique("rnn")
@every_dtype
def test_one_step_of_one_neuron_is_tanh_to_two_units_in_the_last_place(technique, dtype):
    rng, kind = np.random.default_rng(0), np.dtype(dtype).type
    sizes = np.exp(rng.uniform(-40, 5, 400)) * rng.choice([-1, 1], 400)
    x = np.concatenate([sizes, rng.uniform(-3, 3, 400)]).astype(dtype)[:, np.newaxis, np.newaxis]
    zeros, unit = np.zeros((len(x), 1), dtype), np.ones((1, 1), dtype)
    h, _ = catalog.raw("rnn", technique).forward(x, zeros, unit, 0 * unit, np.zeros(1, dtype))
    wanted = np.tanh(x.astype(np.longdouble))
    assert (np.abs(h - wanted) <= 2 * np.spacing(np.abs(wanted).astype(dtype))).all()
    ends = np.array([np.inf, -np.inf, np.nan, 0, 1e30, -1e30], dtype)[:, np.newaxis, np.newaxis]
    h, _ = catalog.raw("rnn", technique).forward(ends, zeros[:6], unit, 0 * unit, np.zeros(1, dtype))
    assert np.array_equal(h[:, 0, 0], np.array([1, -1, kind(np.nan), 0, 1, -1], dtype), equal_nan=True)


@every_technique("rnn")
@every_dtype
def test_a_state_is_carried_through_all_steps_and_its_gradient_back(technique, dtype):
    """Two steps by hand, as in the derivation: no input moves the state, only gradients move."""
    raw = catalog.raw("rnn", technique)
    unit, zero = np.ones((1, 1), dtype), np.zeros((1, 1), dtype)
    h, cache = raw.forward(np.zeros((1, 2, 1), dtype), zero, unit, 2 * unit, zero[0])
    dx, dh0, dWx, dWh, db = raw.backward(np.array([[[1], [10]]], dtype), cache)
    assert not h.any()
    assert dx.ravel().tolist() == [21, 10]
    assert (dh0, dWx, dWh, db) == (42, 0, 0, 31)
