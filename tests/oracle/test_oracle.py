"""The oracle: it passes what is right, names what is wrong, and does not vouch for what it cannot see."""

import textwrap
from dataclasses import replace

import numpy as np
import pytest

import perflab
from perflab import catalog, oracle
from perflab.catalog import inputs
from perflab.contract import DTYPES, Implementation, PerflabError

GRID = [(op, technique) for op in perflab.operations() for technique in perflab.techniques(op)]
EXACT = {"fully_connected", "conv2d", "max_pool2d"}

every_implementation = pytest.mark.parametrize(("operation", "technique"), GRID)
every_operation = pytest.mark.parametrize("operation", perflab.operations())
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def problem(operation, case, dtype):
    """The arguments, the upstream gradient, and what is right for them."""
    described = perflab.operation(operation)
    named = described.checks.get(case) or described.cases[case]
    args = tuple(inputs.make(described, named, dtype).values())
    dout = inputs.upstream(described, named, dtype)
    flops = described.cost(named.sizes, pairs_of(described, named), 4)["step"].flops
    return described, args, dout, oracle.reference(described, args, dout, dtype, flops)


def pairs_of(described, case):
    made = inputs.make(described, replace(case, inputs="integers"), "float32")
    return {name: made[name] for name, argument in described.arguments.items() if argument.kind == "pair"}


# ----------------------------------------------------------------------------------- what is right passes


@every_implementation
@every_dtype
def test_every_implementation_is_right_on_the_whole_grid(operation, technique, dtype):
    described = perflab.operation(operation)
    verdict = oracle.examine(described, catalog.raw(operation, technique), dtype)
    assert verdict.status == "right", f"{verdict.where}: {[c for c in verdict.checks if not c.ok]}"
    assert 0 < verdict.error < 1, "some rounding happens, and it stays inside its bound"
    claims = operation in EXACT and catalog.raw(operation, technique).exact_on_integers
    assert verdict.exact is (True if claims else None)
    assert verdict.deterministic
    assert {check.case for check in verdict.checks} == set(described.checks), "no case is passed over"
    assert {
        "form",
        "inputs untouched",
        "fresh outputs",
        "rounding bound",
        "no warning",
        "answers anew",
        "central differences",
        *(["an int for a pair"] if operation in ("conv2d", "max_pool2d") else []),
    } == {check.name for check in verdict.checks}


@pytest.mark.parametrize(
    ("operation", "technique"),
    [pytest.param(*one, marks=() if one[1] == "vectorized" else pytest.mark.slow) for one in GRID],
)
def test_the_public_verdict_tells_what_was_found(operation, technique):
    verdict = perflab.verify(operation, technique)
    assert verdict
    assert verdict.ok is True
    assert (verdict.operation, verdict.technique) == (operation, technique)
    assert verdict.status == "right"
    assert 0 < verdict.error < 1
    case, tensor = verdict.where.split(": ")
    assert case in perflab.operation(operation).checks
    assert tensor.split("[")[0] in ("out", *(f"d{name}" for name in perflab.operation(operation).wrt))
    assert verdict.dtype == "float32+float64"
    assert {check.dtype for check in verdict.checks} == set(DTYPES)
    claims = operation in EXACT and catalog.raw(operation, technique).exact_on_integers
    assert verdict.exact is (True if claims else None)


@every_dtype
def test_one_dtype_and_one_case_can_be_asked_for(dtype):
    verdict = perflab.verify("conv2d", "vectorized", dtype=dtype, case="odd")
    assert verdict.ok
    assert verdict.dtype == dtype
    assert {(check.case, check.dtype) for check in verdict.checks} == {("odd", dtype)}


