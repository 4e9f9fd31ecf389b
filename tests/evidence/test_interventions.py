"""Interventions: what a changed source says, that it is right, where one is applicable, what is concluded."""

import ast
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT
from numba.core import cpu, dispatcher

from perflab import oracle
from perflab.evidence import interventions
from perflab.evidence.causes import building, timing, trials
from perflab.evidence.causes.building import flags, text_of
from perflab.evidence.causes.program import Kind, Program
from perflab.machine import repeated
from perflab.records import causes as saved
from perflab.records import typed
from perflab.report.why import causes as told

LOOPS = ROOT / "tests" / "evidence" / "loops"
KNOWN = {each.name: each for each in interventions.known()}
FLOATS = {ndim: Kind("float32", ndim) for ndim in range(3)}
WHOLE = {name: Kind("int64") for name in ("i", "j", "t", "lag", "R", "C", "n")}
IN_PYTHON = SimpleNamespace(
    zero_of=lambda value: type(value)(0), unsigned=lambda index: index, reciprocal=lambda value: 1 / value,
    select=lambda holds, then, otherwise: then if holds else otherwise,
)  # fmt: skip


def program_of(text, kinds, *args, result=None, name="loop"):
    return Program(
        {"it.py": ast.parse(text)}, ("it.py", name), {("it.py", name): WHOLE | kinds}, args, result
    )


def changed(name, text, kinds, *args):
    """The text of the function after an intervention; None where it is not applicable."""
    change = KNOWN[name].apply(program_of(text, kinds, *args))
    return None if change is None else ast.unparse(change.trees["it.py"])


# -------------------------------------------------------------------------------------- source in, source out

DOT = """
def loop(x, y):
    total = x[0]
    for i in range(1, x.shape[0]):
        total += x[i] * y[i]
    return total
"""


def test_eight_sums_take_turns():
    lines = changed(
        "several accumulators", DOT, {"x": FLOATS[1], "y": FLOATS[1], "total": FLOATS[0]}
    ).splitlines()
    assert "    whole_0 = 1 + (x.shape[0] - 1) // 8 * 8" in lines
    assert "    for i in range(1, whole_0, 8):" in lines
    assert "        total_7 += x[i + 7] * y[i + 7]" in lines
    assert "    for i in range(max(1, whole_0), x.shape[0]):" in lines
    assert "    total += total_1 + total_2 + total_3 + total_4 + total_5 + total_6 + total_7" in lines


GUARDED = """
def loop(x, n):
    total = x[0]
    for i in range(n):
        if 0 <= i - 1 < n and i > 2:
            total += x[i - 1]
    return total
"""


def test_what_a_condition_guards_is_read_at_index_0_where_it_does_not_hold():
    text = changed("select for branch", GUARDED, {"x": FLOATS[1], "total": FLOATS[0]})
    assert "holds_0 = (0 <= i - 1) & (i - 1 < n) & (i > 2)" in text
    index = "_helpers.select(holds_0, i - 1, _helpers.zero_of(i - 1))"
    assert f"total = _helpers.select(holds_0, total + x[{index}], total)" in text


def test_whole_divisions_become_exact_products():
    text = "def loop(at, n):\n    for i in range(n):\n        at[i] = at[i] // n + at[i] % n"
    new = changed("product for division", text, {"at": Kind("int64", 1)})
    assert (
        "at[i] = _helpers.quotient(at[i], reciprocal_0_0) + _helpers.remainder(at[i], reciprocal_0_0, n)"
        in new
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("several accumulators", "total += x[i]\n        out[i] = total"),  # each sum is a result
        ("select for branch", "if x[i] > 0:\n            out[i] = f(x[i])"),  # a call may do more
        ("select for branch", "if i < n and x[i] > 0:\n            out[i] = x[i]"),  # x[i] may not exist
        ("product for division", "out[i] = total / x[i]"),  # it changes in the loop
        ("gathered beforehand", "x[at[i]] += total"),  # it is written to
        ("one dtype", "out[i] = x[i] * total"),
        ("no temporaries", "out[i] = x[i]"),
        ("own cache lines", "out[i] += x[i]"),
        ("contiguous beforehand", "out[i] = x[i]"),
        ("calls inlined", "out[i] = x[i]"),
        ("allow contraction", "out[i] = x[i] * total"),
        ("allow reassociation", "out[i] = x[i] * total"),
    ],
)
def test_where_it_is_not_applicable(name, text):
    source = f"def loop(x, at, n):\n    for i in range(n):\n        {text}\n    return out"
    kinds = {"x": FLOATS[1], "out": FLOATS[1], "at": Kind("int64", 1), "total": FLOATS[0]}
    assert KNOWN[name].apply(program_of(source, kinds, np.ones(4, np.float32), np.arange(4), 4)) is None


