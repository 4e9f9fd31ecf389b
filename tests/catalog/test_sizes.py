"""Cases of one's own sizes, and sweeps: what the words mean, what is refused; rungs are right there."""

import math

import numpy as np
import pytest

from perflab import catalog, oracle
from perflab.catalog.cases import costs
from perflab.catalog.sizes import own_case, own_cases, size_of, sweep_of, with_cases
from perflab.contract import PerflabError
from perflab.oracle.verdict import on_own_sizes

OPERATIONS = catalog.operations()
MOST_MULTIPLY_ADDS, MOST_BYTES, DRAWS, QUICK_DRAWS = 2e5, 2e5, 8, 8
ODD_SIZES = (1, 2, 3, 5, 7, 9, 11, 13, 16, 17, 23, 31, 32, 33, 47, 64, 65, 97, 128, 131)


def refused(call, *words):
    """The one line with which a call is refused; it has these words in it."""
    with pytest.raises(PerflabError) as error:
        call()
    line = str(error.value)
    assert "\n" not in line
    for word in words:
        assert word in line, line
    return line


def test_what_is_left_out_comes_from_the_study_case():
    conv2d = catalog.operation("conv2d")
    study = conv2d.case(conv2d.study_case)
    case = own_case(conv2d, size_of(["C=48", "stride=2x1"]))
    assert case.sizes == {**study.sizes, "C": 48}
    assert case.parameters == {"stride": (2, 1), "pad": study.parameters["pad"]}
    assert case.name == "N1-C48-H56-W56-F64-HH3-WW3-stride2x1-pad1"
    assert own_case(conv2d, {"C": 48, "stride": (2, 1)}) == case, "the same from Python"
    assert own_case(conv2d, {"C": 48, "stride": [2, 2]}).parameters["stride"] == 2


def test_a_real_parameter_is_in_the_name():
    case = own_case(catalog.operation("softmax_loss"), {"N": 3, "reg": "0.25"})
    assert case.parameters == {"reg": 0.25}
    assert case.name.endswith("-reg0.25")


def test_several_sizes_are_several_cases_by_growing_work_and_each_once():
    cases = own_cases(catalog.operation("fully_connected"), [{"N": 64}, {"N": 2}, {"N": "64"}])
    assert [case.sizes["N"] for case in cases] == [2, 64]


@pytest.mark.parametrize(
    ("word", "sizes"),
    [
        ("C=16:128", (16, 32, 64, 128)),
        ("C=16:100", (16, 32, 64, 100)),
        ("C=1:2", (1, 2)),
        ("C=16:512:9", (16, 25, 38, 59, 91, 140, 215, 332, 512)),
        ("C=1:4:20", (1, 2, 3, 4)),
    ],
)
def test_a_sweep_doubles_or_has_so_many_sizes(word, sizes):
    found = sweep_of(word).sizes
    assert found == pytest.approx(sizes, abs=1)
    assert (found[0], found[-1]) == (sizes[0], sizes[-1])
    assert list(found) == sorted({*found})


def test_two_axes_are_a_grid_around_one_size():
    conv2d = catalog.operation("conv2d")
    cases = own_cases(conv2d, [{"F": 8}], [sweep_of("C=1:4"), sweep_of("H=8:16")])
    assert {(case.sizes["C"], case.sizes["H"]) for case in cases} == {
        (c, h) for c in (1, 2, 4) for h in (8, 16)
    }
    assert {case.sizes["F"] for case in cases} == {8}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ("no size", "N, C, H")),
        ({"Q": 1}, ("Q: unknown axis", "stride, pad")),
        ({"OH": 3}, ("OH: unknown axis",)),
        ({"N": 0}, ("N=0", "from 1")),
        ({"N": "-1"}, ("N=-1", "from 1")),
        ({"N": 10**12}, ("N=1000000000000", "2147483647")),
        ({"N": "1e3"}, ("N=1e3", "a whole number")),
        ({"N": 2.0}, ("N=2.0", "a whole number")),
        ({"N": True}, ("N=True", "a whole number")),
        ({"stride": 0}, ("stride=0", "from 1")),
        ({"pad": "1x2x3"}, ("pad=1x2x3", "two of them")),
        ({"HH": 99}, ("HH = 99", "wanted HH <= 58")),
        ({"N": 2**31 - 1, "F": 2**31 - 1, "C": 2**31 - 1}, ("operations", "below")),
    ],
)
def test_a_size_that_does_not_fit_is_refused_by_name(given, words):
    refused(lambda: own_case(catalog.operation("conv2d"), given), "conv2d", *words)


