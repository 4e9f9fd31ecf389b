"""The mutants: every known mistake is caught, by name, so that the oracle is known to be able to fail."""

import functools

import pytest

import perflab
from perflab import catalog, oracle
from perflab.catalog import find
from perflab.contract import DTYPES, FIRST_RUNGS, Mutant

MUTANTS = {
    f"{op}/{mutant.name}": (op, mutant) for op in perflab.operations() for mutant in catalog.mutants(op)
}

every_mutant = pytest.mark.parametrize(("operation", "mutant"), MUTANTS.values(), ids=MUTANTS)

# The mistakes that people make, and who stands for each of them.
COVERAGE = {
    "missing 1/N": (
        "softmax_loss/loss_summed",
        "softmax_loss/missing_mean",
        "mlp/loss_summed",
        "mlp/missing_mean",
    ),
    "missing 1/k": ("mlp/loss_of_all_outputs", "mlp/missing_outputs"),
    "σ' missing, or another function's": ("mlp/no_output_slope", "mlp/no_hidden_slope", "mlp/slope_of_tanh"),
    "σ' of another layer": ("mlp/output_slope_of_hidden", "mlp/hidden_slope_of_output"),
    "σ' at a, not z": ("mlp/slope_at_activation",),
    "errors back through the wrong weights": ("mlp/not_transposed", "mlp/weights_of_layer_two"),
    "another layer's activations": ("mlp/inputs_for_activations", "mlp/activations_for_inputs"),
    "target minus answer": ("softmax_loss/sign_flipped", "mlp/sign_flipped"),
    "an empty slice at pad = 0": ("conv2d/cut_at_pad_zero",),
    "reg added in the loop": ("softmax_loss/reg_per_sample", "softmax_loss/loss_reg_per_sample"),
    "`=` for `+=` over the samples": ("softmax_loss/last_sample_only", "softmax_loss/loss_of_last_sample"),
    "missing or doubled reg": (
        "softmax_loss/reg_halved",
        "softmax_loss/loss_without_reg",
        "softmax_loss/loss_reg_doubled",
        "softmax_loss/missing_reg",
        "softmax_loss/reg_doubled",
    ),
    "the wrong axis with the right shape": ("softmax_loss/wrong_axis", "fully_connected/bias_per_sample"),
    "`=` for `+=` in overlapping windows": ("conv2d/assign_for_add", "max_pool2d/assign_for_add"),
    "`=` for `+=` over the steps": ("rnn/dwx_assigned", "rnn/dwh_of_the_last_step", "rnn/db_of_one_step"),
    "mask instead of argmax on ties": ("max_pool2d/mask_for_argmax", "max_pool2d/tie_shared"),
    "transposed dw": ("fully_connected/dw_transposed", "conv2d/dw_transposed"),
    "db summed over the wrong axes": ("fully_connected/db_wrong_axis", "conv2d/db_wrong_axes"),
    "non-square kernels swapped": ("conv2d/kernel_reshaped", "max_pool2d/divided_by_height"),
    "square kernels swapped": ("conv2d/taps_swapped", "conv2d/dw_turned", "max_pool2d/taps_swapped"),
    "flipped kernel (convolution for cross-correlation)": (
        "conv2d/flipped_kernel",
        "conv2d/dx_kernel_turned",
    ),
    "pad not undone in dx": ("conv2d/pad_not_undone",),
    "stale cache": ("fully_connected/stale_cache", "softmax_loss/cache_spoiled", "rnn/cache_spoiled"),
    "input written to": ("fully_connected/input_written", "fully_connected/dout_written", "rnn/dout_written"),
    "zeros returned": tuple(f"{op}/zeros" for op in perflab.operations()),
    "upstream gradient ignored": tuple(f"{op}/upstream_ignored" for op in perflab.operations()),
    "float32 inside float64": ("fully_connected/single_precision",),
    "no max-shift in softmax": ("softmax_loss/no_shift",),
    "a sigmoid that overflows": ("mlp/overflows",),
    "probabilities not minus the target": ("softmax_loss/missing_target",),
    "gradient not carried through time": ("rnn/not_carried", "rnn/truncated"),
    "upstream of the earlier steps ignored": ("rnn/only_the_last_upstream",),
    "tanh's slope from the wrong value": ("rnn/slope_of_the_sum", "rnn/slope_of_the_step_before"),
    "another slope": ("rnn/slope_not_squared", "rnn/slope_of_sigmoid", "rnn/no_slope"),
    "a step's own state for the one before": ("rnn/dwh_with_the_states_after",),
    "Wh not transposed, or twice": ("rnn/wh_turned", "rnn/wh_not_transposed", "rnn/dh0_without_wh"),
    "the sequence reversed": ("rnn/turned_round",),
}