# ------------------------------------------------------------------------------------- the planted loops


PLANTED = {
    "planted_chain": ("several accumulators", {"total": 0, "x": 1, "y": 1}),
    "planted_stride": ("contiguous beforehand", {"x": 2, "out": 2, "scale": 0}),
    "planted_gather": ("gathered beforehand", {"table": 1, "out": 1}),
    "planted_bounds": ("unsigned indices, no bounds", {"x": 1, "out": 1}),
    "planted_division": ("product for division", {"x": 1, "out": 1, "scale": 0}),
    "planted_branch": ("select for branch", {"x": 1, "out": 1}),
    "planted_temporaries": ("no temporaries", {"x": 2, "y": 2, "out": 2, "products": 1, "sums": 1}),
    "planted_pages": ("warm outputs", {"x": 1, "y": 1, "out": 2}),
    "planted_misses": ("inputs in the L2 cache", {"x": 2, "out": 1}),
    "planted_dtypes": ("one dtype", {"x": 1, "out": 1}),
    "planted_call": ("calls inlined", {"x": 1, "out": 1, "a": 0, "b": 0}),
    "planted_sharing": ("own cache lines", {"x": 2, "sums": 2}),
}


def smaller(value):
    """The beginning of an array: Python is slow."""
    return value[tuple(slice(0, 200) for _ in value.shape)] if isinstance(value, np.ndarray) else value


def in_python(text):
    """What a file defines, without Numba."""
    plain = {"njit": lambda *given, **_: given[0] if given else (lambda f: f), "prange": range}
    held = {"_helpers": IN_PYTHON, "np": np}
    lines = [line for line in text.splitlines() if not line.startswith(("from numba", "from perflab"))]
    exec("\n".join(lines), held | plain, held)
    held.update(plain | {"__builtins__": __builtins__})
    exec("\n".join(lines), held)
    return held


@pytest.mark.parametrize("name", sorted(PLANTED.keys() - {"planted_misses"}))
def test_the_intervention_of_a_planted_cause_computes_the_same(name):
    text = (LOOPS / f"{name}.py").read_text("utf-8")
    held = in_python(text)
    intervention, ndims = PLANTED[name][0], PLANTED[name][1]
    assert KNOWN[intervention].cause == held["CAUSE"]
    args = held["inputs"](np.random.default_rng(0))
    args = args if name == "planted_gather" else tuple(map(smaller, args))
    kinds = {key: FLOATS[ndim] for key, ndim in ndims.items()} | {"at": Kind("uint64", np.ndim(args[-1]))}
    right = held["loop"](*args)
    program = program_of(text, kinds, *args, result=right)
    if name == "planted_call":
        program.compiled["it.py", "folded"] = {}
    change = KNOWN[intervention].apply(program)
    changed_text = text_of((change.trees or program.trees)["it.py"])
    assert changed_text != text_of(program.trees["it.py"]) or change.args is not None
    got = in_python(changed_text)["loop"](*(change.args or args), *change.extra)
    np.testing.assert_allclose(got, right, rtol=1e-5)


def test_every_planted_cause_has_an_intervention_and_the_others_have_none():
    causes = {file.stem: in_python(file.read_text("utf-8"))["CAUSE"] for file in LOOPS.glob("*.py")}
    assert len(causes) == 24
    assert {name for name, cause in causes.items() if cause} == set(PLANTED)
    assert {cause for cause in causes.values() if cause} <= {each.cause for each in KNOWN.values()}


def test_repeated_memory_has_the_form_of_the_array_and_little_to_hold():
    array = np.arange(6000, dtype=np.float32).reshape(60, 100)
    small = repeated.repeated(array, 4096)
    if small is None:
        pytest.skip("this system cannot map one page several times")
    assert (small.shape, small.strides, small.dtype) == (array.shape, array.strides, array.dtype)
    np.testing.assert_array_equal(small.reshape(-1)[1024:2048], array.reshape(-1)[:1024])
    assert repeated.repeated(array[:, ::2], 4096) is None
    assert repeated.repeated(array[:2], 4096) is None


# ---------------------------------------------------------------------------------- what is concluded


def trial(name, ratio, *, cause="division", within=0.02, **more):
    moved = saved.Moved(ratio, ratio * (1 - within), ratio * (1 + within), 21)
    return saved.Trial(
        name, cause, "because", "changes", **{"status": "timed", "moved": moved, "error": 0.1} | more
    )


def found_with(*given, again=1.0, within=0.02):
    chance = saved.Moved(again, again * (1 - within), again * (1 + within), 21)
    return saved.Tested(0.001, 0.1, chance, given)