def test_a_loaded_file_is_verified_like_a_built_in_one(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from perflab.ops.conv2d.vectorized import backward, forward\n")
    verdict = perflab.verify("conv2d", perflab.load(file, operation="conv2d"))
    assert verdict.ok
    assert verdict.technique == "mine"


# ---------------------------------------------------------------- the gradient is the definition's gradient


def central_difference(described, args, dout, name, index):
    """One element of a gradient, from two evaluations of the definition in long double."""
    at = list(described.arguments).index(name)
    sides = []
    for sign in (+1, -1):
        moved = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
        moved[at][index] += sign * np.longdouble(oracle.STEP)
        sides.append((dout * described.definition(*moved)).sum())
    return (sides[0] - sides[1]) / (2 * np.longdouble(oracle.STEP))


def widened(args):
    def wide(value):
        floats = isinstance(value, (np.ndarray, np.floating)) and value.dtype.kind == "f"
        return value.astype(np.longdouble) if floats else value

    return [wide(value) for value in args]


DIFFERENTIABLE = [
    (op, name)
    for op in perflab.operations()
    for name, case in perflab.operation(op).checks.items()
    if oracle.differentiable(perflab.operation(op), case) and case.sizes["N"] > 0
]


@pytest.mark.parametrize(("operation", "case"), DIFFERENTIABLE)
def test_the_gradient_agrees_with_central_differences_of_the_definition(operation, case):
    described, args, dout, _ = problem(operation, case, "float64")
    *exact, weights = widened([*args, dout])
    for name, gradient in zip(described.wrt, described.gradient(weights, *exact), strict=True):
        allowed = oracle.DIFFERENCE_TOLERANCE * (1 + np.abs(gradient).max())
        for index in np.ndindex(gradient.shape):
            found = central_difference(described, exact, weights, name, index)
            assert abs(found - gradient[index]) <= allowed, (
                f"d{name}{list(index)}: {gradient[index]}, not {found}"
            )


@every_operation
@every_dtype
def test_the_gradient_agrees_along_a_direction_at_benchmark_sizes(operation, dtype):
    described, args, dout, right = problem(operation, "medium", dtype)
    share, found = oracle.along_a_direction(described, args, dout, right)
    assert share <= 1
    assert found != 0, "a derivative of nothing shows nothing"


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_what_is_allowed_along_a_direction_grows_with_the_gradient(scale):
    described, args, dout, _ = problem("fully_connected", "tiny", "float64")
    args = *args[:2], np.zeros_like(args[2])
    nearly = replace(
        described,
        gradient=lambda dout, *args: tuple(1.001 * g for g in described.gradient(dout, *args)),
    )
    for operation, wrong in ((described, False), (nearly, True)):
        right = oracle.reference(operation, args, scale * dout, "float64")
        share, _ = oracle.along_a_direction(operation, args, scale * dout, right)
        assert (share > 1) is wrong, share


def doubled(gradient, position):
    """The gradient with one of its tensors doubled."""

    def wrong(dout, *args):
        grads = list(gradient(dout, *args))
        grads[position] = 2 * grads[position]
        return tuple(grads)

    return wrong


def rolled(gradient, position):
    """The gradient with one of its tensors moved along its last axis: the right numbers in wrong places."""

    def wrong(dout, *args):
        grads = list(gradient(dout, *args))
        grads[position] = np.roll(grads[position], 1, axis=-1)
        return tuple(grads)

    return wrong


EVERY_GRADIENT = [
    (op, position) for op in perflab.operations() for position in range(len(perflab.operation(op).wrt))
]


@pytest.mark.parametrize("spoil", [doubled, rolled])
@pytest.mark.parametrize(("operation", "position"), EVERY_GRADIENT)
def test_a_wrong_gradient_shows_along_a_direction(operation, position, spoil):
    described, args, dout, _ = problem(operation, "tiny", "float64")
    mistaken = replace(described, gradient=spoil(described.gradient, position))
    right = oracle.reference(mistaken, args, dout, "float64")
    share, _ = oracle.along_a_direction(mistaken, args, dout, right)
    assert share > 1, f"d{described.wrt[position]} was {spoil.__name__} and nobody noticed"


@pytest.mark.parametrize(("operation", "position"), EVERY_GRADIENT)
def test_a_definition_and_a_gradient_that_disagree_are_noticed(operation, position):
    """An implementation that follows the wrong gradient is caught by the differences, which do not."""
    described = perflab.operation(operation)
    wrong = doubled(described.gradient, position)
    mistaken = replace(described, name=f"{operation}_mistaken_{position}", gradient=wrong)

    def forward(*args):
        return np.asarray(described.definition(*args))[()], args

    def backward(dout, cache):
        return tuple(np.array(g) for g in wrong(dout, *cache))

    follower = Implementation(mistaken.name, "follower", forward, backward)
    verdict = oracle.examine(mistaken, follower, "float64", ["odd"])
    assert verdict.status == "wrong"
    assert f"central differences: d{described.wrt[position]}" in verdict.where
    assert all(check.ok for check in verdict.checks if check.name == "rounding bound")


# ------------------------------------------------------------------------------------ the bounds are sharp

EVERY_TENSOR = [(op, t) for op in perflab.operations() for t in range(1 + len(perflab.operation(op).wrt))]
ROUGH = dict.fromkeys(perflab.operations(), "odd") | {"max_pool2d": "overlapping"}  # where sums round
UNDERFLOW = 2048 * np.finfo(float).smallest_normal  # the bound of what does not round lies below
ROUNDED = [tensor for tensor in EVERY_TENSOR if tensor != ("max_pool2d", 0)]  # a maximum rounds nothing


def spoiled(right, tensor, value):
    """What is right, but for the element of one tensor that may be furthest off; and where that is."""
    got = [np.array(v) for v in right.values]
    index = tuple(map(int, np.unravel_index(right.bounds[tensor].argmax(), got[tensor].shape)))
    got[tensor][index] = value(got[tensor][index], right.bounds[tensor][index])
    return got, index


def worst_of(right, got, tensor):
    worst = oracle.judge(right, got)
    assert all(w.share == 0 for i, w in enumerate(worst) if i != tensor), "the others were left alone"
    return worst[tensor]


@pytest.mark.parametrize(("operation", "tensor"), ROUNDED)
@every_dtype
@pytest.mark.parametrize("sign", [-1, 1])
def test_twice_the_bound_is_caught_at_its_index_and_half_of_it_is_not(operation, tensor, dtype, sign):
    _, _, _, right = problem(operation, ROUGH[operation], dtype)
    got, index = spoiled(right, tensor, lambda value, bound: value + sign * 2 * bound)
    worst = worst_of(right, got, tensor)
    assert worst.share > 1
    assert (worst.tensor, worst.index) == (right.names[tensor], index)
    got, _ = spoiled(right, tensor, lambda value, bound: value + sign * bound / 2)
    assert worst_of(right, got, tensor).share < 1


@every_dtype
@pytest.mark.parametrize("towards", [np.float32(-np.inf), np.float32(np.inf)])
def test_a_maximum_is_held_to_the_last_bit(dtype, towards):
    _, _, _, right = problem("max_pool2d", "odd", dtype)
    got, index = spoiled(right, 0, lambda value, _: np.nextafter(value.astype(dtype), towards))
    worst = worst_of(right, got, 0)
    assert worst.share > 1
    assert (worst.tensor, worst.index) == ("out", index)


@every_dtype
def test_the_bound_of_a_product_is_highams(dtype):
    """|got − exact| <= γ_k·(|x|·|w| + |b|) with γ_k = k·u/(1 − k·u) and k = D + 1 roundings."""
    _, (x, w, b), _, right = problem("fully_connected", "odd", dtype)
    k, u = x.shape[1] + 1, float(np.finfo(dtype).eps) / 2
    x, w, b = (np.abs(a.astype(float)) for a in (x, w, b))
    wanted = k * u / (1 - k * u) * (x @ w + b)
    assert np.allclose(right.bounds[0], wanted, rtol=len(wanted) * np.finfo(float).eps, atol=0)


@every_operation
def test_the_reference_is_more_precise_or_the_bound_is_doubled(operation):
    described, args, dout, extended = problem(operation, ROUGH[operation], "float64")
    plain = oracle.reference(described, args, dout, "float64", flops=2 * oracle.EXTENDED_FLOPS)
    assert extended.precision == np.dtype(np.longdouble).name
    assert plain.precision == "float64"
    if np.finfo(np.longdouble).eps < np.finfo(float).eps:
        for single, double in zip(extended.bounds, plain.bounds, strict=True):
            rounds = single > UNDERFLOW
            wanted = np.where(rounds, 2, 1) * single  # and what is of second order
            assert np.allclose(double, wanted, rtol=1e-12, atol=0), "two computations, two errors"
            assert (double >= wanted).all()
    assert problem(operation, "odd", "float32")[-1].precision == "float64"


# ------------------------------------------------------------------------------------- what is not finite


@pytest.mark.parametrize(("operation", "tensor"), EVERY_TENSOR)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_where_it_should_be_is_caught(operation, tensor, value):
    _, _, _, right = problem(operation, "odd", "float32")
    got, index = spoiled(right, tensor, lambda *_: value)
    worst = worst_of(right, got, tensor)
    assert worst.share == np.inf
    assert (worst.tensor, worst.index, worst.got) == (right.names[tensor], index, f"{value:.9g}")


@every_dtype
def test_a_missing_or_a_moved_nan_is_caught(dtype):
    _, _, _, right = problem("max_pool2d", "nan", dtype)
    out = np.array(right.values[0])
    assert np.isnan(out).any(), "the case holds NaN"
    assert oracle.judge(right, right.values)[0].share == 0, "NaN where NaN is wanted"
    at = tuple(int(i) for i in np.argwhere(np.isnan(out))[-1])
    out[at] = 0
    worst = oracle.judge(right, [out, *right.values[1:]])[0]
    assert (worst.share, worst.index, worst.wanted) == (np.inf, at, "nan")


@pytest.mark.parametrize("instead", [-np.inf, np.nan, 0.0, np.finfo(np.float32).max])
def test_an_infinity_is_held_to_its_sign(instead):
    described = perflab.operation("fully_connected")
    x, w, b = np.full((2, 1), np.inf, np.float32), np.ones((1, 3), np.float32), np.zeros(3, np.float32)
    right = oracle.reference(described, (x, w, b), np.zeros((2, 3), np.float32), "float32")
    out = np.array(right.values[0])
    assert (out == np.inf).all()
    assert oracle.judge(right, right.values)[0].share == 0, "infinity where infinity is wanted"
    out[1, 2] = instead
    worst = oracle.judge(right, [out, *right.values[1:]])[0]
    assert (worst.share, worst.index) == (np.inf, (1, 2))


# --------------------------------------------------------------------------------- what shows too little


@every_dtype
def test_a_gradient_that_is_all_zero_vouches_for_nobody(dtype):
    verdict = perflab.verify("softmax_loss", "vectorized", dtype=dtype, case="one_class")
    assert verdict.status == "not shown"
    assert not verdict
    assert "dX" in verdict.where, "with one class the loss does not depend on X"
    assert all(check.ok for check in verdict.checks), "nothing was wrong either"


@pytest.mark.parametrize("operation", sorted(EXACT))
def test_an_empty_batch_alone_vouches_for_nobody(operation):
    verdict = perflab.verify(operation, "vectorized", case="empty")
    assert verdict.status == "not shown"
    assert not verdict.ok


# ------------------------------------------------------------------------------------- who misbehaves how

right_forward, right_backward = (
    catalog.raw("fully_connected", "vectorized").__dict__[f] for f in ("forward", "backward")
)


def raises(x, w, b):
    raise ValueError("boom\nand more of it")


def raises_without_a_word(dout, cache):
    raise MemoryError


def exits(x, w, b):
    raise SystemExit(3)


def warns(x, w, b):
    out, cache = right_forward(x, w, b)
    np.ones(1, x.dtype) / np.zeros(1, x.dtype)
    return out, cache


def forgets_the_cache(x, w, b):
    return right_forward(x, w, b)[0]


def out_as_a_list(x, w, b):
    out, cache = right_forward(x, w, b)
    return out.tolist(), cache


def out_with_an_axis_more(x, w, b):
    out, cache = right_forward(x, w, b)
    return out[np.newaxis], cache


def out_in_half_precision(x, w, b):
    out, cache = right_forward(x, w, b)
    return out.astype(np.float16), cache


def gradients_as_a_list(dout, cache):
    return list(right_backward(dout, cache))


def one_bare_gradient(dout, cache):
    return right_backward(dout, cache)[0]


def too_few_gradients(dout, cache):
    return right_backward(dout, cache)[:2]


def too_many_gradients(dout, cache):
    return (*right_backward(dout, cache), dout)


def gradients_out_of_order(dout, cache):
    dx, dw, db = right_backward(dout, cache)
    return dw, dx, db


def db_keeps_its_axis(dout, cache):
    dx, dw, db = right_backward(dout, cache)
    return dx, dw, db[np.newaxis]


def writes_to_its_input(x, w, b):
    out, cache = right_forward(x, w, b)
    x += 1
    return out, cache


def writes_to_dout(dout, cache):
    gradients = right_backward(dout, cache)
    dout[...] = 0
    return gradients


def returns_what_it_was_given(dout, cache):
    dx, dw, db = right_backward(dout, cache)
    return dx, dw, (dout[0] if len(dout) == 1 else db)  # right for one sample, and the caller's own memory


buffer = {}


def returns_one_buffer(dout, cache):
    dx, dw, db = right_backward(dout, cache)
    kept = buffer.setdefault((dw.shape, dw.dtype), np.empty_like(dw))
    kept[...] = dw
    return dx, kept, db


def not_a_number(x, w, b):
    out, cache = right_forward(x, w, b)
    return np.full_like(out, np.nan), cache


NO_NUMBERS = {
    raises: "cannot run here", raises_without_a_word: "cannot run here",
    exits: "not shown", warns: "not shown",
}  # fmt: skip
MISBEHAVIOUR = {
    raises: ("odd: runs: ValueError: boom",),
    raises_without_a_word: ("odd: runs: MemoryError: no message",),
    exits: ("odd: returns: SystemExit: 3",),
    warns: ("odd: no warning: RuntimeWarning: divide by zero",),
    forgets_the_cache: (
        "odd: form: forward returned a float32 array of shape (5, 3); wanted out and its cache",
    ),
    out_as_a_list: ("odd: form: out: a list", "wanted a float32 array of shape (5, 3)"),
    out_with_an_axis_more: ("odd: form: out: shape (1, 5, 3); wanted (5, 3)",),
    out_in_half_precision: ("odd: form: out: float16; wanted float32",),
    gradients_as_a_list: ("odd: form: backward returned a list; wanted a tuple",),
    one_bare_gradient: ("odd: form: backward returned a ndarray; wanted a tuple",),
    too_few_gradients: ("odd: form: 2 gradients; wanted 3: dx, dw, db",),
    too_many_gradients: ("odd: form: 4 gradients; wanted 3: dx, dw, db",),
    gradients_out_of_order: ("odd: form: dx: shape (7, 3); wanted (5, 7)",),
    db_keeps_its_axis: ("odd: form: db: shape (1, 3); wanted (3,)",),
    writes_to_its_input: ("odd: inputs untouched: ",),
    writes_to_dout: ("odd: inputs untouched: ",),
    returns_what_it_was_given: ("one_sample: fresh outputs: db: shares memory with an input",),
    returns_one_buffer: ("odd: fresh outputs: ",),
    not_a_number: ("odd: rounding bound: out[0, 0]",),
}


def implementation(function):
    """Right but for this function, which is a forward or a backward by its first argument."""
    functions = {"forward": right_forward, "backward": right_backward}
    functions["backward" if function.__code__.co_varnames[0] == "dout" else "forward"] = function
    return Implementation("fully_connected", function.__name__, **functions)


@pytest.mark.parametrize("function", MISBEHAVIOUR, ids=lambda function: function.__name__)
def test_who_misbehaves_is_named(function):
    verdict = oracle.examine(perflab.operation("fully_connected"), implementation(function), "float32")
    assert verdict.status == NO_NUMBERS.get(function, "wrong")
    assert not verdict
    first, *also = MISBEHAVIOUR[function]
    assert verdict.where.startswith(first)
    assert all(words in verdict.where for words in also)
    assert "\n" not in verdict.where, "one line tells it"
    assert {check.case for check in verdict.checks} == set(perflab.operation("fully_connected").checks), (
        "the other cases are looked at all the same"
    )


def test_a_wrong_element_is_shown_with_what_was_wanted():
    def one_off(x, w, b):
        out, cache = right_forward(x, w, b)
        out[2:3, 1] += 1
        return out, cache

    verdict = oracle.examine(
        perflab.operation("fully_connected"), implementation(one_off), "float64", ["odd"]
    )
    check = next(check for check in verdict.checks if not check.ok)
    assert (check.name, check.case, check.dtype, check.where) == (
        "rounding bound",
        "odd",
        "float64",
        "out[2, 1]",
    )
    assert float(check.got) == pytest.approx(float(check.wanted) + 1, rel=1e-8), "nine digits are printed"
    assert verdict.error == check.error > 1


def test_an_interruption_is_not_taken_for_a_mistake():
    def interrupted(x, w, b):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        oracle.examine(perflab.operation("fully_connected"), implementation(interrupted), "float32")


@every_dtype
def test_another_order_of_summation_on_every_call_is_right_and_labelled(dtype):
    rng = np.random.default_rng(0)

    def wavers(x, w, b):
        out = np.tile(b, (len(x), 1))
        for d in rng.permutation(x.shape[1]):
            out += x[:, d : d + 1] * w[d]
        return out, (x, w)

    verdict = oracle.examine(perflab.operation("fully_connected"), implementation(wavers), dtype)
    assert verdict.status == "right", verdict.where
    assert verdict.deterministic is False
    assert verdict.exact is True, "on integers every order gives the same bits"


@pytest.mark.parametrize("returned", ["list(gradients)", "gradients[0]"])
def test_a_loaded_file_that_returns_no_tuple_is_named(tmp_path, returned):
    file = tmp_path / "mine.py"
    file.write_text(
        "from perflab.ops.max_pool2d.vectorized import backward as right_backward, forward\n"
        f"def backward(dout, cache):\n    gradients = right_backward(dout, cache)\n    return {returned}\n"
    )
    verdict = perflab.verify("max_pool2d", perflab.load(file, operation="max_pool2d"))
    assert verdict.status == "wrong", "as the same functions are when they are examined without the door"
    assert "wanted a tuple" in verdict.where


# ------------------------------------------------------------------------------------------ side by side


def nudged(values, only_fractions=False):
    """Every value moved to its neighbour; whole numbers stay, if so asked."""
    moved = np.nextafter(values, np.inf)
    return np.where(values == np.rint(values), values, moved) if only_fractions else moved


def off_by_one_ulp(operation, technique, **how):
    naive = catalog.raw(operation, "naive")

    def forward(*args):
        out, cache = naive.forward(*args)
        return nudged(np.asarray(out), **how)[()], cache

    return replace(naive, technique=technique, forward=forward)


@every_operation
@every_dtype
def test_only_what_is_identical_is_called_so(operation, dtype):
    described, naive = perflab.operation(operation), catalog.raw(operation, "naive")
    ladder = [
        naive,
        replace(naive, technique="copy"),
        off_by_one_ulp(operation, "nudged"),
        off_by_one_ulp(operation, "nudged fractions", only_fractions=True),
    ]
    pairs = {(p.first, p.second): p for p in oracle.pairwise(described, ladder, dtype)}
    assert len(pairs) == 6, "every two once"
    exact = operation in EXACT

    copy = pairs["naive", "copy"]
    assert copy.identical
    assert copy.identical_integers is (True if exact else None)
    assert copy.difference == 0

    everywhere = pairs["naive", "nudged"]
    assert not everywhere.identical
    assert everywhere.identical_integers is (False if exact else None)
    assert 0 < everywhere.difference <= np.finfo(dtype).eps, "one unit in the last place of the largest value"

    fractions = pairs["naive", "nudged fractions"]
    assert not fractions.identical
    assert fractions.identical_integers is (True if exact else None)


@pytest.mark.slow
@pytest.mark.parametrize("operation", sorted(EXACT))
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_ladder_is_identical_on_integers(operation, dtype):
    ladder = [catalog.raw(operation, technique) for technique in perflab.techniques(operation)]
    exact = {raw.technique for raw in ladder if raw.exact_on_integers}
    assert {"naive", "per_neuron", "vectorized", "jit"} <= exact
    for pair in oracle.pairwise(perflab.operation(operation), ladder, dtype):
        if {pair.first, pair.second} - exact:
            assert pair.identical_integers is None, "what does not claim to be exact is not called so"
            continue
        assert pair.identical_integers, f"{operation}: {pair.first} and {pair.second} differ"


def test_where_all_inputs_are_integers_nothing_differs_on_others():
    described = perflab.operation("fully_connected")
    whole = {name: case for name, case in described.checks.items() if case.inputs == "integers"}
    naive = catalog.raw("fully_connected", "naive")
    (pair,) = oracle.pairwise(
        replace(described, checks=whole), [naive, replace(naive, technique="copy")], "float32"
    )
    assert (pair.identical, pair.difference) == (True, 0.0)


def test_one_that_fails_is_identical_to_nobody():
    described = perflab.operation("fully_connected")
    broken = implementation(raises)
    (pair,) = oracle.pairwise(described, [broken, replace(broken, technique="broken alike")], "float32")
    assert (pair.identical, pair.identical_integers, pair.difference) == (False, False, np.inf)


# ------------------------------------------------------------------------------------ names and files

MISSPELT = {
    "an operation": (lambda: perflab.operation("conv2"), "conv2", "did you mean conv2d"),
    "an operation's ladder": (lambda: perflab.techniques("softmax_los"), "softmax_los", "mean softmax_loss"),
    "an implementation's operation": (
        lambda: perflab.implementation("maxpool2d", "jit"),
        "maxpool2d",
        "max_pool2d",
    ),
    "a technique": (
        lambda: perflab.implementation("conv2d", "vectorised"),
        "conv2d/vectorised",
        "mean vectorized",
    ),
    "a verdict's operation": (
        lambda: perflab.verify("fully_conected", "jit"),
        "fully_conected",
        "fully_connected",
    ),
    "a verdict's technique": (lambda: perflab.verify("conv2d", "jitt"), "conv2d/jitt", "did you mean jit"),
    "a verdict's case": (lambda: perflab.verify("conv2d", "jit", case="od"), "od", "odd"),
    "a verdict's dtype": (lambda: perflab.verify("conv2d", "jit", dtype="float23"), "float23", "float32"),
    "a dtype nobody offers": (lambda: perflab.verify("conv2d", "jit", dtype="float16"), "float16", "float64"),
    "a file's operation": (lambda: perflab.load("mine.py", operation="conv3d"), "conv3d", "conv2d"),
    "a target": (lambda: catalog.targets(["conv2d/naiv"]), "conv2d/naiv", "did you mean naive"),
    "nothing near": (lambda: perflab.operation("lstm"), "lstm", ", ".join(perflab.operations())),
}


@pytest.mark.parametrize("which", MISSPELT)
def test_an_unknown_name_is_told_with_the_nearest(which):
    ask, name, near = MISSPELT[which]
    with pytest.raises(PerflabError) as caught:
        ask()
    assert str(caught.value).startswith(f"{name}: ")
    assert near in str(caught.value)


GOOD = '''\
    """A rung of one's own.

    And more about it.
    """

    def forward(x, w, b):
        return x @ w + b, (x, w)

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(axis=0)
    '''

BAD_FILES = {
    "syntax error": ("def forward(x, w, b:\n", "cannot be imported: SyntaxError"),
    "no backward": ("def forward(x, w, b): ...\n", "no function backward; wanted both"),
    "no forward": ("def backward(dout, cache): ...\n", "no function forward; wanted both"),
    "neither": ("", "no function forward and no function backward; wanted both"),
    "no function": ("forward = 1\ndef backward(dout, cache): ...\n", "no function forward; wanted both"),
    "raises": ("raise RuntimeError('not today')\n", "cannot be imported: RuntimeError: not today"),
    "missing import": ("import no_such_module\n", "cannot be imported: ModuleNotFoundError"),
    "exits": ("raise SystemExit(3)\n", "cannot be imported: SystemExit: 3"),
}


def test_a_good_file_is_loaded_as_one_more_technique(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(textwrap.dedent(GOOD))
    mine = perflab.load(file, operation="fully_connected")
    assert (mine.operation, mine.technique) == ("fully_connected", "mine")
    assert mine.source == str(file)
    assert mine.summary == "A rung of one's own."
    assert perflab.load(str(file), operation="fully_connected", technique="other").technique == "other"
    out, cache = mine.forward(np.ones((2, 3)), np.ones((3, 4)), np.ones(4))
    assert (out == 4).all()
    assert [g.shape for g in mine.backward(out, cache)] == [(2, 3), (3, 4), (4,)]
    with pytest.raises(ValueError, match=r"^w: shape \(4, 4\), so D = 4, but x says D = 3"):
        mine.forward(np.ones((2, 3)), np.ones((4, 4)), np.ones(4))
    assert perflab.verify("fully_connected", mine).ok


@pytest.mark.parametrize("which", BAD_FILES)
def test_a_bad_file_is_refused_by_name(tmp_path, which):
    source, said = BAD_FILES[which]
    file = tmp_path / "mine.py"
    file.write_text(source)
    with pytest.raises(PerflabError) as caught:
        perflab.load(file, operation="fully_connected")
    assert str(caught.value).startswith(f"{file}: {said}")


@pytest.mark.parametrize("where", ["missing.py", "."])
def test_a_file_that_is_not_there_is_refused_by_name(tmp_path, where):
    with pytest.raises(PerflabError, match=r"no such file; wanted a Python file with forward and backward$"):
        perflab.load(tmp_path / where, operation="fully_connected")


def test_a_file_that_is_no_python_is_refused_by_name(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text(textwrap.dedent(GOOD))
    with pytest.raises(PerflabError, match=r"mine\.txt: not a Python file"):
        perflab.load(file, operation="fully_connected")


def test_two_files_of_one_name_stay_apart(tmp_path):
    loaded = []
    for folder, bias in (("ours", "+"), ("theirs", "-")):
        file = tmp_path / folder / "mine.py"
        file.parent.mkdir()
        file.write_text(textwrap.dedent(GOOD).replace("w + b", f"w {bias} b"))
        loaded.append(perflab.load(file, operation="fully_connected"))
    ours, theirs = (perflab.verify("fully_connected", mine) for mine in loaded)
    assert ours.ok
    assert theirs.status == "wrong"
