# ruff: noqa: E501  (a pattern stands on one line)
"""The diagnosis names the mistakes that it knows, and no other; of the rest it tells a pattern that holds."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, slow_but

import perflab
from perflab import catalog
from perflab.catalog import inputs
from perflab.oracle.diagnosis import diagnose, told
from perflab.oracle.diagnosis.examples import examples_of, fits
from perflab.oracle.observation import answer_of

HERE = Path(__file__).parent
KNOWN = sorted((HERE / "mistakes").glob("*/*.py"))
UNKNOWN = sorted((HERE / "unknown_mistakes").glob("*/*.py"))

# Files whose stem is not the one name that is expected.
NAMES = {
    "conv2d/dw_mean_and_db_mean": ["dw_mean", "db_mean"],
    "conv2d/flipped_kernel_followed": ["flipped_kernel"],
    "conv2d/no_bias_and_pad_not_undone": ["no_bias", "pad_not_undone"],
    "fully_connected/dw_mean_and_db_wrong_axis": ["dw_mean", "db_wrong_axis"],
    "softmax_loss/loss_summed_and_missing_reg": ["loss_summed", "missing_reg"],
    "softmax_loss/sign_flipped_in_dX": ["sign_flipped"],
    "softmax_loss/wrong_axis_and_missing_mean": ["wrong_axis", "missing_mean"],
}

# Tensor and pattern of every mistake that has no name.
PATTERNS = {
    "conv2d/bias_of_the_first": {"out": "wrong only where F > 1; never at the first index of F"},
    "conv2d/border_of_dx_lost": {"dx": "what is wrong is zero; only at the border of H and W"},
    "conv2d/db_times_positions": {"db": "got = OH·OW · wanted"},
    "conv2d/dw_mirrored": {"dw": "wrong only where WW > 1; got is wanted reversed along WW"},
    "conv2d/dx_rows_shifted": {
        "dx": "wrong only where the first of pad > 0; got holds wanted shifted down by 1 along H"
    },
    "conv2d/garbage_in_gaps": {"dx": "wrong only where zero is wanted"},
    "conv2d/last_window_lost": {"dw": ""},
    "conv2d/out_halved": {"out": "wrong in every case; got = 1/2 · wanted"},
    "conv2d/second_sample_wrong": {
        "out": "wrong wherever N > 1, and only there; never at the first index of N"
    },
    "conv2d/wrong_with_stride": {"dw": "wrong only where stride > 1; got = 2 · wanted"},
    "fully_connected/bias_subtracted": {"out": "wrong in every case; got − wanted = −2 · b"},
    "fully_connected/bias_twice": {"out": "wrong in every case; got − wanted = b"},
    "fully_connected/decay_added": {"dw": "wrong in every case; got − wanted = 1/2 · w"},
    "fully_connected/dw_over_inputs": {"dw": "wrong only where D > 1; got = 1/D · wanted"},
    "fully_connected/dx_doubled": {"dx": "wrong in every case; got = 2 · wanted"},
    "fully_connected/dx_samples_reversed": {"dx": "wrong only where N > 1; got is wanted reversed along N"},
    "fully_connected/first_row_lost": {"dw": "what is wrong is zero; only at the first index of D"},
    "fully_connected/relu_inside": {"out": "what is wrong is zero"},
    "fully_connected/single_db": {
        "db": "off by less than 1e-6 of the largest value: a loss of precision; every number got is one of float32"
    },
    "max_pool2d/channels_reversed": {"out": "wrong only where C > 1; got is wanted reversed along C"},
    "max_pool2d/leftover_repeated": {
        "dx": "wrong only where no window covers the last rows or columns; wrong only where zero is wanted; never at the first index of H"
    },
    "max_pool2d/median": {"out": "wrong wherever size > 1, and only there; what is wrong is too small"},
    "max_pool2d/nan_for_ties": {"dx": "wrong only where values can tie; what is wrong is NaN"},
    "max_pool2d/scaled_by_overlap": {
        "dx": "wrong wherever size > 1, and only there; got = 1/(size[0]·size[1]) · wanted"
    },
    "max_pool2d/sum_of_two": {"out": "wrong wherever size > 1, and only there; what is wrong is too large"},
    "softmax_loss/absolute_penalty": {
        "out": "wrong wherever reg ≠ 0, and only there; what is wrong is too large"
    },
    "softmax_loss/clipped_scores": {
        "out": "wrong only where the numbers are extreme",
        "dX": "wrong only where the numbers are extreme; never at the first index of N",
        "dW": "wrong only where the numbers are extreme",
    },
    "softmax_loss/labels_shifted": {
        "dX": "wrong wherever C > 1, and only there",
        "dW": "wrong wherever C > 1, and only there",
    },
    "softmax_loss/loss_over_classes": {
        "out": "wrong wherever C > 1, and only there; what is wrong is too small"
    },
    "softmax_loss/penalty_unsquared": {"out": "wrong wherever reg ≠ 0, and only there"},
}

# Mistakes that show from one call to the next, or in a dtype: they break no line, and give right numbers.
OF_STATE = {
    "softmax_loss/cache_spoiled",
    "fully_connected/input_written",
    "fully_connected/dout_written",
    "fully_connected/stale_cache",
    "fully_connected/wrong_dtype",
    "fully_connected/reused_buffer",
    "fully_connected/right_only_once",
    "rnn/dout_written",
    "rnn/cache_spoiled",
    "mlp/cache_spoiled",
}
MUTANTS = {
    f"{op}/{mutant.name}": (op, mutant) for op in perflab.operations() for mutant in catalog.mutants(op)
}


def name(path):
    return f"{path.parent.name}/{path.stem}"


def answer(op, pair):
    described = catalog.operation(op)
    return lambda case: answer_of(described, case, pair)


@cache
def diagnosed(path):
    op = path.parent.name
    return diagnose(catalog.operation(op), answer(op, catalog.load_raw(path, op)))


known_files = pytest.mark.parametrize("path", KNOWN, ids=name)
unknown_files = pytest.mark.parametrize("path", UNKNOWN, ids=name)


def test_there_are_enough_files_of_each_kind():
    assert len(KNOWN) >= 20
    assert len(UNKNOWN) >= 20
    for op in ("softmax_loss", "fully_connected", "conv2d", "max_pool2d"):
        assert sum(path.parent.name == op for path in KNOWN) >= 8


@pytest.mark.parametrize(
    "path",
    slow_but([path for path in KNOWN if path.parent.name in ("softmax_loss", "fully_connected")], KNOWN),
    ids=name,
)
def test_a_known_mistake_is_named_however_it_is_written(path):
    found = diagnosed(path)
    assert [d.mistake for d in found] == NAMES.get(name(path), [path.stem])
    mutants = {mutant.name: mutant for mutant in catalog.mutants(path.parent.name)}
    for d in found:
        assert (d.lesson, d.breaks) == (mutants[d.mistake].lesson, mutants[d.mistake].breaks)
        assert d.pattern == ""


@known_files
def test_the_smallest_case_separates_the_mistake_from_right(path):
    op = path.parent.name
    described, implementation = catalog.operation(op), catalog.load_raw(path, op)
    for d in diagnosed(path):
        assert fits(described, d.case)
        assert np.prod(list(d.case.sizes.values())) <= 64, "one would follow it by hand"
        at = ["out", *(f"d{argument}" for argument in described.wrt)].index(d.tensor)
        got = answer_of(described, d.case, implementation)[at]
        args = tuple(inputs.make(described, d.case, "float64").values())
        dout = inputs.upstream(described, d.case, "float64")
        wanted = np.asarray((described.definition(*args), *described.gradient(dout, *args))[at])
        np.testing.assert_equal(got[d.index], d.got)
        np.testing.assert_allclose(wanted[d.index], d.wanted, rtol=1e-9)
        assert not np.isclose(d.got, d.wanted, rtol=1e-9, atol=0)


@unknown_files
def test_an_unknown_mistake_gets_no_name(path):
    found = diagnosed(path)
    assert found
    assert all(d.mistake == d.lesson == d.breaks == "" for d in found)


@unknown_files
def test_the_pattern_told_of_an_unknown_mistake_is_the_one_that_it_has(path):
    assert {d.tensors[0]: d.pattern for d in diagnosed(path)} == PATTERNS[name(path)]


@unknown_files
def test_an_unknown_mistake_is_shown_on_a_check_case_with_a_command_that_shows_it_again(path):
    for d in diagnosed(path):
        assert d.checked
        assert d.case.name in catalog.operation(d.operation).checks
        lines = told(d, "mine.py")
        assert lines[-1].split("  ")[-1].strip() == (
            f"perflab verify {d.operation} --with mine.py --case {d.case.name}"
        )


@pytest.mark.slow
@pytest.mark.parametrize(("op", "mutant"), MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_is_told_from_every_other(op, mutant):
    found = diagnose(catalog.operation(op), answer(op, mutant))
    if f"{op}/{mutant.name}" in OF_STATE | {"fully_connected/single_precision"}:
        assert not any(d.mistake for d in found)
    elif mutant.breaks:
        assert [d.mistake for d in found] == [mutant.name]


@pytest.mark.parametrize(("op", "mutant"), MUTANTS.values(), ids=MUTANTS)
def test_the_line_that_a_mutant_breaks_stands_in_the_derivation(op, mutant):
    if f"{op}/{mutant.name}" in OF_STATE:
        assert mutant.breaks == ""
    else:
        derivation = (ROOT / "perflab" / "ops" / op / "derivation.md").read_text("utf-8")
        assert "".join(mutant.breaks.split()) in "".join(derivation.split())
        assert mutant.breaks


@pytest.mark.parametrize("op", perflab.operations())
def test_what_is_right_has_no_diagnosis(op):
    for rung in ("naive", "per_neuron", "vectorized"):
        assert diagnose(catalog.operation(op), answer(op, catalog.raw(op, rung))) == []


def test_no_answer_is_no_diagnosis():
    assert diagnose(catalog.operation("conv2d"), lambda case: None) == []


def test_gradients_of_a_wrong_output_are_no_further_mistake():
    (found,) = diagnosed(HERE / "mistakes/conv2d/flipped_kernel_followed.py")
    assert found.tensors == ("out", "dx")
    assert found.follows == ("dw",)
    (found,) = diagnosed(HERE / "mistakes/max_pool2d/average.py")
    assert (found.tensors, found.follows) == (("out",), ("dx",))


def test_the_second_of_two_mistakes_is_shown_where_it_matters():
    _, second = diagnosed(HERE / "mistakes/softmax_loss/wrong_axis_and_missing_mean.py")
    assert second.mistake == "missing_mean"
    assert second.case.sizes["N"] == 2, "with one sample 1/N is 1"


def test_overflow_alone_names_a_mistake_only_where_all_else_fits():
    """Both ends of `log(0)` and of a missing shift are infinite; what else is wrong tells them apart."""
    (found,) = diagnosed(HERE / "mistakes/softmax_loss/log_of_zero.py")
    assert found.tensors == ("out",)
    (found,) = diagnosed(HERE / "mistakes/softmax_loss/no_shift.py")
    assert found.tensors == ("out", "dX", "dW")


def test_an_answer_that_differs_on_one_case_takes_the_name_away():
    described = catalog.operation("fully_connected")
    (mutant,) = [m for m in catalog.mutants("fully_connected") if m.name == "db_mean"]
    odd = described.checks["odd"]

    def almost(case):
        out, dx, dw, db = answer_of(described, case, mutant)
        return out, dx, dw, db * 1.01 if case == odd else db

    (found,) = diagnose(described, almost)
    assert found.mistake == ""


def test_mistakes_that_no_case_tells_apart_are_told_both(monkeypatch):
    from perflab.contract import Mutant
    from perflab.oracle.diagnosis import known

    (mutant,) = [m for m in catalog.mutants("fully_connected") if m.name == "db_mean"]
    twin = Mutant("twin", "the same in other words", mutant.forward, mutant.backward, mutant.breaks)
    monkeypatch.setattr(known.catalog, "mutants", lambda op: (mutant, twin))
    monkeypatch.setattr(known, "_KNOWN", {})
    (found,) = diagnose(catalog.operation("fully_connected"), answer("fully_connected", mutant))
    assert found.mistake == ""
    assert mutant.lesson in found.pattern
    assert twin.lesson in found.pattern
    assert found.pattern.startswith("either ")


def test_an_operation_without_a_list_of_mistakes_gets_patterns(monkeypatch):
    from perflab.oracle.diagnosis import known

    def missing(op):
        raise ModuleNotFoundError(op)

    monkeypatch.setattr(known.catalog, "mutants", missing)
    monkeypatch.setattr(known, "_KNOWN", {})
    (found,) = diagnosed.__wrapped__(HERE / "mistakes/fully_connected/db_mean.py")
    assert found.mistake == ""
    assert found.pattern == "wrong wherever N > 1, and only there; got = 1/N · wanted"


def test_a_diagnosis_is_told_in_plain_lines_with_a_small_picture():
    (found,) = diagnosed(HERE / "mistakes/fully_connected/dw_transposed.py")
    lines = told(found)
    assert lines[0] == "dw: dw is transposed; the shape is right where D = M (dw_transposed)"
    assert lines[1].strip().startswith("it breaks")
    assert found.breaks in lines[1]
    assert found.case.sizes == {"N": 1, "D": 2, "M": 2}
    assert any(line.split() == ["dw", "got", "wanted"] for line in lines)
    got, wanted = (np.array([[float(v) for v in row.split()[at]] for row in found.picture[1:]])
                   for at in (slice(0, 2), slice(2, 4)))  # fmt: skip
    assert np.array_equal(got, wanted.T), "the picture shows the mistake"
    assert all(len(line) < 200 for line in lines)


def test_the_cases_looked_at_are_small_many_and_the_same_each_time():
    for op in perflab.operations():
        held = examples_of(catalog.operation(op))
        assert len(held) >= 28
        assert examples_of(catalog.operation(op)) is held
        assert {w.case.name for w in held if w.checked} == set(catalog.operation(op).checks)