# What gives a mistake away, where that is not an element out of its bound.
GIVEN_AWAY_BY = {
    "mlp/cache_spoiled": "one cache, many backwards",
    "softmax_loss/cache_spoiled": "one cache, many backwards",
    "fully_connected/stale_cache": "one cache, many backwards",
    "fully_connected/input_written": "inputs untouched",
    "fully_connected/dout_written": "inputs untouched",
    "fully_connected/wrong_dtype": "form",
    "fully_connected/reused_buffer": "fresh outputs",
    "rnn/cache_spoiled": "one cache, many backwards",
    "conv2d/cut_at_pad_zero": "form",
    "rnn/dout_written": "inputs untouched",
}


@functools.cache
def verdicts(operation, mutant):
    return examined(operation, mutant)


def examined(operation, mutant):
    return [oracle.examine(perflab.operation(operation), mutant, dtype) for dtype in DTYPES]


@every_mutant
def test_the_oracle_catches_it_in_both_precisions_unless_precision_is_the_mistake(operation, mutant):
    caught = [verdict for verdict in verdicts(operation, mutant) if verdict.status == "wrong"]
    assert caught, f"{operation}/{mutant.name} passes, although {mutant.lesson}"
    by = GIVEN_AWAY_BY.get(f"{operation}/{mutant.name}", "rounding bound")
    for verdict in caught:
        assert verdict.technique == mutant.name
        assert f": {by}: " in verdict.where, "and for the right reason"
    statuses = {verdict.dtype: verdict.status for verdict in verdicts(operation, mutant)}
    in_float32 = "right" if mutant.name == "single_precision" else "wrong"
    assert statuses == {"float32": in_float32, "float64": "wrong"}


@every_mutant
def test_a_mutant_says_what_is_wrong_in_one_line(operation, mutant):
    assert isinstance(mutant, Mutant)
    assert mutant.lesson.strip() == mutant.lesson != ""
    assert "\n" not in mutant.lesson
    assert mutant.name.isidentifier()


def test_each_of_the_four_equations_names_its_mistakes():
    text = (find.OPS / "mlp" / "derivation.md").read_text("utf-8").splitlines()
    broken = {mutant.name: mutant.breaks for mutant in catalog.mutants("mlp")}
    assert {name for name, line in broken.items() if not line} == {"cache_spoiled"}
    for name, line in broken.items():
        assert not line or line in text, f"{name}: the derivation has no line {line}"
    for equation in (r"\delta^3_", r"\delta^2_", r"\mathrm{db}", r"\mathrm{dW}"):
        assert any(line.startswith(equation) for line in broken.values()), equation


def test_there_are_enough_mutants_and_each_has_its_own_name():
    assert len(MUTANTS) >= 20
    assert len(MUTANTS) == sum(len(catalog.mutants(op)) for op in perflab.operations()), "a name stands twice"
    assert all(catalog.mutants(op) for op in perflab.operations()), "an operation has no mutant"
    for op in perflab.operations():
        lessons = [mutant.lesson for mutant in catalog.mutants(op)]
        assert len(set(lessons)) == len(lessons), "two mutants of one operation teach the same"


@pytest.mark.parametrize("mistake", COVERAGE)
def test_every_mistake_on_the_list_has_its_mutant(mistake):
    assert COVERAGE[mistake]
    missing = [name for name in COVERAGE[mistake] if name not in MUTANTS]
    assert not missing, f"nobody stands for “{mistake}”: {missing}"


def test_a_mutant_bears_no_techniques_name():
    for op in perflab.operations():
        assert not {mutant.name for mutant in catalog.mutants(op)} & set(perflab.techniques(op))


@pytest.mark.slow
@pytest.mark.parametrize("operation", perflab.operations())
def test_what_is_right_is_still_right_after_all_the_mutants_and_they_are_caught_again(operation):
    before = [perflab.verify(operation, technique) for technique in FIRST_RUNGS]
    for mutant in catalog.mutants(operation):
        first, second = examined(operation, mutant), examined(operation, mutant)
        assert [verdict.status for verdict in second] == [verdict.status for verdict in first]
    after = [perflab.verify(operation, technique) for technique in FIRST_RUNGS]
    assert all(verdict.ok for verdict in after)
    assert after == before, "down to every error of every check"


# Two mistakes that a square window hides altogether. They hold the rectangular cases to their purpose.


@pytest.mark.parametrize("name", ["conv2d/kernel_reshaped", "max_pool2d/divided_by_height"])
def test_a_mistake_that_only_a_rectangle_shows_is_caught_by_the_rectangles(name):
    operation, mutant = MUTANTS[name]
    square = ("odd", "integers" if operation == "max_pool2d" else "square", "one_pixel", "empty")
    described = perflab.operation(operation)
    assert oracle.examine(described, mutant, "float64", square).ok, "square windows hide it"
    assert oracle.examine(described, mutant, "float64", ["rectangular"]).status == "wrong"
    assert oracle.examine(described, mutant, "float64").status == "wrong"