@pytest.mark.parametrize("words", [["N"], ["N="], ["=3"], ["N=1", "N=2"], [""]])
def test_a_word_that_is_no_size_is_refused(words):
    refused(lambda: size_of(words), "--size", "wanted")


@pytest.mark.parametrize(
    ("sizes", "sweeps", "words"),
    [
        ([], ["C"], ("'C'", "AXIS=FIRST:LAST")),
        ([], ["C=16"], ("'C=16'", "AXIS=FIRST:LAST")),
        ([], ["C=1:2:3:4"], ("AXIS=FIRST:LAST",)),
        ([], ["C=1:4:"], ("AXIS=FIRST:LAST",)),
        ([], ["C=0:4"], ("'0'", "from 1")),
        ([], ["C=512:16"], ("C=512:16", "an empty sweep")),
        ([], ["C=16:16"], ("an empty sweep",)),
        ([], ["C=1:1000:1000"], ("'1000' sizes", "from 2 to 64")),
        ([], ["C=1:100:50", "H=8:64:50"], ("points", "at most 64")),
        ([], ["Q=1:4"], ("Q: unknown axis",)),
        ([], ["stride=1:4"], ("stride: a parameter, not an axis", "N, C, H, W")),
        ([], ["C=1:4", "C=2:8"], ("twice",)),
        ([], ["C=1:4", "H=8:9", "W=8:9"], ("3 axes", "one or two")),
        ([{"C": 3}], ["C=1:4"], ("C", "given by --size too")),
        ([{"N": 3}, {"N": 4}], ["C=1:4"], ("2 with --sweep", "one at most")),
        ([{"HH": 5, "pad": 0}], ["H=4:64"], ("HH = 5", "H = 4")),
    ],
)
def test_a_sweep_that_does_not_fit_is_refused_by_name(sizes, sweeps, words):
    described = catalog.operation("conv2d")
    refused(lambda: own_cases(described, sizes, [*map(sweep_of, sweeps)]), *words)


def drawn(described, rng):
    """Sizes and parameters at random, ones, primes and odd numbers among them; most windows fit."""
    study = described.case(described.study_case)
    given = {axis: int(rng.choice(ODD_SIZES)) for axis in study.sizes}
    for axis in ("HH", "WW"):
        if axis in given:
            given[axis] = int(rng.choice((1, 2, 3, 3, 5, 7)))
    for argument in described.arguments.values():
        if argument.kind == "pair":
            least = argument.minimum
            given[argument.name] = tuple(int(n) for n in rng.integers(least, least + 4, 2))
    return given


def draws(described, count):
    """So many draws of at most so many multiply-adds; a draw that is refused counts."""
    rng = np.random.default_rng(math.prod(map(ord, described.name[:3])))
    while count:
        given = drawn(described, rng)
        try:
            case = own_case(described, given)
        except PerflabError as error:
            count -= 1
            yield given, str(error)
            continue
        cost = costs(described, case, "float32")["forward"]
        if cost.flops <= 2 * MOST_MULTIPLY_ADDS and cost.bytes <= MOST_BYTES:  # a 1x1 window computes nothing
            count -= 1
            yield case, ""


def check_draws(operation, techniques, count, dtypes):
    """Every technique is right on every draw that is not refused, in one dtype of these after the other."""
    described = catalog.operation(operation)
    right = 0
    for what, refusal in draws(described, count):
        if refusal:
            named = [name for name in (*described.arguments, *what) if name in refusal]
            assert named, refusal
            assert refusal.startswith(f"{operation}: "), refusal
            continue
        sized, dtype = with_cases(described, [what]), dtypes[right % len(dtypes)]
        for technique in techniques:
            verdict = oracle.examine(
                sized, catalog.raw(operation, technique), dtype, on_own_sizes(sized, [what])
            )
            assert verdict, f"{operation}/{technique} {dtype} on {what.name}: {verdict.where}"
        right += 1
    assert right >= count / 2, "most draws fit"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_first_rungs_are_right_on_sizes_that_are_drawn(operation):
    check_draws(operation, ("vectorized", "jit"), QUICK_DRAWS, ("float32",))


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_rung_is_right_on_sizes_that_are_drawn(operation):
    check_draws(operation, catalog.techniques(operation), DRAWS, ("float32", "float64"))