def test_a_cause_is_named_where_its_intervention_moved_enough_beyond_its_interval():
    found = found_with(
        trial("a", 2.0), trial("b", 4.0), trial("c", 1.09, cause="gather"), trial("d", 3.0, cause="")
    )
    assert [each.name for each in found.named()] == ["b"], "the strongest of a cause; 8 % is too little"
    assert not found_with(trial("a", 2.0, within=0.6)).named(), "its interval holds no change"
    assert not found_with(trial("a", 1.2), within=0.3).named(), "chance moves as much"
    assert not found_with(trial("a", 2.0, status="wrong")).named()
    assert found_with(within=0.3).noisy


def test_what_was_found_is_saved_whole_and_read_back():
    from perflab.contract import Contender

    who = Contender("mlp", "tiny", "float32", 1, "jit")
    causes = saved.Causes(
        who, {"forward": found_with(trial("a", 2.0, ends=("NaN",)))}, {"backward": "not compiled"}
    )
    assert typed.read(saved.Causes, causes.plain()) == causes
    forward, none = told.sentences(causes)
    assert forward == (
        "forward, by intervention on tiny: because (a: 50 % [49, 51] less time, error 0.100 of its bound)."
    )
    assert none == "no interventions: not compiled"
    assert told.table(causes, "forward").rows[0][-1] == "division"
    assert told.permissions(causes, "forward").rows[0][-1] == "undefined"


def test_where_nothing_moved_or_the_machine_was_busy_that_is_said():
    assert "no cause is named. Of one change" in told.sentence(found_with(trial("a", 1.0)))
    assert "too busy" in told.sentence(found_with(trial("a", 1.0), within=0.5))


def test_many_tests_at_once_widen_the_interval():
    ratios = [1 + turn / 100 for turn in range(21)]
    alone, many = (timing.compared(ratios, [1.0] * 21, tests) for tests in (1, 14))
    assert many.low < alone.low < alone.high < many.high


# ------------------------------------------------------------------------------------------ with Numba


@pytest.fixture
def builder(monkeypatch, tmp_path):
    """A builder, whose hold on Numba ends with the test."""
    for owner, name in ((cpu.CPUTargetOptions, "finalize"), (dispatcher.Dispatcher, "enable_caching")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    building.take_flags.cache_clear()
    yield building.Builder(tmp_path)
    building.take_flags.cache_clear()


@pytest.mark.slow
def test_a_loop_is_compiled_verified_and_timed(builder):
    text = (LOOPS / "planted_branch.py").read_text("utf-8") + "\n"
    held = in_python(text)
    args = tuple(map(smaller, held["inputs"](np.random.default_rng(0))))
    right = oracle.Reference(
        ("out",), (held["definition"](*args),), (held["bound"](lambda k: k * 6e-8, None, *args)[0] + 1e-30,),
        "float64", np.dtype("float32"),
    )  # fmt: skip
    subject = trials.Subject({"it.py": text}, "it.py", "loop", args, lambda out: (out,), right)
    found = trials.tested(subject, builder)
    assert {each.status for each in found.trials} == {"timed"}
    assert {"select for branch", "allow reassociation"} <= {each.name for each in found.trials}
    assert all(each.error is None or each.error <= 1 for each in found.trials)


@pytest.mark.slow
def test_a_negative_index_is_not_made_unsigned_and_what_is_wrong_is_not_timed(builder):
    text = (
        "from numba import njit\n@njit\ndef loop(x, n):\n    total = x[n - 1]\n"
        "    for i in range(n):\n        total += x[i - 1]\n    return total\n"
    )
    x = np.random.default_rng(0).random(64, np.float32)
    value = np.asarray(x.astype(float).sum() + float(x[-1]))
    right = oracle.Reference(("out",), (value,), (np.asarray(1e-4),), "float64", np.dtype("float32"))
    subject = trials.Subject({"it.py": text}, "it.py", "loop", (x, 64), lambda out: (out,), right)
    found = trials.tested(subject, builder)
    assert "unsigned indices, no bounds" not in {each.name for each in found.trials}


@pytest.mark.slow
def test_what_changed_sources_call_is_right_when_compiled(builder):
    text = """
from numba import njit

@njit
def f(a, n):
    q = _helpers.quotient(a, _helpers.reciprocal(n))
    r = _helpers.remainder(a, _helpers.reciprocal(n), n)
    return _helpers.unsigned(q), r, _helpers.select(a > 4, a, n), _helpers.zero_of(a)
"""
    function = builder.built({"it.py": ast.parse(text)}, "it.py", "f")
    with flags({"boundscheck": False}):
        for a in (0, 6, 7, 8, 10**9 + 6):
            assert function(a, 7) == (a // 7, a % 7, a if a > 4 else 7, 0)
